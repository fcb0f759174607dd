"""Device time to UTC: one answer for one message, whatever the clock and the network do."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.gateway.core.clock_map import (
    ABSURD_FROM_N,
    DRIFT_EVERY_US,
    DRIFT_STEP_US,
    JUMP_US,
    MOST_SEGMENTS,
    ClockMap,
    Segment,
    is_absurd,
    is_plausible,
)
from shared.contracts.instants import HOUR, MINUTE, SECOND
from shared.contracts.quality import FrameFlag

NOW = 1_790_000_000_000_000


def place(clock: ClockMap, n: int, t_us: int, arrival_us: int) -> Segment:
    """What the gateway does with a message while PostgreSQL answers."""
    segment = clock.find(n, t_us)
    if segment is None or not clock.settled:
        proposal = clock.propose(n, t_us, arrival_us)
        if proposal is not None:
            clock.install(proposal)
            segment = proposal
    assert segment is not None
    clock.note_placed(n, t_us + segment.offset_us)
    return segment


def is_settled(clock: ClockMap) -> bool:
    return clock.settled


def test_a_right_clock_is_left_alone() -> None:
    clock = ClockMap()
    clock.observe_status(NOW - 300_000, NOW, fresh=True)
    assert place(clock, 0, NOW, NOW) == Segment(0, 0, 0)
    assert is_settled(clock)
    assert clock.propose(1, NOW + SECOND, NOW + SECOND) is None


def test_a_wrong_clock_is_corrected_by_its_first_fresh_status() -> None:
    clock = ClockMap()
    clock.observe_status(NOW - HOUR, NOW, fresh=True)
    assert place(clock, 5, NOW - HOUR, NOW).offset_us == HOUR
    assert place(clock, 0, NOW - 2 * HOUR, NOW).offset_us == HOUR  # old data, same clock


def test_a_status_out_of_a_queue_says_nothing_of_the_clock() -> None:
    clock = ClockMap()
    clock.observe_status(NOW - HOUR, NOW, fresh=False)
    assert place(clock, 0, NOW - HOUR, NOW).offset_us == 0


def test_old_data_does_not_move_the_clock() -> None:
    clock = ClockMap()
    assert place(clock, 0, NOW - 3 * HOUR, NOW).offset_us == 0
    assert place(clock, 1, NOW, NOW).offset_us == 0


def test_a_jump_opens_a_segment_at_the_first_message_that_fits_it() -> None:
    clock = ClockMap()
    clock.observe_status(NOW, NOW, fresh=True)
    place(clock, 9, NOW, NOW)
    # the clock is set ten minutes ahead while the device is away for a minute
    after = NOW + MINUTE
    clock.observe_status(after + 10 * MINUTE, after, fresh=True)
    assert place(clock, 10, NOW + 5 * SECOND, after) == Segment(0, 0, 0)  # kept from before
    assert place(clock, 8, NOW - SECOND, after) == Segment(0, 0, 0)  # sent again
    jumped = place(clock, 11, after + 10 * MINUTE, after)
    assert jumped == Segment(11, -10 * MINUTE, int(FrameFlag.CLOCK_JUMP))
    assert place(clock, 10, NOW + 5 * SECOND, after) == Segment(0, 0, 0)
    assert place(clock, 12, after + 11 * MINUTE, after + MINUTE) == jumped


def test_one_late_status_is_no_jump_back_and_two_that_agree_are() -> None:
    clock = ClockMap()
    clock.observe_status(NOW, NOW, fresh=True)
    place(clock, 0, NOW, NOW)
    clock.observe_status(NOW + MINUTE - 30 * SECOND, NOW + MINUTE, fresh=True)
    assert is_settled(clock)
    clock.observe_status(NOW + 2 * MINUTE, NOW + 2 * MINUTE, fresh=True)
    back = 40 * SECOND
    clock.observe_status(NOW + 3 * MINUTE - back, NOW + 3 * MINUTE, fresh=True)
    assert is_settled(clock)
    clock.observe_status(NOW + 4 * MINUTE - back, NOW + 4 * MINUTE, fresh=True)
    assert not is_settled(clock)
    assert place(clock, 1, NOW + 4 * MINUTE - back, NOW + 4 * MINUTE).offset_us == back


def test_late_statuses_that_scatter_are_no_jump_back() -> None:
    clock = ClockMap()
    clock.observe_status(NOW, NOW, fresh=True)
    place(clock, 0, NOW, NOW)
    for turn, late_ms in enumerate((2_600, 3_100, 5_900, 2_300, 4_200), start=1):
        sent = NOW + turn * 20 * SECOND
        clock.observe_status(sent, sent + late_ms * 1_000, fresh=True)
    assert is_settled(clock)


def test_statuses_that_waited_behind_one_stall_are_no_jump_back() -> None:
    clock = ClockMap()
    clock.observe_status(NOW, NOW, fresh=True)
    place(clock, 0, NOW, NOW)
    for sent in (NOW + MINUTE, NOW + MINUTE + 200_000):
        clock.observe_status(sent, sent + 3 * SECOND, fresh=True)
    assert is_settled(clock)


def test_a_jump_back_is_found_among_late_statuses() -> None:
    clock = ClockMap()
    clock.observe_status(NOW, NOW, fresh=True)
    place(clock, 0, NOW, NOW)
    back = 5 * SECOND
    at = NOW
    for late_ms in (100, 900, 200):
        at += MINUTE
        clock.observe_status(at - back, at + late_ms * 1_000, fresh=True)
    assert place(clock, 1, at - back, at).offset_us == back + 100_000


def test_a_jump_back_by_more_than_a_status_can_be_late_is_believed_at_once() -> None:
    clock = ClockMap()
    clock.observe_status(NOW, NOW, fresh=True)
    place(clock, 0, NOW, NOW)
    clock.observe_status(NOW + MINUTE - HOUR, NOW + MINUTE, fresh=True)
    assert place(clock, 1, NOW + MINUTE - HOUR, NOW + MINUTE).offset_us == HOUR


def test_a_delayed_first_status_moves_nothing() -> None:
    clock = ClockMap()
    clock.observe_status(NOW - 20 * SECOND, NOW, fresh=True)
    assert place(clock, 0, NOW, NOW).offset_us == 0
    clock.observe_status(NOW + MINUTE, NOW + MINUTE, fresh=True)
    assert place(clock, 1, NOW + MINUTE, NOW + MINUTE).offset_us == 0
    assert is_settled(clock)


def test_a_clock_that_is_a_little_behind_is_found_by_the_second_status() -> None:
    clock = ClockMap()
    behind = 20 * SECOND
    clock.observe_status(NOW - behind, NOW, fresh=True)
    clock.observe_status(NOW + MINUTE - behind, NOW + MINUTE + 200_000, fresh=True)
    assert place(clock, 0, NOW - behind, NOW).offset_us == behind


@given(
    delays=st.lists(
        st.integers(0, 55_000_000), min_size=1, max_size=10, unique_by=lambda d: d // (3 * JUMP_US)
    ),
)
def test_a_right_clock_on_a_busy_machine_is_never_moved(delays: list[int]) -> None:
    """Delays of up to a minute, no two of them alike."""
    clock = ClockMap()
    delays = [delay // (3 * JUMP_US) * 3 * JUMP_US for delay in delays]
    for number, delay_us in enumerate(delays):
        at = NOW + number * MINUTE
        clock.observe_status(at, at + delay_us, fresh=True)
        assert place(clock, number, at, at + delay_us).offset_us == 0


def test_an_absurd_clock_is_placed_by_arrival_and_flagged_beside_a_right_one() -> None:
    clock = ClockMap()
    clock.observe_status(NOW, NOW, fresh=True)  # the clock was set before it connected
    early = place(clock, 0, 30 * SECOND, NOW)  # taken while it stood at 1970
    assert early == Segment(ABSURD_FROM_N, NOW - 30 * SECOND, int(FrameFlag.CLOCK_ABSURD))
    assert place(clock, 1, 31 * SECOND, NOW + 5) == early
    assert place(clock, 2, NOW, NOW).offset_us == 0
    overflow = 2_147_483_647_000_000
    assert is_absurd(place(ClockMap(), 0, overflow, NOW))


def test_a_clock_that_is_always_absurd_is_placed_by_its_status() -> None:
    clock = ClockMap()
    clock.observe_status(100 * SECOND, NOW, fresh=True)
    clock.observe_status(160 * SECOND, NOW + MINUTE + SECOND, fresh=True)
    assert place(clock, 0, 10 * SECOND, NOW + MINUTE).offset_us == NOW - 100 * SECOND


def test_what_could_not_be_kept_is_proposed_again() -> None:
    clock = ClockMap()
    clock.observe_status(NOW - HOUR, NOW, fresh=True)
    proposal = clock.propose(0, NOW - HOUR, NOW)
    assert proposal is not None
    clock.install(proposal)
    clock.uninstall(proposal)
    assert clock.find(0, NOW - HOUR) is None
    assert clock.propose(0, NOW - HOUR, NOW) == proposal
    absurd = clock.propose(0, 5, NOW)
    assert absurd is not None
    clock.install(absurd)
    clock.uninstall(absurd)
    assert clock.find(0, 5) is None


def test_the_segment_of_another_gateway_counts() -> None:
    clock = ClockMap()
    clock.observe_status(NOW - HOUR, NOW, fresh=True)
    ours = clock.propose(0, NOW - HOUR, NOW)
    assert ours is not None
    clock.install(ours)
    theirs = Segment(0, HOUR + 5, 0)
    clock.replace(ours, theirs)
    assert clock.find(0, NOW) == theirs
    assert is_settled(clock)


def test_segments_of_a_boot_are_bounded() -> None:
    clock = ClockMap()
    at = NOW
    opened = set()
    for n in range(2 * MOST_SEGMENTS):
        at += MINUTE
        wrong = -HOUR * n  # ever further ahead: each one falls
        clock.observe_status(at - wrong, at, fresh=True)
        opened.add(place(clock, n, at - wrong, at))
    assert len(opened) == MOST_SEGMENTS


def test_slow_drift_is_recorded_in_steps_and_moves_no_segment() -> None:
    clock = ClockMap()
    place(clock, 0, NOW, NOW)
    corrections = []
    for minute in range(120):
        at = NOW + minute * MINUTE
        slow = minute * 30_000  # 30 ms a minute: 500 ppm
        correction = clock.observe_status(at - slow, at, fresh=True)
        if correction is not None:
            corrections.append(correction)
    assert is_settled(clock)
    assert 4 <= len(corrections) <= 12
    assert all(
        after.correction_us - before.correction_us >= DRIFT_STEP_US
        and after.at_us - before.at_us >= DRIFT_EVERY_US
        for before, after in pairwise(corrections)
    )
    assert abs(corrections[-1].correction_us - 119 * 30_000) < 4 * DRIFT_STEP_US


@given(delays=st.lists(st.integers(0, JUMP_US - 1), min_size=1, max_size=40), data=st.data())
def test_a_right_clock_on_a_slow_link_is_never_moved(
    delays: list[int], data: st.DataObject
) -> None:
    clock = ClockMap()
    for number, delay_us in enumerate(delays):
        at = NOW + number * MINUTE
        clock.observe_status(at, at + delay_us, fresh=True)
        age_us = data.draw(st.integers(0, HOUR))
        assert place(clock, number, at - age_us, at + delay_us).offset_us == 0


class OneAnswer(RuleBasedStateMachine):
    """A device whose clock jumps, a lossy link, a table that is away, a gateway that is killed.

    The table is the truth: what it keeps is never changed, and a message always has one place.
    Not in it: a gateway killed while a jump is not noticed yet. Its successor does not know how
    far the boot had come, and storage then tells the conflict (README of the gateway).
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = ClockMap()
        self.table: dict[int, Segment] = {}
        self.now = NOW
        self.wrong_us = 0
        self.sent: list[int] = []  # device time by n
        self.placed: dict[int, int] = {}  # UTC by n
        self.is_new_gateway = False  # it has placed no new message yet
        self.is_calm = False  # the newest message was placed by the clock as it is now

    @rule(seconds=st.integers(1, 300))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @precondition(lambda self: not self.is_new_gateway)
    @rule(wrong_us=st.sampled_from([0, HOUR, -HOUR, 3 * SECOND, -90 * SECOND, NOW - 5 * SECOND]))
    def the_clock_is_set(self, wrong_us: int) -> None:
        self.is_calm = self.is_calm and wrong_us == self.wrong_us
        self.wrong_us = wrong_us

    @rule(late_ms=st.integers(0, 900))
    def a_status_comes(self, late_ms: int) -> None:
        sent_us = self.now - self.wrong_us
        self.clock.observe_status(sent_us, self.now + late_ms * 1_000, fresh=True)

    @rule(late_s=st.integers(0, 1_000))
    def a_status_comes_out_of_a_queue(self, late_s: int) -> None:
        sent_us = self.now - self.wrong_us
        self.clock.observe_status(sent_us, self.now + late_s * SECOND, fresh=False)

    @rule(away=st.booleans())
    def a_new_message_comes(self, *, away: bool) -> None:
        self.sent.append(self.now - self.wrong_us)
        n = len(self.sent) - 1
        self.deliver(n, away=away)
        true = n in self.placed and abs(self.placed[n] - self.now) < JUMP_US
        self.is_calm = self.clock.settled and true
        self.is_new_gateway = self.is_new_gateway and n not in self.placed

    @rule()
    def a_new_message_is_lost(self) -> None:
        self.sent.append(self.now - self.wrong_us)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), away=st.booleans())
    def a_message_comes_again(self, data: st.DataObject, *, away: bool) -> None:
        self.deliver(data.draw(st.integers(0, len(self.sent) - 1)), away=away)

    @precondition(lambda self: self.is_calm)
    @rule()
    def the_gateway_is_killed(self) -> None:
        self.clock = ClockMap(sorted(self.table.values()))
        self.is_new_gateway = True

    def deliver(self, n: int, *, away: bool) -> None:
        t_us = self.sent[n]
        segment = self.clock.find(n, t_us)
        if segment is None or not self.clock.settled:
            proposal = self.clock.propose(n, t_us, self.now)
            if proposal is not None:
                self.clock.install(proposal)
                if away:
                    self.clock.uninstall(proposal)
                    return  # deferred
                assert proposal.from_n not in self.table
                self.table[proposal.from_n] = proposal
                segment = proposal
        assert segment is not None
        utc_us = t_us + segment.offset_us
        self.clock.note_placed(n, utc_us)
        assert self.placed.setdefault(n, utc_us) == utc_us

    @invariant()
    def memory_says_what_the_table_says(self) -> None:
        for n, t_us in enumerate(self.sent):
            found = self.clock.find(n, t_us)
            assert found == ClockMap(sorted(self.table.values())).find(n, t_us)
            if self.clock.only is not None and is_plausible(t_us):
                assert found == self.clock.only


OneAnswer.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestOneAnswer = OneAnswer.TestCase
