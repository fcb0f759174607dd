"""Minutes are computed once each, hours when they are whole, steps as long as they may be."""

from hypothesis import given
from hypothesis import strategies as st

from services.storage.core.rollup import (
    LONG_STEP_S,
    MinuteOfPatient,
    RollupPosition,
    close_to,
    first_to_compute,
    fitting_stretch,
    hours_of,
    minutes_of,
    next_stretch,
    whole_hour,
)

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000


@given(st.integers(0, 500), st.integers(1, 300), st.lists(st.floats(0, 40), min_size=400))
def test_steps_cover_each_minute_once_and_each_whole_hour(
    start: int, minutes: int, took_s: list[float]
) -> None:
    done, closed = start * HOUR, start * HOUR + minutes * MINUTE
    most, hours = 5 * MINUTE, []
    for took in took_s:
        stretch = next_stretch(RollupPosition(closed, done), most)
        if stretch is None:
            break
        assert stretch[0] == done < stretch[1] <= closed
        assert stretch[1] - done <= most
        done = stretch[1]
        hours += [hour] if (hour := whole_hour(done)) else []
        most = fitting_stretch(most, took)
        assert MINUTE <= most <= HOUR
        assert most % MINUTE == 0
    assert done == closed
    assert hours == [((start + i) * HOUR, (start + i + 1) * HOUR) for i in range(minutes // 60)]


def test_a_step_becomes_shorter_when_it_took_long() -> None:
    assert fitting_stretch(5 * MINUTE, LONG_STEP_S + 1) == 2 * MINUTE
    assert fitting_stretch(MINUTE, LONG_STEP_S + 1) == MINUTE
    assert fitting_stretch(10 * MINUTE, 2.0) == 10 * MINUTE


def test_a_minute_is_closed_after_it_has_settled() -> None:
    assert close_to(10 * MINUTE + 29_000_000, 30_000_000) == 9 * MINUTE
    assert close_to(10 * MINUTE + 30_000_000, 30_000_000) == 10 * MINUTE


def test_it_begins_with_a_whole_hour_before_all_values() -> None:
    assert first_to_compute(None, DAY + 5) == DAY
    assert first_to_compute(3 * HOUR + 7, 9 * DAY) == 3 * HOUR


def test_only_closed_minutes_are_noted() -> None:
    times = [(2, MINUTE + 1), (1, 5), (2, MINUTE + 9), (1, 2 * MINUTE)]
    assert minutes_of(times, before_us=2 * MINUTE) == [(1, 0), (2, MINUTE)]
    assert hours_of([MinuteOfPatient(1, 61 * MINUTE), MinuteOfPatient(1, HOUR)]) == [(1, HOUR)]
