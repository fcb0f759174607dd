"""From what estimators give to what is told: values that may be shown, beats, events."""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.outputs import Beats, Finding, Reading
from services.dsp.core.windows import Instants
from shared.contracts.beats import BEAT, BeatClass
from shared.contracts.events import Event, event_id
from shared.contracts.measures import MEASURES
from shared.contracts.methods import Method
from shared.contracts.quality import FrameFlag, Validity, ValueFlag
from shared.contracts.records import Table
from shared.contracts.streams import STREAMS, Stream
from shared.contracts.vitals import VITAL

VALID_FROM = 0.7  # quality from which a value is shown without a mark
SEEN = 0.5  # coverage below which the reason of an absent value is missing samples
SETTLED_S = 12  # seconds of signal after which an absent value is no longer settling
SOURCE = "dsp"
FIRST_REVISION = 0  # what live gives out; storage keeps each revision above


def vital_rows(
    reading: Reading,
    *,
    device: NDArray[np.int32],
    t: Instants,
    received: Instants,
    frame_flags: NDArray[np.uint32],
    age_s: NDArray[np.int64],
) -> Table:
    """Rows of ``vitals.v1``, one a device, none for a device of which nothing was seen.

    Parameters
    ----------
    t : us UTC that each value speaks of
    frame_flags : of the newest second
    age_s : seconds of signal since the device's stream began
    """
    row = MEASURES[reading.measure]
    value, quality = reading.value, np.clip(reading.quality, 0, 1)
    plausible = np.isfinite(value) & (value >= row.low) & (value <= row.high)
    told = plausible & (quality >= row.least_quality)
    table = np.zeros(len(device), dtype=VITAL)
    table["t"], table["received"], table["device"] = t, received, device
    table["value"] = np.where(told, value, np.nan)
    table["quality"] = np.where(plausible, quality, 0)
    table["measure"], table["method"] = reading.measure, reading.method
    table["revision"] = FIRST_REVISION
    doubtful = np.where(quality >= VALID_FROM, Validity.VALID, Validity.QUESTIONABLE)
    table["validity"] = np.where(told, doubtful, Validity.ABSENT)
    flags = np.where((frame_flags & FrameFlag.SIMULATED) != 0, ValueFlag.SIMULATED, 0)
    lead_off = (frame_flags & FrameFlag.LEAD_OFF) != 0
    reasons = (
        (lead_off, ValueFlag.LEAD_OFF),
        (age_s < SETTLED_S, ValueFlag.SETTLING),
        (reading.coverage < SEEN, ValueFlag.NO_SAMPLES),
    )
    reason = np.select(
        [when for when, _ in reasons], [flag for _, flag in reasons], ValueFlag.ARTEFACT
    )
    flags = flags | np.where(table["method"] == Method.DEVICE, ValueFlag.DEVICE, 0)
    absent = table["validity"] == Validity.ABSENT
    table["flags"] = flags | np.where(absent, reason, 0)
    return table[reading.coverage > 0]


def beat_rows(beats: Beats, device: NDArray[np.int32]) -> Table:
    """Rows of ``beats.v1``; `device` of each row of the estimator's state."""
    table = np.zeros(len(beats.row), dtype=BEAT)
    table["t"], table["device"] = beats.t, device[beats.row]
    table["rr_ms"], table["quality"] = beats.rr_ms, beats.quality
    table["revision"], table["kind"] = FIRST_REVISION, beats.kind
    table["class"] = BeatClass.UNCLASSIFIED if beats.classes is None else beats.classes
    return table


def finding_event(finding: Finding, device: int, stream: Stream, *, told_as: int) -> Event:
    """The event that tells of a finding; told again it is the same one.

    Parameters
    ----------
    told_as : the device in its identity; `device` may be a number for a part of its time
    """
    named = {"name": finding.name} if finding.name else {}
    return Event(
        id=event_id(
            SOURCE, finding.kind, told_as, stream, finding.name, finding.t, int(finding.has_ended)
        ),
        t=finding.t,
        kind=finding.kind,
        severity=finding.severity,
        source=SOURCE,
        text_key=finding.kind.value,
        device=device,
        data={
            "stream": STREAMS[stream].key,
            **named,
            "has_ended": finding.has_ended,
            **finding.data,
        },
    )
