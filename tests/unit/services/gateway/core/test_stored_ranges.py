"""What devices are told is stored: everything, cumulative, not too often."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.stored_ranges import (
    MOST_BOOTS,
    MOST_RANGES,
    MUCH_NEWS,
    TOLD_RANGES,
    StoredRanges,
)
from shared.contracts.identity import DeviceKey
from shared.contracts.instants import SECOND

A, B = DeviceKey(1), DeviceKey(2)
NOW = 1_790_000_000_000_000


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12)).map(lambda r: (r[0], r[0] + r[1])))
)
def test_what_is_told_is_exactly_what_was_stored(ranges: list[tuple[int, int]]) -> None:
    stored = StoredRanges()
    for one in ranges:
        stored.add(A, 7, [one])
    expected = {n for first, last in ranges for n in range(first, last + 1)}
    told = {
        n
        for _, found in stored.tell(A, NOW)
        for first, last in found
        for n in range(first, last + 1)
    }
    whole = [found for _, found in stored.tell(A, NOW, all_boots=True)]
    for found in whole:
        assert all(before[1] + 1 < after[0] for before, after in pairwise(found))
    assert told == expected


def test_a_device_is_told_at_most_once_in_five_seconds() -> None:
    stored = StoredRanges()
    stored.add(A, 7, [(0, 3)])
    assert stored.due(NOW) == [A]
    assert stored.tell(A, NOW) == [(7, [(0, 3)])]
    stored.add(A, 7, [(4, 4)])
    assert stored.due(NOW + 4 * SECOND) == []
    assert stored.due(NOW + 5 * SECOND) == [A]
    assert stored.tell(A, NOW + 5 * SECOND) == [(7, [(0, 4)])]
    assert stored.due(NOW + 60 * SECOND) == []


def test_a_device_with_much_news_is_told_at_once() -> None:
    stored = StoredRanges()
    stored.tell(A, NOW)
    stored.add(A, 7, [(0, 0)])
    stored.tell(A, NOW)
    stored.add(A, 7, [(1, MUCH_NEWS - 1)])
    assert stored.due(NOW) == []
    stored.add(A, 8, [(0, 0)])
    assert stored.due(NOW) == [A]
    stored.tell(A, NOW)
    stored.add(A, 7, [(MUCH_NEWS, MUCH_NEWS)])
    assert stored.due(NOW) == []


def test_a_wall_clock_that_steps_back_silences_nobody() -> None:
    stored = StoredRanges()
    stored.add(A, 7, [(0, 0)])
    stored.tell(A, NOW)
    stored.add(A, 7, [(1, 1)])
    assert stored.due(NOW - 3_600 * SECOND) == [A]


def test_who_asks_is_told_all_boots_again() -> None:
    stored = StoredRanges()
    stored.add(A, 7, [(0, 3)])
    stored.add(A, 8, [(0, 0), (2, 2)])
    stored.tell(A, NOW)
    assert stored.tell(A, NOW) == []
    assert stored.tell(A, NOW, all_boots=True) == [(7, [(0, 3)]), (8, [(0, 0), (2, 2)])]
    assert stored.tell(B, NOW, all_boots=True) == []


def test_ranges_that_are_none_are_passed_over() -> None:
    stored = StoredRanges()
    stored.add(A, 7, [(3, 2), (-1, 4)])
    assert stored.due(NOW) == []


def test_memory_is_bounded_and_all_news_is_told() -> None:
    stored = StoredRanges()
    for n in range(0, 4 * MOST_RANGES, 2):
        stored.add(A, 7, [(n, n)])
        if n == 200:
            stored.tell(A, NOW)  # what was told before is only repeated where there is room
    newest = 4 * MOST_RANGES - 2
    ((_, told),) = stored.tell(A, NOW)
    assert told == [(n, n) for n in range(newest - 2 * MOST_RANGES + 2, newest + 1, 2)]
    stored.add(A, 7, [(newest + 2, newest + 2)])
    ((_, told),) = stored.tell(A, NOW)
    assert told == [(n, n) for n in range(newest - 2 * TOLD_RANGES + 4, newest + 3, 2)]
    for boot in range(20, 20 + 2 * MOST_BOOTS):
        stored.add(A, boot, [(0, 0)])
    assert len(stored.tell(A, NOW, all_boots=True)) == MOST_BOOTS


def test_a_device_that_is_gone_is_forgotten() -> None:
    stored = StoredRanges()
    stored.add(A, 7, [(0, 0)])
    stored.forget(A)
    assert stored.due(NOW) == []
    assert len(stored) == 0
