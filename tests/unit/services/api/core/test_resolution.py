import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.resolution import (
    Level,
    coarser_s,
    pieces,
    resolution_s,
    whole_buckets,
)
from shared.contracts.instants import DAY, HOUR, MINUTE, SECOND, Interval, Microseconds

WIDTHS = {Level.VALUES: 1, Level.MINUTES: MINUTE, Level.HOURS: HOUR}


def between(start: int, end: int) -> Interval:
    return Interval(start=Microseconds(start), end=Microseconds(end))


@pytest.mark.parametrize(
    ("span_s", "points", "seconds"),
    [
        (600, 600, 0),
        (3_600, 600, 10),
        (86_400, 1_440, 60),
        (31 * 86_400, 600, 7_200),
        (366 * 86_400, 500, 86_400),
        (1_800 * 86_400, 2, 900 * 86_400),
    ],
)
def test_the_least_resolution_that_fits_is_used(span_s: int, points: int, seconds: int) -> None:
    assert resolution_s(span_s * 1_000_000, points) == seconds


@given(st.integers(0, 1_830 * DAY), st.integers(2, 5_000))
def test_there_are_never_more_buckets_than_asked_for(span_us: int, points: int) -> None:
    step_s = resolution_s(span_us, points)
    if step_s:
        assert span_us / 1e6 / step_s <= points
    if step_s > 60:
        assert step_s % 60 == 0
    if step_s > 3_600:
        assert step_s % 3_600 == 0


@given(st.integers(0, 10**15), st.integers(0, 10**12), st.sampled_from([0, 10, 60, 7_200]))
def test_a_range_is_widened_to_whole_buckets_and_no_further(
    start: int, span: int, step_s: int
) -> None:
    step_us = step_s * SECOND
    whole = whole_buckets(between(start, start + span), step_us)
    assert whole.start <= start
    assert whole.end >= start + span
    if step_us:
        assert whole.start % step_us == whole.end % step_us == 0
        assert start - whole.start < step_us
        assert whole.end - start - span < step_us


@given(
    st.integers(0, 400 * HOUR),
    st.integers(0, 400 * HOUR),
    st.sampled_from([5, 60, 300, 3_600, 7_200, 86_400]),
    st.integers(0, 800 * HOUR),
)
def test_pieces_make_up_the_range_exactly_and_are_as_coarse_as_may_be(
    start: int, span: int, step_s: int, done_us: int
) -> None:
    step_us = step_s * SECOND
    until = {Level.MINUTES: done_us, Level.HOURS: done_us}

    found = pieces(between(start, start + span), step_us=step_us, until=until)

    place = start
    for piece in found:
        width = WIDTHS[piece.level]
        assert piece.interval.start == place
        assert piece.interval.end > place
        assert piece.interval.start % width == piece.interval.end % width == 0
        assert step_us % width == 0
        assert piece.level is Level.VALUES or piece.interval.end <= done_us
        place = piece.interval.end
    assert place == start + span
    if step_us % HOUR == 0:
        fine_us = sum(
            piece.interval.end - piece.interval.start
            for piece in found
            if piece.level is Level.VALUES and piece.interval.end <= done_us // MINUTE * MINUTE
        )
        assert fine_us < 2 * MINUTE


def test_what_is_not_kept_any_more_is_looked_for_in_its_summaries() -> None:
    assert coarser_s(5) == [60, 3_600]
    assert coarser_s(300) == [3_600]
    assert coarser_s(86_400) == []
