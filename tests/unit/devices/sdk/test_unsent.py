import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from devices.sdk.unsent import (
    IN_FLIGHT_LIMIT,
    RETRY_ASIDE_US,
    TRICKLE_EACH_US,
    UNSTORED_LIMIT,
    Key,
    State,
    Unsent,
)

MINUTE = 60_000_000


def keys(*numbers: int, boot: int = 1) -> list[Key]:
    return [Key(boot, n) for n in numbers]


def filled(count: int, **options: int) -> Unsent:
    unsent = Unsent(**options)
    for n in range(count):
        unsent.add(Key(1, n))
    unsent.connected()
    return unsent


def take_all(unsent: Unsent, now_us: int = 0) -> list[Key]:
    return list(iter(lambda: unsent.take(now_us), None))


def test_the_oldest_goes_first_and_at_most_two_hundred_fly() -> None:
    unsent = filled(300)
    assert take_all(unsent) == keys(*range(IN_FLIGHT_LIMIT))
    unsent.acknowledged(Key(1, 5), 0)
    assert take_all(unsent) == keys(200)


def test_an_acknowledged_message_is_sent_again_after_a_minute_unless_stored() -> None:
    unsent = filled(2)
    take_all(unsent)
    for key in keys(0, 1):
        unsent.acknowledged(key, 1000)
    assert unsent.next_due_us() == MINUTE + 1000
    assert take_all(unsent, MINUTE + 999) == []
    assert unsent.stored(1, [(1, 1)]) == keys(1)
    assert take_all(unsent, MINUTE + 1000) == keys(0)


def test_a_backlog_goes_by_the_receipts_and_in_a_trickle_without() -> None:
    unsent = filled(20, in_flight_limit=3, unstored_limit=6)
    for expected in (keys(0, 1, 2), keys(3, 4, 5)):
        assert take_all(unsent) == expected
        for key in expected:
            unsent.acknowledged(key, 0)
    assert take_all(unsent) == []
    assert unsent.next_due_us() == TRICKLE_EACH_US
    assert take_all(unsent, TRICKLE_EACH_US) == keys(6)
    assert take_all(unsent, 2 * TRICKLE_EACH_US - 1) == []
    assert unsent.stored(1, [(0, 3)]) == keys(0, 1, 2, 3)
    assert take_all(unsent, 2 * TRICKLE_EACH_US - 1) == keys(7, 8)
    assert unsent.next_due_us() == MINUTE  # too many fly: nothing to do until an answer comes
    unsent.disconnected(TRICKLE_EACH_US)
    unsent.connected()
    assert take_all(unsent, 2 * TRICKLE_EACH_US) == keys(4, 5, 6)


def test_what_rests_too_long_makes_room_for_itself() -> None:
    unsent = filled(UNSTORED_LIMIT + 10)
    while taken := take_all(unsent):
        for key in taken:
            unsent.acknowledged(key, 0)
    assert unsent.in_flight == 0
    again = take_all(unsent, MINUTE)
    assert again == keys(*range(IN_FLIGHT_LIMIT))


def test_a_new_connection_sends_everything_again_from_the_oldest() -> None:
    unsent = filled(4)
    take_all(unsent)
    unsent.acknowledged(Key(1, 0), 0)
    unsent.stored(1, [(1, 1)])
    unsent.disconnected(5)
    unsent.connected()
    unsent.add(Key(2, 0))
    assert take_all(unsent, 6) == [*keys(0, 2, 3), Key(2, 0)]


def test_what_could_not_be_sent_waits_in_its_place_and_is_no_suspect() -> None:
    unsent = filled(3)
    for _ in range(10):
        key = unsent.take(0)
        assert key == Key(1, 0)
        unsent.put_back(key)
        assert unsent.disconnected(0) is None
        unsent.connected()
    assert take_all(unsent) == keys(0, 1, 2)


def test_only_a_receipt_or_a_refusal_settles() -> None:
    unsent = filled(3)
    take_all(unsent)
    unsent.acknowledged(Key(1, 0), 0)
    assert len(unsent) == 3
    assert unsent.refused(Key(1, 0))
    assert not unsent.refused(Key(1, 0))
    assert unsent.stored(1, [(0, 2**32 - 1)]) == keys(1, 2)
    assert unsent.stored(1, [(0, 2**32 - 1)]) == []
    assert unsent.stored(9, [(0, 5)]) == []
    assert len(unsent) == 0


def test_a_message_settled_in_flight_makes_room() -> None:
    unsent = filled(201)
    assert len(take_all(unsent)) == 200
    unsent.stored(1, [(0, 99)])
    assert unsent.in_flight == 100
    assert take_all(unsent) == keys(200)


def test_the_message_that_breaks_every_connection_is_set_aside_and_the_rest_goes_through() -> None:
    unsent = Unsent()
    for n in range(20):
        unsent.add(Key(1, n))
    poison, now, losses = Key(1, 7), 0, 0
    for _ in range(100):
        unsent.connected()
        broken = False
        while not broken and (key := unsent.take(now)) is not None:
            flying = [key, *take_all(unsent, now)]
            for each in flying:
                if each == poison:
                    broken = True
                    break
                unsent.acknowledged(each, now)
        if not broken:
            break
        losses += 1
        unsent.disconnected(now)
        now += 1_000_000
    assert unsent.aside == (poison,)
    assert losses <= 5
    assert all(unsent.state_of(key) is State.RESTING for key in unsent if key != poison)


def test_connections_lost_for_other_reasons_set_nothing_aside() -> None:
    unsent = filled(50)
    for n in range(0, 50, 2):  # each connection brings two messages through
        take_all(unsent)
        unsent.acknowledged(Key(1, n), 0)
        unsent.acknowledged(Key(1, n + 1), 0)
        unsent.stored(1, [(0, n + 1)])
        assert unsent.disconnected(n) is None
        unsent.connected()
    assert unsent.aside == ()


def test_what_is_set_aside_is_tried_again_alone_and_later_each_time() -> None:
    unsent = filled(2)
    take_all(unsent)
    assert unsent.denied(Key(1, 0), 10)
    unsent.connected()
    assert take_all(unsent, 11) == keys(1)
    unsent.acknowledged(Key(1, 1), 11)
    assert unsent.next_due_us() == MINUTE + 11
    unsent.stored(1, [(1, 1)])
    assert unsent.next_due_us() == RETRY_ASIDE_US + 10
    unsent.add(Key(1, 2))
    assert take_all(unsent, RETRY_ASIDE_US + 10) == keys(0)
    unsent.denied(Key(1, 0), RETRY_ASIDE_US + 20)
    assert take_all(unsent, RETRY_ASIDE_US + 20) == keys(2)
    assert unsent.next_due_us() == 3 * RETRY_ASIDE_US + 20
    assert unsent.stored(1, [(0, 0)]) == keys(0)
    assert unsent.aside == ()


def test_a_message_is_added_once() -> None:
    unsent = filled(1)
    with pytest.raises(ValueError, match="already"):
        unsent.add(Key(1, 0))


class UnsentMachine(RuleBasedStateMachine):
    """Against a plain model: nothing is lost, nothing flies twice, the bounds hold."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = Unsent(in_flight_limit=5, resend_after_us=100)
        self.open: dict[Key, None] = {}
        self.flying: list[Key] = []
        self.aside: set[Key] = set()
        self.boot, self.n, self.now = 1, 0, 0
        self.is_connected = False

    @rule()
    def add(self) -> None:
        key = Key(self.boot, self.n)
        self.n += 1
        self.unsent.add(key)
        self.open[key] = None

    @rule()
    def restart(self) -> None:
        self.boot, self.n = self.boot + 1, 0

    @precondition(lambda self: not self.is_connected)
    @rule()
    def connect(self) -> None:
        self.unsent.connected()
        self.is_connected = True

    @precondition(lambda self: self.is_connected)
    @rule()
    def lose(self) -> None:
        aside = self.unsent.disconnected(self.now)
        if aside is not None:
            assert self.flying == [aside]
            self.aside.add(aside)
        self.flying.clear()
        self.is_connected = False

    @precondition(lambda self: self.is_connected)
    @rule()
    def take(self) -> None:
        key = self.unsent.take(self.now)
        if key is not None:
            assert key in self.open
            assert key not in self.flying
            self.flying.append(key)
            self.aside.discard(key)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.flying))
        self.flying.remove(key)
        self.unsent.acknowledged(key, self.now)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def deny(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.flying))
        self.flying.remove(key)
        assert self.unsent.denied(key, self.now)
        self.aside.add(key)

    @rule(boot=st.integers(1, 3), first=st.integers(0, 12), length=st.integers(0, 12))
    def store(self, boot: int, first: int, length: int) -> None:
        expected = [k for k in self.open if k.boot == boot and first <= k.n <= first + length]
        assert sorted(self.unsent.stored(boot, [(first, first + length)])) == sorted(expected)
        for key in expected:
            self.forget(key)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(list(self.open)))
        assert self.unsent.refused(key)
        self.forget(key)

    @rule(span=st.integers(1, 150))
    def wait(self, span: int) -> None:
        self.now += span

    def forget(self, key: Key) -> None:
        del self.open[key]
        self.aside.discard(key)
        if key in self.flying:
            self.flying.remove(key)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert list(self.unsent) == list(self.open)

    @invariant()
    def the_bounds_hold(self) -> None:
        assert self.unsent.in_flight == len(self.flying) <= 5
        assert set(self.unsent.aside) == self.aside

    @override
    def teardown(self) -> None:
        """Whatever happened: connected again for long enough, everything is sent in order."""
        self.unsent.disconnected(self.now)
        self.now += 1_000 * RETRY_ASIDE_US
        self.unsent.connected()
        seen: list[Key] = []
        while (key := self.unsent.take(self.now)) is not None:
            seen.append(key)
            self.unsent.acknowledged(key, self.now)
        assert sorted(seen) == sorted(self.open)


UnsentMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestUnsentMachine = UnsentMachine.TestCase
