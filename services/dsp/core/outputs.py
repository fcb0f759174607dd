"""What estimators give: readings of a measure for each device, and beats."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Instants, Rows, Samples
from shared.contracts.beats import BeatKind
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

Flags = NDArray[np.uint16]


class Reading(NamedTuple):
    """One measure of all devices at one moment.

    Attributes
    ----------
    value : (devices,), in the unit of the measure, NaN where there is none
    quality : (devices,), 0 to 1: about the share of such values that are right
    coverage : (devices,), 0 to 1: how much of the window had samples
    """

    measure: Measure
    method: Method
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
    """

    kind: BeatKind
    row: Rows
    t: Instants
    rr_ms: Samples
    quality: Samples


class Output(NamedTuple):
    """What one second of samples led to."""

    readings: tuple[Reading, ...]
    beats: Beats | None = None
