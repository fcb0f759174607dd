"""When a command is sent, asked after and given up."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.command_deadlines import (
    ASK_AFTER_US,
    ASK_EVERY_US,
    GRACE_US,
    NEAR_US,
    Hold,
    OpenCommand,
    Step,
    answers_last_sending,
    due_us,
    native_due_us,
    next_native_step,
    next_step,
    outcome_of,
)
from shared.contracts.commands import CommandOutcome
from shared.contracts.identity import DeviceKey

EXPIRES = 60_000_000


def command(**fields: Any) -> OpenCommand:
    plain = OpenCommand("id", DeviceKey(1), "identify", {}, EXPIRES)
    return plain._replace(**fields)


def test_a_new_command_is_sent_when_its_device_is_there_and_in_time_only() -> None:
    assert next_step(command(), 0, online=True) is Step.SEND
    away = command(asked_us=0)
    assert next_step(command(), 0, online=False) is Step.ASK, "it may be there all the same"
    assert next_step(away, ASK_EVERY_US - 1, online=False) is Step.WAIT
    assert next_step(away, ASK_EVERY_US, online=False) is Step.ASK
    assert next_step(away._replace(unseen_us=1), 2, online=False) is Step.SEND
    assert next_step(away._replace(unseen_us=1), 1 + NEAR_US, online=False) is Step.ASK
    assert next_step(command(), EXPIRES - 1, online=True) is Step.SEND
    assert next_step(command(), EXPIRES, online=True) is Step.EXPIRE
    assert next_step(command(), EXPIRES, online=False) is Step.EXPIRE


def test_what_was_sent_is_asked_after_and_then_given_up() -> None:
    sent = command(sends=1, sent_us=0)
    assert next_step(sent, ASK_AFTER_US - 1, online=True) is Step.WAIT
    assert next_step(sent, ASK_AFTER_US, online=True) is Step.ASK
    assert next_step(sent, ASK_AFTER_US, online=False) is Step.ASK
    asked = sent._replace(asked_us=ASK_AFTER_US)
    assert next_step(asked, ASK_AFTER_US + ASK_EVERY_US - 1, online=True) is Step.WAIT
    assert next_step(asked, ASK_AFTER_US + ASK_EVERY_US, online=True) is Step.ASK
    assert next_step(asked, EXPIRES + GRACE_US, online=False) is Step.GIVE_UP
    assert outcome_of(Step.GIVE_UP) is CommandOutcome.UNKNOWN
    given_up = asked._replace(is_given_up=True)
    assert next_step(given_up, EXPIRES * 9, online=True) is Step.WAIT
    assert due_us(given_up) is None


def test_a_device_at_work_is_not_given_up() -> None:
    running = command(sends=1, sent_us=0, asked_us=EXPIRES, running_us=EXPIRES)
    assert next_step(running, EXPIRES + GRACE_US - 1, online=True) is Step.ASK
    assert next_step(running, EXPIRES + GRACE_US, online=True) is Step.GIVE_UP


def test_what_was_never_seen_is_sent_again_or_has_never_run() -> None:
    unseen = command(sends=1, sent_us=0, unseen_us=1)
    assert next_step(unseen, 1, online=True) is Step.SEND
    assert next_step(unseen, EXPIRES, online=True) is Step.EXPIRE
    assert outcome_of(Step.EXPIRE) is CommandOutcome.EXPIRED


def test_an_answer_that_crossed_the_command_on_its_way_proves_nothing() -> None:
    assert answers_last_sending(command(asked_us=1))
    assert not answers_last_sending(command(sends=1, sent_us=2))
    assert answers_last_sending(command(sends=1, sent_us=2, asked_us=3))


@given(
    sent=st.none() | st.integers(0, EXPIRES),
    unseen=st.none() | st.integers(0, EXPIRES),
    asked=st.none() | st.integers(0, 2 * EXPIRES),
    running=st.none() | st.integers(0, 2 * EXPIRES),
    now=st.integers(0, 3 * EXPIRES),
    online=st.booleans(),
)
def test_nothing_is_sent_late_and_no_turn_comes_too_late(
    sent: int | None,
    unseen: int | None,
    asked: int | None,
    running: int | None,
    now: int,
    online: bool,
) -> None:
    one = command(sent_us=sent, unseen_us=unseen, asked_us=asked, running_us=running)
    step = next_step(one, now, online=online)
    if step is Step.SEND:
        assert now < EXPIRES
        assert sent is None or unseen is not None, "never again what may have been seen"
    if step is Step.EXPIRE:
        assert sent is None or unseen is not None, "what may have run is not told as expired"
    if step is Step.WAIT:
        due = due_us(one)
        assert due is not None
        assert due > now, "whoever waits until then misses nothing"
        assert next_step(one, due, online=online) is not Step.WAIT


def test_a_dialogue_is_given_a_command_in_time_only_and_again_if_it_does_not_have_it() -> None:
    def step(one: OpenCommand, now_us: int, hold: Hold, *, there: bool = True) -> Step:
        return next_native_step(one, now_us, there=there, hold=hold)

    assert step(command(), EXPIRES - 1, Hold.NOTHING) is Step.SEND
    assert step(command(), EXPIRES - 1, Hold.NOTHING, there=False) is Step.WAIT
    assert step(command(), EXPIRES, Hold.NOTHING) is Step.EXPIRE
    sent = command(sends=1, sent_us=0)
    assert step(sent, EXPIRES - 1, Hold.GIVEN) is Step.WAIT
    assert step(sent, EXPIRES - 1, Hold.NOTHING) is Step.GIVE_AGAIN
    assert step(sent, EXPIRES - 1, Hold.NOTHING, there=False) is Step.WAIT
    assert step(sent, EXPIRES, Hold.NOTHING) is Step.WAIT, "its time is over"
    assert step(sent, EXPIRES, Hold.GIVEN) is Step.WITHDRAW
    assert step(sent, EXPIRES, Hold.WITHDRAWN) is Step.WAIT, "an answer may be on its way"
    assert step(sent, EXPIRES + GRACE_US, Hold.WITHDRAWN) is Step.GIVE_UP
    assert step(sent._replace(is_given_up=True), EXPIRES * 9, Hold.NOTHING) is Step.WAIT


@given(
    sent_us=st.none() | st.integers(0, EXPIRES - 1),
    running_us=st.none() | st.integers(0, EXPIRES * 2),
    given_up=st.booleans(),
    hold=st.sampled_from(Hold),
    there=st.booleans(),
    now_us=st.integers(0, EXPIRES * 3),
)
def test_a_dialogue_is_never_asked_after_and_nothing_is_missed_until_it_is_due(
    *,
    sent_us: int | None,
    running_us: int | None,
    given_up: bool,
    hold: Hold,
    there: bool,
    now_us: int,
) -> None:
    one = command(sent_us=sent_us, running_us=running_us, is_given_up=given_up)
    step = next_native_step(one, now_us, there=there, hold=hold)
    assert step is not Step.ASK
    if step in (Step.SEND, Step.GIVE_AGAIN):
        assert now_us < EXPIRES
        assert there
    if step is Step.EXPIRE:
        assert sent_us is None, "only what was never given has certainly not run"
    if step is Step.WAIT and (due := native_due_us(one, hold)) is not None and now_us < due:
        assert next_native_step(one, due - 1, there=there, hold=hold) is Step.WAIT, (
            "nothing happens by itself before"
        )
