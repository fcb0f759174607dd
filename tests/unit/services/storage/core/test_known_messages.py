from hypothesis import given
from hypothesis import strategies as st

from services.storage.core.known_messages import (
    NOTHING_STORED,
    BootKey,
    KnownMessages,
    message_stretches,
    shares_a_message,
)
from tests.unit.services.storage.core.frame_building import frame, rows

KEY = BootKey(1, 7)


def test_only_what_lies_above_the_highest_is_surely_new() -> None:
    known = KnownMessages(bound=10)
    table = rows(frame(n=3), frame(n=4), frame(n=4, part=1), frame(n=5), frame(2, n=0)).table
    assert known.unknown(table) == [KEY, BootKey(2, 7)]
    known.learn([(KEY, 4), (BootKey(2, 7), NOTHING_STORED)], generation=0)
    assert known.unknown(table) == []
    assert known.surely_new(table).tolist() == [False, False, False, True, True]


def test_what_was_claimed_is_not_new_a_second_time() -> None:
    known = KnownMessages(bound=10)
    known.learn([(KEY, NOTHING_STORED)], generation=0)
    known.claim(rows(frame(n=2**32 - 1)).table)
    assert not known.surely_new(rows(frame(n=2**32 - 1)).table).any()
    known.claim(rows(frame(n=0)).table)  # a lower n lowers nothing
    assert not known.surely_new(rows(frame(n=5)).table).any()


def test_what_was_forgotten_is_unknown_again() -> None:
    known = KnownMessages(bound=10)
    table = rows(frame()).table
    known.claim(table)
    known.forget()
    assert known.unknown(table) == [KEY]
    known.learn([(KEY, 3)], generation=0)
    assert known.unknown(table) == [KEY], "the table was asked before all was forgotten"
    known.learn([(KEY, 3)], generation=known.generation)
    assert known.unknown(table) == []


def test_a_message_is_shared_whatever_its_part_and_time() -> None:
    one = rows(frame(n=1), frame(n=2, part=1, t0=5)).table
    assert shares_a_message(one, rows(frame(n=2, part=3)).table)
    assert not shares_a_message(one, rows(frame(n=3), frame(2, n=2), frame(1, 8, n=2)).table)


def test_no_more_boots_are_remembered_than_the_bound() -> None:
    known = KnownMessages(bound=2)
    for device in (1, 2, 3):
        known.claim(rows(frame(device)).table)
    known.claim(rows(frame(2)).table)
    known.claim(rows(frame(4)).table)
    assert len(known) == 2
    table = rows(*(frame(device) for device in (1, 2, 3, 4))).table
    assert known.unknown(table) == [BootKey(1, 7), BootKey(3, 7)]


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 200)), min_size=1, max_size=60))
def test_stretches_hold_each_message_and_little_else(messages: list[tuple[int, int]]) -> None:
    stretches = message_stretches(rows(*(frame(device, n=n) for device, n in messages)).table)
    held = [(one.device, n) for one in stretches for n in range(one.from_n, one.to_n + 1)]
    assert len(held) == len(set(held)), "no message is looked for twice"
    assert set(messages) <= set(held)
    assert len(held) <= 17 * len(set(messages))
