"""Parts of the time side by side give what one run gives."""

import numpy as np
import pytest

from services.dsp.core.estimators import warm_up_s
from services.dsp.core.exchange import Span
from services.dsp.core.lane import Computed
from services.dsp.core.motion import steps
from services.dsp.core.recomputation import (
    AFTER_US,
    PIECE_US,
    TOGETHER_US,
    Stretch,
    needed_us,
    part_us,
    recompute,
    recompute_in_parts,
    revised,
    side_by_side,
    touched_before_us,
    touched_us,
    warm_up_us,
)
from shared.contracts.frames import FrameBatch
from shared.contracts.measures import Measure
from shared.contracts.quality import FrameFlag
from shared.contracts.streams import Place, Stream
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.core.test_lane import START_US, read, rows, stream_of

SECOND_US = 1_000_000


def within(computed: Computed, *, start_us: int, end_us: int) -> Computed:
    bounds = {"start_us": start_us, "end_us": end_us, "revision": 0}
    return Computed(
        vitals=[revised(table, **bounds) for table in computed.vitals],
        beats=[revised(table, **bounds) for table in computed.beats],
    )


@pytest.mark.parametrize("stream", [Stream.ECG, Stream.PPG])
def test_parts_give_what_one_run_gives(stream: Stream) -> None:
    part_s = part_us(stream) // SECOND_US
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
    other = batch.table.copy()
    other["device"] = 8
    later_us = start_us + 7 * SECOND_US
    beside = Stretch(FrameBatch(other, batch.samples), later_us, later_us + 50 * SECOND_US)
    parts, others = recompute_in_parts([Stretch(batch, start_us, end_us), beside], only=stream)
    assert rows([parts]) == rows([within(one_run, **bounds)])
    mine = within(one_run, start_us=beside.start_us, end_us=beside.end_us)
    for table in (*mine.vitals, *mine.beats):
        table["device"] = 8
    assert rows([others]) == rows([mine])
    assert sum(map(len, others.vitals)) > 50
    assert sum(map(len, parts.vitals)) > 200
    in_time = [event for event in one_run.events if start_us <= event.t < end_us]
    assert len(in_time) >= 2
    assert {event.id for event in parts.events} == {event.id for event in in_time}
    assert {event.device for event in parts.events} == {3}
    assert all(np.all(table["device"] == 3) for table in parts.vitals)


def test_only_what_the_estimators_of_a_place_remember_is_warmed_up() -> None:
    duration_s, start_s = 300, 250
    t = np.arange(duration_s * 50) / 50
    walk = 0.3 * np.sin(2 * np.pi * (1.6 + 0.002 * t) * t) * (t % 40 < 25)
    frames = stream_of(
        3, Stream.ACCELEROMETER, 50, np.stack([0.1 * walk, 0.2 * walk, 1 + walk]), scale=0.001
    )
    start_us, end_us = START_US + start_s * SECOND_US, START_US + (duration_s - 10) * SECOND_US
    near = read(frames)
    assert needed_us(near.table, Stream.ACCELEROMETER) == warm_up_s(steps.MEMORY_S) * SECOND_US
    (parts,) = recompute_in_parts([Stretch(near, start_us, end_us)], only=Stream.ACCELEROMETER)
    one_run = recompute(near, only=Stream.ACCELEROMETER)
    assert rows([parts]) == rows([within(one_run, start_us=start_us, end_us=end_us)])
    told = {int(measure) for table in parts.vitals for measure in table["measure"]}
    assert Measure.STEPS in told
    on_chest = near.table.copy()
    on_chest["place"][-1] = Place.CHEST  # moved meanwhile: what remembers longest decides
    longest_us = warm_up_us(Stream.ACCELEROMETER)
    assert needed_us(on_chest, Stream.ACCELEROMETER) == longest_us


@pytest.mark.parametrize("stream", [Stream.ECG, Stream.PPG, Stream.ACCELEROMETER])
def test_samples_matter_to_no_value_outside_of_the_time_that_they_touch(stream: Stream) -> None:
    before_us, after_us = touched_before_us(stream), touched_us(stream)
    lost_s = 60
    duration_s = lost_s + 3 + after_us // SECOND_US + 20
    beats = signals.beat_times(70, duration_s)
    if stream is Stream.ECG:
        values, rate_hz = signals.ecg(beats, duration_s, 125)[None], 125
    elif stream is Stream.PPG:
        values, rate_hz = signals.ppg(beats, duration_s, 50), 50
    else:
        rate_hz = 50
        t = np.arange(duration_s * rate_hz) / rate_hz
        step = 0.3 * np.sin(2 * np.pi * 1.8 * t)
        values = np.stack([0.1 * step, 0.2 * step, 1 + step])
    frames = stream_of(3, stream, rate_hz, values, scale=0.001)
    first_us, last_us = START_US + lost_s * SECOND_US, START_US + (lost_s + 3) * SECOND_US
    fewer = [one for one in frames if not first_us <= one.t0 < last_us]
    assert fewer != frames
    found = [set(rows([recompute(read(some), only=stream)])) for some in (frames, fewer)]
    differing = [int.from_bytes(row[:8], "little") for row in found[0] ^ found[1]]
    assert len(differing) > 10
    assert first_us - before_us <= min(differing) < first_us
    assert last_us < max(differing) < last_us + after_us


def computed_us(spans: list[Span]) -> int:
    """Signal that goes through the estimators, warm-ups included."""
    total = 0
    for span in spans:
        for start_us in range(span.start_us, span.end_us, part_us(span.stream)):
            stop_us = min(start_us + part_us(span.stream), span.end_us)
            total += stop_us - start_us + warm_up_us(span.stream)
    return total


@pytest.mark.parametrize("length_us", [SECOND_US, 61 * SECOND_US, PIECE_US])
def test_as_much_is_computed_together_as_memory_allows(length_us: int) -> None:
    spans = [Span(n, Stream.ECG, START_US, START_US + length_us) for n in range(500)]
    parts = side_by_side(spans)
    assert [n for part in parts for n in range(500)[part]] == list(range(500))
    computed = [computed_us(spans[part]) for part in parts]
    assert max(computed) <= TOGETHER_US
    assert len(parts) <= 1.5 * sum(computed) / TOGETHER_US + 1, "and not much less"


def test_what_is_longer_than_all_that_is_computed_together_stands_alone() -> None:
    long = Span(1, Stream.ECG, START_US, START_US + 2 * TOGETHER_US)
    short = Span(2, Stream.ECG, START_US, START_US + SECOND_US)
    assert side_by_side([short, long, short]) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert side_by_side([]) == []
