"""Frames as runs, and the traces made of them, against one truth."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.minute_extremes import MinuteExtremes, is_far
from services.api.core.sample_runs import Run, batch_of, runs
from services.api.core.stored_trace import TraceBuilder
from shared.contracts.frames import FrameBatch, SampleFormat
from shared.contracts.instants import MINUTE, SECOND, Interval, Microseconds

INTERVAL_NS = 4_000_000
T0_US = 1_795_262_400_000_000


def batch(
    seconds: dict[float, list[int]],
    *,
    formats: dict[float, int] | None = None,
    channels: int = 1,
    interval_ns: int = INTERVAL_NS,
) -> FrameBatch:
    """Frames by the second at which they begin."""
    formats = formats or {}
    dtypes = {1: "<i2", 3: "<i4", 4: "<f4"}
    count = len(seconds)
    return batch_of(
        {
            "t0": [T0_US + round(second * SECOND) for second in seconds],
            "n": list(range(count)),
            "interval_ns": [interval_ns] * count,
            "channels": [channels] * count,
            "format": [formats.get(second, 1) for second in seconds],
            "scale": [0.5] * count,
            "offset": [1.0] * count,
        },
        [
            np.array(samples, dtype=dtypes[formats.get(second, 1)]).tobytes()
            for second, samples in seconds.items()
        ],
    )


def found(frames: FrameBatch, channels: int = 1) -> list[Run]:
    return list(runs(frames, interval_ns=INTERVAL_NS, channels=channels))


def test_frames_that_continue_each_other_are_one_run() -> None:
    (run,) = found(batch({0: [1] * 250, 1: [2] * 250, 2: [-32_768] * 250}))
    assert (run.t0_us, run.end_us, run.format) == (T0_US, T0_US + 3e6, SampleFormat.INT16)
    assert run.raw.shape == (750, 1)
    assert run.values()[0, [0, 250]].tolist() == [1.5, 2.0]
    assert np.isnan(run.values()[0, 500:]).all()


def test_a_hole_another_layout_and_other_channels_begin_a_new_run() -> None:
    assert len(found(batch({0: [1] * 250, 2: [2] * 250}))) == 2
    assert len(found(batch({0: [1] * 250, 1: [2] * 250}, formats={1: 3}))) == 2
    assert found(batch({0: [1] * 250}), channels=2) == []
    assert found(batch_of({}, [])) == []


def test_interleaved_channels_come_apart() -> None:
    (run,) = found(batch({0: [1, 2, 3, 4]}, channels=2), channels=2)
    assert run.values().tolist() == [[1.5, 2.5], [2.0, 3.0]]


def test_small_deviations_do_not_add_up_and_lose_no_sample() -> None:
    fast = batch({index * 0.9998: [index] * 250 for index in range(200)})
    builder = TraceBuilder(bucket=1, start_us=0, end_us=10**18)
    for run in found(fast):
        builder.add(run.t0_us, run.interval_ns, run.values(), end_us=run.end_us)
    segments = builder.finish()
    assert sum(segment.values.shape[1] for segment in segments) == 200 * 250
    for segment in segments:
        index = (segment.values[0, -1] - 1) * 2
        last_us = segment.start_us + (segment.values.shape[1] - 1) * 4_000
        assert abs(last_us - (T0_US + index * 999_800 + 249 * 4_000)) < 3 * 4_000


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 2_000))
def test_joined_runs_give_what_single_frames_give(there: list[bool], bucket: int) -> None:
    rng = np.random.default_rng(5)
    seconds = {
        float(index): rng.integers(-999, 999, 250).tolist()
        for index, is_there in enumerate(there)
        if is_there
    }
    frames = batch(seconds)
    bounds = {"bucket": bucket, "start_us": T0_US + 10_000, "end_us": T0_US + 50 * SECOND}
    joined, single = TraceBuilder(**bounds), TraceBuilder(**bounds)

    for run in found(frames):
        joined.add(run.t0_us, run.interval_ns, run.values(), end_us=run.end_us)
    for second, samples in seconds.items():
        values = np.array([samples]) * 0.5 + 1.0
        single.add(T0_US + round(second * SECOND), INTERVAL_NS, values)

    ours, truth = joined.finish(), single.finish()
    assert [(one.start_us, one.hz) for one in ours] == [(one.start_us, one.hz) for one in truth]
    for one, other in zip(ours, truth, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_a_hole_that_cannot_be_seen_is_bridged_by_missing_samples() -> None:
    builder = TraceBuilder(bucket=1_000, start_us=0, end_us=10**18)
    for run in found(batch({0: [7] * 250, 2: [9] * 250, 10: [5] * 250})):
        builder.add(run.t0_us, run.interval_ns, run.values())
    first, second = builder.finish()
    assert first.values.tolist() == [[4.5, 5.5]]
    assert second.start_us == T0_US + 10 * SECOND


# ------------------------------------------------------------------------------ from far


def whole(start_s: float, end_s: float) -> Interval:
    return Interval(
        start=Microseconds(T0_US + round(start_s * SECOND)),
        end=Microseconds(T0_US + round(end_s * SECOND)),
    )


@given(
    st.integers(0, 500),
    st.integers(1, 700),
    st.integers(1, 400),
    st.floats(90, 2_000),
    st.sets(st.integers(0, 19)),
)
def test_from_far_the_extremes_are_those_of_the_samples(
    start_s: int, span_s: int, hole_s: int, bucket_s: float, known: set[int]
) -> None:
    """Some minutes are told by their extremes, the others by their samples."""
    rng = np.random.default_rng(9)
    samples = rng.normal(size=(2, 20 * 60))  # one a second
    samples[:, 400 : 400 + hole_s] = np.nan
    interval = whole(start_s, start_s + span_s)
    extremes = MinuteExtremes(interval, 2)
    for minute in range(20):
        part = samples[:, minute * 60 : minute * 60 + 60]
        inside = start_s <= minute * 60 and minute * 60 + 60 <= start_s + span_s
        if minute in known and inside and not np.isnan(part).all():
            extremes.add_minute(
                T0_US + minute * MINUTE,
                np.nanmin(part, axis=1).tolist(),
                np.nanmax(part, axis=1).tolist(),
            )
        else:
            extremes.add(T0_US + minute * MINUTE, 10**9, part)

    assert is_far(bucket_s * SECOND)
    segments = extremes.finish(bucket_s * SECOND)

    truth = samples[:, start_s : start_s + span_s]
    if np.isnan(truth).all():
        assert not segments
        return
    values = np.concatenate([segment.values for segment in segments], axis=1)
    np.testing.assert_array_equal(np.nanmin(values, axis=1), np.nanmin(truth, axis=1))
    np.testing.assert_array_equal(np.nanmax(values, axis=1), np.nanmax(truth, axis=1))
    assert values.shape[1] <= 2 * (span_s / bucket_s + 2) * len(segments)


def test_minutes_without_a_sample_part_segments() -> None:
    extremes = MinuteExtremes(whole(0, 3_600), 1)
    for minute in (0, 1, 2, 30, 31):
        extremes.add_minute(T0_US + minute * MINUTE, [minute], [minute + 0.5])
    extremes.add_minute(T0_US + 10 * MINUTE, [None], [None])
    extremes.add_minute(T0_US + 90 * MINUTE, [1], [1])
    first, second = extremes.finish(2 * MINUTE)
    assert first.values.tolist() == [[0, 1.5, 2, 2.5]]
    assert (second.start_us, second.hz) == (T0_US + 30 * MINUTE, 1 / 60)
