"""Who begins anew with empty windows differs only in the time that is noted for it."""

import numpy as np
import pytest

from services.dsp.core.estimators import memory_of
from services.dsp.core.lane import Computed, LaneSignals
from services.dsp.core.recomputation import touched_before_us, touched_us
from shared.contracts.frames import Frame
from shared.contracts.streams import Stream
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.core.test_lane import read, stream_of

CUT_S = 60
SETTLED_S = 45  # what is noted about the cut, and some time after all of it is forgotten


def frames_of(stream: Stream) -> list[Frame]:
    duration_s = CUT_S + memory_of(stream) + SETTLED_S
    beats = signals.beat_times(70, duration_s)
    match stream:
        case Stream.ECG:
            values = signals.ecg(beats, duration_s, 250)[None]
            return stream_of(1, stream, 250, values, scale=0.001, shift_us=1234)
        case Stream.PPG:
            return stream_of(1, stream, 100, signals.ppg(beats, duration_s, 100), scale=1.0)
        case _:
            values = signals.breathing(15, duration_s, 25)[None]
            return stream_of(1, stream, 25, values, scale=0.001)


def values_of(computed: list[Computed]) -> dict[tuple[int, ...], bytes]:
    """Each value and beat by its key."""
    found: dict[tuple[int, ...], bytes] = {}
    for one in computed:
        for table in one.vitals:
            for row in table:
                key = (int(row["t"]), int(row["measure"]), int(row["method"]), 0)
                found[key] = row[["value", "quality", "validity"]].tobytes()
        for table in one.beats:
            for row in table:
                found[int(row["t"]), 0, 0, int(row["kind"])] = row[["rr_ms", "quality"]].tobytes()
    return found


def through(lane: LaneSignals, frames: list[Frame]) -> list[Computed]:
    computed = []
    for one in frames:
        lane.take(read([one]))
        computed.append(lane.compute())
    return computed


@pytest.mark.parametrize("stream", [Stream.ECG, Stream.PPG, Stream.IMPEDANCE])
def test_what_differs_lies_in_the_time_that_is_noted(stream: Stream) -> None:
    frames = frames_of(stream)
    lane = LaneSignals()
    before = through(lane, frames[:CUT_S])
    noted, now_us = lane.in_windows(), lane.now
    undisturbed = values_of(before + through(lane, frames[CUT_S:]))
    cut = values_of(before) | values_of(through(LaneSignals(), frames[CUT_S:]))

    assert [(span.device, span.stream) for span in noted] == [(1, stream)]
    span = noted[0]
    assert span.start_us < now_us < span.end_us
    first, end = span.start_us - touched_before_us(stream), span.end_us + touched_us(stream)
    differing = {
        key for key in undisturbed.keys() | cut.keys() if undisturbed.get(key) != cut.get(key)
    }
    assert differing, "beginning anew is seen"
    assert all(first <= key[0] < end for key in differing)
    outside = [key for key in undisturbed if not first <= key[0] < end]
    assert min(outside)[0] < first
    assert max(outside)[0] > end
    assert np.all([undisturbed[key] == cut[key] for key in outside])
