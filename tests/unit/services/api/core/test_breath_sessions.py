"""Sessions, their grades, and where the newest stands."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.breath_sessions import (
    BEST_NEEDS_DAYS,
    PAUSE_MOST,
    Breath,
    Grade,
    Zone,
    fev1_result,
    fvc_result,
    grade,
    sessions,
    standing,
    zone,
)
from shared.contracts.forced_breaths import Fault, HowBlown
from shared.contracts.instants import DAY, MINUTE

OURS, THE_DEVICES = (7, 19), (7, 0)
NOW = 1_795_262_400_000_000


def breath(
    t: int,
    *,
    fvc: float = 4.0,
    fev1: float = 3.2,
    pef: float = 480.0,
    extrapolated: float = 0.05,
    end_rise: float = 0.01,
    regained: float = 0.0,
    source: tuple[int, int] = OURS,
    years: float | None = 40.0,
) -> Breath:
    how = HowBlown(fvc, extrapolated, 6.0, end_rise, regained) if source == OURS else None
    return Breath(t, source, {"fvc": fvc, "fev1": fev1, "pef": pef}, years, how)


@pytest.mark.parametrize(
    ("values", "is_young", "expected"),
    [
        ((3.0, 2.9, 2.85), False, Grade.A),
        ((3.0, 2.85), False, Grade.B),
        ((3.0, 2.81, 2.0), False, Grade.C),
        ((3.0, 2.76), False, Grade.D),
        ((3.0, 2.74), False, Grade.E),
        ((3.0,), False, Grade.E),
        ((1.0, 0.9, 0.9), True, Grade.A),
        ((2.0, 1.8, 1.0), True, Grade.A),
        ((1.0, 0.86), True, Grade.C),
        ((1.0, 0.81), True, Grade.D),
    ],
)
def test_a_session_has_the_published_grade(
    values: tuple[float, ...], *, is_young: bool, expected: Grade
) -> None:
    assert grade(values, is_young=is_young) == expected


def test_without_acceptable_breaths_usable_ones_count() -> None:
    assert grade((), n_usable=1) == Grade.U
    assert grade(()) == Grade.F


def test_zones_lie_at_80_and_50_percent() -> None:
    assert [zone(flow, 500) for flow in (400, 399, 250, 249)] == [
        Zone.GREEN, Zone.YELLOW, Zone.YELLOW, Zone.RED,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="above 0"):
        zone(300, 0)


def test_a_pause_ends_a_session_and_so_does_another_device() -> None:
    times = (0, MINUTE, MINUTE + PAUSE_MOST, MINUTE + 2 * PAUSE_MOST + 1)
    found = sessions(
        [*(breath(NOW + t) for t in times), breath(NOW + 2 * MINUTE, source=THE_DEVICES)]
    )
    assert [(each.start - NOW, each.end - NOW, len(each.breaths)) for each in found] == [
        (times[3], times[3], 1),
        (0, times[2], 3),
        (2 * MINUTE, 2 * MINUTE, 1),
    ]


def test_a_late_breath_is_judged_with_the_others() -> None:
    three = [breath(NOW), breath(NOW + MINUTE, end_rise=0.2), breath(NOW + 2 * MINUTE, fvc=3.9)]
    whole = sessions(three)
    for order in permutations(three):
        assert sessions(order) == whole
    (session,) = whole
    assert [each.faults for each in session.breaths] == [(), (), ()], "near the largest before"
    assert fvc_result(session) == (Grade.A, 4.0, 0.0, 3, 3)
    (alone,) = sessions(three[1:2])
    assert alone.breaths[0].faults == (Fault.EARLY_END,)
    assert fvc_result(alone) == (Grade.U, None, None, 0, 1)
    assert fev1_result(alone) == (Grade.E, 3.2, None, 1, 1)


def test_what_does_not_count_is_no_best() -> None:
    (session,) = sessions(
        [
            breath(NOW, fvc=5.0, fev1=4.0, pef=700.0, extrapolated=0.4),
            breath(NOW + MINUTE, fev1=3.5, regained=0.3),
            breath(NOW + 2 * MINUTE, fev1=3.0),
        ]
    )
    assert [each.faults for each in session.breaths] == [(Fault.SLOW_START,), (Fault.COUGH,), ()]
    assert fev1_result(session) == (Grade.E, 3.0, None, 1, 1)
    assert fvc_result(session) == (Grade.B, 4.0, 0.0, 2, 2)
    found = standing(session, [session])
    assert found is not None
    assert (found.measure, found.value) == ("pef", 480.0)
    (worthless,) = sessions([breath(NOW, extrapolated=0.4)])
    assert fvc_result(worthless).grade is Grade.F
    assert standing(worthless, [worthless]) is None


def test_without_a_word_of_how_it_was_blown_there_is_no_grade() -> None:
    (session,) = sessions([breath(NOW + k * MINUTE, source=THE_DEVICES) for k in range(3)])
    assert fev1_result(session) == (None, 3.2, 0.0, None, None)
    assert {each.fev1_counts for each in session.breaths} == {None}


def test_children_repeat_within_a_tenth() -> None:
    pair = [breath(NOW, fvc=1.0, years=5.5), breath(NOW + MINUTE, fvc=0.88, years=5.5)]
    (session,) = sessions(pair)
    assert fvc_result(session).grade is Grade.C
    (grown,) = sessions([each._replace(years=None) for each in pair])
    assert fvc_result(grown).grade is Grade.B


def daily(flows: Sequence[float]) -> list[Breath]:
    """A breath a day, the last one now."""
    return [breath(NOW - k * DAY, pef=flow) for k, flow in enumerate(reversed(flows))]


def test_green_waits_until_the_personal_best_is_known() -> None:
    def found(flows: Sequence[float]) -> tuple[float, float, int, Zone | None]:
        every = sessions(daily(flows))
        told = standing(every[0], every)
        assert told is not None
        return told.value, told.best, told.days, told.zone

    few = BEST_NEEDS_DAYS - 1
    assert found([500.0] * few) == (500.0, 500.0, few, None)
    assert found([500.0] * (few + 1)) == (500.0, 500.0, few + 1, Zone.GREEN)
    assert found([500.0, 399.0]) == (399.0, 500.0, 2, Zone.YELLOW)
    assert found([500.0, 249.0]) == (249.0, 500.0, 2, Zone.RED)
    assert found([900.0, *[500.0] * 30]) == (500.0, 500.0, 30, Zone.GREEN), "30 days are looked at"


def test_a_personal_best_that_is_set_holds_at_once() -> None:
    every = sessions(daily([300.0]))
    told = standing(every[0], every, set_l_min=350.0)
    assert told == ("pef", 300.0, 350.0, None, 1, Zone.GREEN)
    told = standing(every[0], every, set_l_min=700.0)
    assert told is not None
    assert told.zone is Zone.RED
    bare = sessions([breath(NOW)._replace(values={"fev1": 3.2})])
    told = standing(bare[0], bare, set_l_min=700.0)
    assert told is not None
    assert (told.measure, told.best) == ("fev1", 3.2)


def test_another_device_has_another_best_and_fev1_stands_in() -> None:
    other = breath(NOW - DAY, pef=900.0, source=THE_DEVICES)
    every = sessions([breath(NOW), other])
    told = standing(every[0], every)
    assert told is not None
    assert (told.best, told.best_t, told.days) == (480.0, NOW, 1)
    bare = [each._replace(values={"fev1": each.values["fev1"]}) for each in daily([500, 500])]
    every = sessions(bare)
    told = standing(every[0], every)
    assert told is not None
    assert (told.measure, told.best) == ("fev1", 3.2)


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(50, 900)), min_size=1, max_size=30))
def test_a_further_breath_never_raises_the_zone_of_the_newest(
    blown: list[tuple[int, float]],
) -> None:
    """What stands to come late can only show that the personal best is higher."""
    order = [Zone.RED, Zone.YELLOW, Zone.GREEN]
    newest = breath(NOW, pef=300.0)
    seen = [newest]
    last = Zone.GREEN
    for hours, flow in blown:
        seen.append(breath(NOW - DAY - hours * 60 * MINUTE, pef=flow))
        every = sessions(seen)
        told = standing(every[0], every)
        assert told is not None
        found = zone(told.value, told.best)
        assert told.zone in {found, None}
        assert told.zone is not None or found is Zone.GREEN
        assert order.index(found) <= order.index(last)
        last = found
