"""Parts of the time side by side give what one run gives."""

import numpy as np
import pytest

from services.dsp.core.lane import Computed
from services.dsp.core.recomputation import (
    AFTER_US,
    LEAST_PART_US,
    recompute,
    recompute_in_parts,
    revised,
    warm_up_us,
)
from shared.contracts.quality import FrameFlag
from shared.contracts.streams import Stream
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.core.test_lane import START_US, read, rows, stream_of

SECOND_US = 1_000_000


@pytest.mark.parametrize("stream", [Stream.ECG, Stream.PPG])
def test_parts_give_what_one_run_gives(stream: Stream) -> None:
    part_s = max(LEAST_PART_US, warm_up_us(stream)) // SECOND_US
    duration_s = 90 + part_s + 60
    beats = signals.beat_times(70, duration_s)
    if stream is Stream.ECG:
        values = signals.ecg(beats, duration_s, 250)[None]
        frames = stream_of(3, stream, 250, values, scale=0.001, shift_us=1234)
    else:
        values = signals.ppg(beats, duration_s, 100)
        frames = stream_of(3, stream, 100, values, scale=1.0, chunk=37)
    lead_off = int(FrameFlag.LEAD_OFF)
    second = {one.n: (one.t0 - START_US) // SECOND_US for one in frames}
    frames = [
        one._replace(flags=lead_off) if 200 < second[one.n] < 204 else one
        for one in frames
        if not 150 <= second[one.n] < 163
    ]
    start_us, end_us = START_US + 80 * SECOND_US, START_US + (duration_s - 10) * SECOND_US
    assert end_us - start_us > part_s * SECOND_US  # two parts
    assert end_us + AFTER_US > START_US + duration_s * SECOND_US
    batch = read(frames)
    one_run = recompute(batch, only=stream)
    bounds = {"start_us": start_us, "end_us": end_us}
    parts = recompute_in_parts(batch, only=stream, **bounds)
    expected = Computed(
        vitals=[revised(table, revision=0, **bounds) for table in one_run.vitals],
        beats=[revised(table, revision=0, **bounds) for table in one_run.beats],
    )
    assert rows([parts]) == rows([expected])
    assert sum(map(len, parts.vitals)) > 200
    in_time = [event for event in one_run.events if start_us <= event.t < end_us]
    assert len(in_time) >= 2
    assert {event.id for event in parts.events} == {event.id for event in in_time}
    assert {event.device for event in parts.events} == {3}
    assert all(np.all(table["device"] == 3) for table in parts.vitals)
