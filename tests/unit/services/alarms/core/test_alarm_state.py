"""The transition table: complete, and keeping its promises under any sequence of inputs."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alarms.core.alarm_state import (
    _TABLE,
    SECOND_US,
    AlarmState,
    Input,
    Outcome,
    Phase,
    Terms,
    advance,
)

TERMS = Terms(
    delay_us=6 * SECOND_US, clear_us=5 * SECOND_US, return_us=180 * SECOND_US, latches=True
)
STANDING = {Phase.ACTIVE, Phase.ACKNOWLEDGED, Phase.LATCHED, Phase.LATCHED_AGAIN}
BEGINS = {Outcome.RAISED}
ENDS = {Outcome.ENDED_CLEARED, Outcome.ENDED_SEEN, Outcome.ENDED_AGAIN, Outcome.ENDED_OFF}


def test_every_phase_knows_every_input() -> None:
    assert set(_TABLE) == {(phase, what) for phase in Phase for what in Input}


def run(*inputs: tuple[float, Input], terms: Terms = TERMS) -> tuple[AlarmState, list[Outcome]]:
    state = AlarmState()
    told: list[Outcome] = []
    for at_s, what in inputs:
        state, outcomes = advance(state, what, round(at_s * SECOND_US), terms)
        told += outcomes
    return state, told


def seconds(what: Input, first: int, last: int) -> list[tuple[float, Input]]:
    return [(second, what) for second in range(first, last + 1)]


B, W, M = Input.BEYOND, Input.WITHIN, Input.BETWEEN
ACTIVE = seconds(B, 0, 6)

CASES = [
    ("before the delay nothing is told", seconds(B, 0, 5), Phase.PENDING, []),
    ("after the delay it is raised", ACTIVE, Phase.ACTIVE, [Outcome.RAISED]),
    ("one value inside begins the delay anew", [*seconds(B, 0, 5), (6, W), *seconds(B, 7, 12)],
     Phase.PENDING, []),
    ("dancing on the limit is one run", [(0, B), (2, M), (4, B), (5, M), (6, B)],
     Phase.ACTIVE, [Outcome.RAISED]),
    ("a hole of more than 10 s begins the delay anew", [(0, B), (11, B)], Phase.PENDING, []),
    ("back inside for less than the clear time", [*ACTIVE, *seconds(W, 7, 11)],
     Phase.ACTIVE, [Outcome.RAISED]),
    ("back inside for the clear time it latches", [*ACTIVE, *seconds(W, 7, 12)],
     Phase.LATCHED, [Outcome.RAISED, Outcome.LATCHED]),
    ("the band of the hysteresis begins the clear time anew",
     [*ACTIVE, *seconds(W, 7, 10), (11, M), *seconds(W, 12, 16)],
     Phase.ACTIVE, [Outcome.RAISED]),
    ("seen", [*ACTIVE, (7, Input.SEEN)], Phase.ACKNOWLEDGED,
     [Outcome.RAISED, Outcome.ACKNOWLEDGED]),
    ("seen and back inside it ends", [*ACTIVE, (7, Input.SEEN), *seconds(W, 8, 13)],
     Phase.QUIET, [Outcome.RAISED, Outcome.ACKNOWLEDGED, Outcome.ENDED_CLEARED]),
    ("seen long ago it comes back", [*ACTIVE, (7, Input.SEEN), (187, Input.DUE)],
     Phase.ACTIVE, [Outcome.RAISED, Outcome.ACKNOWLEDGED, Outcome.RETURNED]),
    ("not before", [*ACTIVE, (7, Input.SEEN), (186, Input.DUE)],
     Phase.ACKNOWLEDGED, [Outcome.RAISED, Outcome.ACKNOWLEDGED]),
    ("latched and seen it ends", [*ACTIVE, *seconds(W, 7, 12), (20, Input.SEEN)],
     Phase.QUIET, [Outcome.RAISED, Outcome.LATCHED, Outcome.ENDED_SEEN]),
    ("latched and beyond again it is a new one",
     [*ACTIVE, *seconds(W, 7, 12), *seconds(B, 20, 26)], Phase.ACTIVE,
     [Outcome.RAISED, Outcome.LATCHED, Outcome.ENDED_AGAIN, Outcome.RAISED]),
    ("seen while it begins again the new one is not seen",
     [*ACTIVE, *seconds(W, 7, 12), *seconds(B, 20, 22), (23, Input.SEEN), *seconds(B, 23, 26)],
     Phase.ACTIVE, [Outcome.RAISED, Outcome.LATCHED, Outcome.ENDED_SEEN, Outcome.RAISED]),
    ("switched off it ends", [*ACTIVE, (7, Input.OFF)], Phase.QUIET,
     [Outcome.RAISED, Outcome.ENDED_OFF]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "phase", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_transitions(inputs: list[tuple[float, Input]], phase: Phase, told: list[Outcome]) -> None:
    state, outcomes = run(*inputs)
    assert state.phase is phase
    assert outcomes == told


def test_without_latching_it_ends_with_its_cause() -> None:
    terms = msgspec.structs.replace(TERMS, latches=False)
    state, told = run(*ACTIVE, *seconds(W, 7, 12), terms=terms)
    assert state == AlarmState()
    assert told == [Outcome.RAISED, Outcome.ENDED_CLEARED]


def test_without_delay_the_first_value_raises() -> None:
    terms = msgspec.structs.replace(TERMS, delay_us=0)
    assert run((0, B), terms=terms)[1] == [Outcome.RAISED]
    again = run((0, B), *seconds(W, 1, 6), (7, B), terms=terms)[1]
    assert again == [Outcome.RAISED, Outcome.LATCHED, Outcome.ENDED_AGAIN, Outcome.RAISED]


STEPS = st.lists(st.tuples(st.floats(0.1, 20), st.sampled_from(Input)), max_size=60)
ANY_TERMS = st.builds(
    Terms,
    delay_us=st.sampled_from([0, 3, 6]).map(lambda it: it * SECOND_US),
    clear_us=st.sampled_from([0, 5]).map(lambda it: it * SECOND_US),
    return_us=st.just(180 * SECOND_US),
    latches=st.booleans(),
)


@settings(deadline=None)
@given(STEPS, ANY_TERMS)
def test_whatever_comes_each_alarm_begins_once_and_ends_once(
    steps: list[tuple[float, Input]], terms: Terms
) -> None:
    state, now = AlarmState(), 0
    standing = False
    for wait_s, what in steps:
        now += round(wait_s * SECOND_US)
        before = state
        state, outcomes = advance(state, what, now, terms)
        for outcome in outcomes:
            if outcome in BEGINS:
                assert not standing
                standing = True
            elif outcome in ENDS:
                assert standing
                standing = False
            else:
                assert standing
        assert standing == (state.phase in STANDING)
        assert (state.returns is not None) == (state.phase is Phase.ACKNOWLEDGED)
        if Outcome.RAISED in outcomes:
            assert now - state.since >= terms.delay_us
            assert what is Input.BEYOND
        if outcomes and before.phase in STANDING and not standing:
            assert what is not Input.BEYOND or Outcome.ENDED_AGAIN in outcomes


@settings(deadline=None)
@given(STEPS, ANY_TERMS, st.integers(0, 60))
def test_stored_and_read_back_it_goes_on_as_if_nothing_had_been(
    steps: list[tuple[float, Input]], terms: Terms, cut: int
) -> None:
    state, other, now = AlarmState(), AlarmState(), 0
    for number, (wait_s, what) in enumerate(steps):
        now += round(wait_s * SECOND_US)
        if number == cut:
            other = msgspec.json.decode(msgspec.json.encode(other), type=AlarmState)
        state, told = advance(state, what, now, terms)
        other, told_other = advance(other, what, now, terms)
        assert told == told_other
    assert state == other
