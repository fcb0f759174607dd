import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.decimation import Samples, decimate
from services.api.core.stored_trace import Segment, TraceBuilder

INTERVAL_NS = 4_000_000


def built(
    frames: list[tuple[int, Samples]], *, bucket: int = 1, start_us: int = 0, end_us: int = 10**12
) -> list[Segment]:
    builder = TraceBuilder(bucket=bucket, start_us=start_us, end_us=end_us)
    for t0_us, samples in frames:
        builder.add(t0_us, INTERVAL_NS, samples)
    return builder.finish()


def ramp(first: int, n: int) -> Samples:
    return np.arange(first, first + n, dtype=np.float64)[np.newaxis]


def test_frames_that_follow_each_other_are_one_segment() -> None:
    segments = built([(0, ramp(0, 250)), (1_000_000, ramp(250, 250))])
    assert len(segments) == 1
    assert segments[0].values[0].tolist() == list(range(500))
    assert segments[0].hz == 250.0


def test_a_hole_ends_a_segment() -> None:
    segments = built([(0, ramp(0, 250)), (2_000_000, ramp(500, 250))])
    assert [segment.start_us for segment in segments] == [0, 2_000_000]


def test_a_repeated_frame_and_an_overlap_are_given_once() -> None:
    segments = built([(0, ramp(0, 250)), (0, ramp(0, 250)), (400_000, ramp(100, 250))])
    assert segments[0].values[0].tolist() == list(range(350))


def test_samples_outside_of_the_interval_are_cut_off() -> None:
    segments = built([(0, ramp(0, 250))], start_us=100_000, end_us=200_000)
    assert segments[0].start_us == 100_000
    assert segments[0].values[0].tolist() == list(range(25, 50))


def test_another_rate_or_number_of_channels_ends_a_segment() -> None:
    builder = TraceBuilder(bucket=1, start_us=0, end_us=10**12)
    builder.add(0, INTERVAL_NS, ramp(0, 250))
    builder.add(1_000_000, INTERVAL_NS, np.zeros((2, 250)))
    builder.add(2_000_000, 2 * INTERVAL_NS, np.zeros((2, 125)))
    assert [segment.values.shape for segment in builder.finish()] == [(1, 250), (2, 250), (2, 125)]


@given(
    st.lists(st.integers(1, 900), min_size=1, max_size=200),
    st.integers(1, 400),
)
def test_any_cut_into_frames_gives_the_same_points(sizes: list[int], bucket: int) -> None:
    n = sum(sizes)
    samples = np.random.default_rng(3).normal(size=(1, n))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    cut = [
        (int(start) * INTERVAL_NS // 1_000, samples[:, start : start + size])
        for start, size in zip(starts, sizes, strict=True)
    ]

    whole = built([(0, samples)], bucket=bucket)
    pieces = built(cut, bucket=bucket)

    assert len(pieces) == len(whole) == 1
    np.testing.assert_array_equal(pieces[0].values, whole[0].values)
    assert whole[0].values.max() == samples.max()
    assert whole[0].values.min() == samples.min()


def test_nothing_gives_nothing() -> None:
    assert built([]) == []
    assert built([(0, ramp(0, 10))], start_us=10**9) == []


def test_a_long_trace_is_thinned_piece_by_piece_as_if_it_were_one() -> None:
    n = 200_000
    samples = np.random.default_rng(4).normal(size=(1, n))
    frames = [
        (start * INTERVAL_NS // 1_000, samples[:, start : start + 250])
        for start in range(0, n, 250)
    ]
    for bucket in (1, 7, 1_000):
        (piecewise,) = built(frames, bucket=bucket)
        (whole,) = built([(0, samples)], bucket=bucket)
        np.testing.assert_array_equal(piecewise.values, whole.values)


def test_two_steps_find_the_extremes_that_one_step_finds() -> None:
    samples = np.random.default_rng(6).normal(size=(2, 100_000))
    samples[:, 30_000:60_000] = np.nan
    bucket = 3 * 4_096
    (segment,) = built([(0, samples)], bucket=bucket)
    np.testing.assert_array_equal(segment.values, decimate(samples, 1.0, bucket).values)
    assert segment.hz == 250.0 * 2 / bucket


def test_a_piece_that_ends_with_whole_buckets_leaves_nothing_over() -> None:
    exact = ramp(0, 65_536)
    (segment,) = built([(0, exact)], bucket=4)
    assert segment.values.shape == (1, 32_768)
