"""What estimators give: readings of a measure for each device, beats, and findings."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Instants, Rows, Samples
from shared.contracts.beats import BeatKind
from shared.contracts.events import EventKind, Severity
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

Flags = NDArray[np.uint16]
FrameFlags = NDArray[np.uint32]


class Reading(NamedTuple):
    """One measure of all devices at one moment.

    Attributes
    ----------
    method : of all devices, or (devices,) of each
    value : (devices,), in the unit of the measure, NaN where there is none
    quality : (devices,), 0 to 1: about the share of such values that are right
    coverage : (devices,), 0 to 1: how much of the window had samples
    """

    measure: Measure
    method: Method | NDArray[np.int8]
    value: Samples
    quality: Samples
    coverage: Samples


class Beats(NamedTuple):
    """Beats of all devices, by device, then by time.

    Attributes
    ----------
    row : device of each beat
    t : us UTC
    rr_ms : to the beat before, NaN when samples are missing between them or it is too long ago
    quality : 0 to 1
    classes : `BeatClass`; None where nobody judges. A beat may be told twice, first without its
        class: the class stays
    """

    kind: BeatKind
    row: Rows
    t: Instants
    rr_ms: Samples
    quality: Samples
    classes: NDArray[np.int8] | None = None


class Finding(NamedTuple):
    """Something that began or ended on one device, told once.

    Attributes
    ----------
    row : its device
    t : us UTC of the begin or end: a second that a run from elsewhere names as well
    name : of what was found, where the kind has several; part of the event's identity
    has_ended : the end of what began earlier
    data : more that belongs to it, as JSON takes it
    """

    row: int
    kind: EventKind
    t: int
    name: str = ""
    has_ended: bool = False
    severity: Severity = Severity.INFO
    data: Mapping[str, float | int | str | bool | None] = MappingProxyType({})


class Output(NamedTuple):
    """What one second of samples led to."""

    readings: tuple[Reading, ...]
    beats: Beats | None = None
    findings: Sequence[Finding] = ()
