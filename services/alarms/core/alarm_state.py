"""The states of one condition of one patient, and all transitions between them, in one table.

Whether the cause is there and whether somebody has seen it are independent; a latching alarm
stays after its cause until it was seen. Time is the time of the samples, or of the action.

    quiet ──beyond──▶ pending ──beyond for the delay──▶ active ──seen──▶ acknowledged
      ▲ ◀──within──────┘                                 │ ▲ ◀──due────────┘  │
      ├──────────────within for the clear time───────────┤ │                  │
      ├──────────────within for the clear time───────────│─│──────────────────┘
      │                                (if it latches)   ▼ │
      └──seen── latched ──beyond──▶ latched_again ──beyond for the delay (a new alarm)
"""

from collections.abc import Callable
from enum import StrEnum
from types import MappingProxyType

import msgspec

SECOND_US = 1_000_000
HOLD_US = 10 * SECOND_US  # without a sure value a running delay lasts so long, then begins anew


class Phase(StrEnum):
    """Where a condition is."""

    QUIET = "quiet"
    PENDING = "pending"
    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    LATCHED = "latched"
    LATCHED_AGAIN = "latched_again"


class Input(StrEnum):
    """What can happen to it: the sign of a value, an action, a deadline, the end of the rule."""

    BEYOND = "beyond"  # beyond the limit
    BETWEEN = "between"  # inside the limit, not yet by the hysteresis
    WITHIN = "within"  # inside by the hysteresis
    SEEN = "seen"  # acknowledged by a person
    DUE = "due"  # the time to return has come
    OFF = "off"  # the rule does not apply any more


class Outcome(StrEnum):
    """What a transition means to the outside."""

    RAISED = "raised"
    RETURNED = "returned"  # acknowledged long ago, and the cause is still there
    ACKNOWLEDGED = "acknowledged"
    LATCHED = "latched"  # the cause has ended, nobody has seen it
    ENDED_CLEARED = "ended_cleared"
    ENDED_SEEN = "ended_seen"
    ENDED_AGAIN = "ended_again"  # a new one takes its place
    ENDED_OFF = "ended_off"


class AlarmState(msgspec.Struct, frozen=True, omit_defaults=True):
    """State of one condition.

    `since` is the first value beyond of the present run, `sure` the last value that counted,
    `clearing` the first value back inside, `returns` when an acknowledged alarm comes back.
    """

    phase: Phase = Phase.QUIET
    since: int = 0
    sure: int = 0
    clearing: int | None = None
    returns: int | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a condition is judged: durations in microseconds, and whether it latches."""

    delay_us: int
    clear_us: int
    return_us: int
    latches: bool


Step = tuple[AlarmState, tuple[Outcome, ...]]
_Transition = Callable[[AlarmState, int, Terms], Step]


def advance(state: AlarmState, what: Input, at: int, terms: Terms) -> Step:
    """The next state and what it means to the outside.

    Parameters
    ----------
    at : us UTC of the value, the action or the deadline; values come in order of time
    """
    return _TABLE[state.phase, what](state, at, terms)


def _stay(state: AlarmState, _at: int, _terms: Terms) -> Step:
    return state, ()


def _quiet(*outcomes: Outcome) -> _Transition:
    def transition(_state: AlarmState, _at: int, _terms: Terms) -> Step:
        return AlarmState(), outcomes

    return transition


def _begin(_state: AlarmState, at: int, terms: Terms) -> Step:
    return _persist(AlarmState(phase=Phase.PENDING, since=at, sure=at), at, terms)


def _persist(state: AlarmState, at: int, terms: Terms) -> Step:
    since = at if at - state.sure > HOLD_US else state.since
    if at - since >= terms.delay_us:
        return AlarmState(phase=Phase.ACTIVE, since=since, sure=at), (Outcome.RAISED,)
    return msgspec.structs.replace(state, since=since, sure=at), ()


def _sure(state: AlarmState, at: int, _terms: Terms) -> Step:
    """A value that counts, and no reason to clear."""
    return msgspec.structs.replace(state, sure=at, clearing=None), ()


def _clear(state: AlarmState, at: int, terms: Terms) -> Step:
    clearing = at if state.clearing is None or at - state.sure > HOLD_US else state.clearing
    if at - clearing < terms.clear_us:
        return msgspec.structs.replace(state, sure=at, clearing=clearing), ()
    if terms.latches and state.phase is Phase.ACTIVE:
        return AlarmState(phase=Phase.LATCHED, since=state.since, sure=at), (Outcome.LATCHED,)
    return AlarmState(), (Outcome.ENDED_CLEARED,)


def _see(state: AlarmState, at: int, terms: Terms) -> Step:
    seen = msgspec.structs.replace(state, phase=Phase.ACKNOWLEDGED, returns=at + terms.return_us)
    return seen, (Outcome.ACKNOWLEDGED,)


def _return(state: AlarmState, at: int, _terms: Terms) -> Step:
    if state.returns is None or at < state.returns:
        return state, ()
    back = msgspec.structs.replace(state, phase=Phase.ACTIVE, returns=None)
    return back, (Outcome.RETURNED,)


def _begin_again(_state: AlarmState, at: int, terms: Terms) -> Step:
    again = AlarmState(phase=Phase.LATCHED_AGAIN, since=at, sure=at)
    return _persist_again(again, at, terms)


def _persist_again(state: AlarmState, at: int, terms: Terms) -> Step:
    after, outcomes = _persist(state, at, terms)
    return after, (Outcome.ENDED_AGAIN, *outcomes) if outcomes else ()


def _calm(state: AlarmState, at: int, _terms: Terms) -> Step:
    return AlarmState(phase=Phase.LATCHED, since=state.since, sure=at), ()


def _see_again(state: AlarmState, _at: int, _terms: Terms) -> Step:
    return msgspec.structs.replace(state, phase=Phase.PENDING), (Outcome.ENDED_SEEN,)


_TABLE: MappingProxyType[tuple[Phase, Input], _Transition] = MappingProxyType(
    {
        (Phase.QUIET, Input.BEYOND): _begin,
        (Phase.QUIET, Input.BETWEEN): _stay,
        (Phase.QUIET, Input.WITHIN): _stay,
        (Phase.QUIET, Input.SEEN): _stay,
        (Phase.QUIET, Input.DUE): _stay,
        (Phase.QUIET, Input.OFF): _stay,
        (Phase.PENDING, Input.BEYOND): _persist,
        (Phase.PENDING, Input.BETWEEN): _sure,  # dancing on the limit is one run
        (Phase.PENDING, Input.WITHIN): _quiet(),
        (Phase.PENDING, Input.SEEN): _stay,
        (Phase.PENDING, Input.DUE): _stay,
        (Phase.PENDING, Input.OFF): _quiet(),
        # No value is no input: what stands stays, for silence must never look like health.
        (Phase.ACTIVE, Input.BEYOND): _sure,
        (Phase.ACTIVE, Input.BETWEEN): _sure,
        (Phase.ACTIVE, Input.WITHIN): _clear,
        (Phase.ACTIVE, Input.SEEN): _see,
        (Phase.ACTIVE, Input.DUE): _stay,
        (Phase.ACTIVE, Input.OFF): _quiet(Outcome.ENDED_OFF),
        (Phase.ACKNOWLEDGED, Input.BEYOND): _sure,
        (Phase.ACKNOWLEDGED, Input.BETWEEN): _sure,
        (Phase.ACKNOWLEDGED, Input.WITHIN): _clear,
        (Phase.ACKNOWLEDGED, Input.SEEN): _stay,  # the second click changes nothing
        (Phase.ACKNOWLEDGED, Input.DUE): _return,
        (Phase.ACKNOWLEDGED, Input.OFF): _quiet(Outcome.ENDED_OFF),
        (Phase.LATCHED, Input.BEYOND): _begin_again,
        (Phase.LATCHED, Input.BETWEEN): _stay,
        (Phase.LATCHED, Input.WITHIN): _stay,
        (Phase.LATCHED, Input.SEEN): _quiet(Outcome.ENDED_SEEN),
        (Phase.LATCHED, Input.DUE): _stay,
        (Phase.LATCHED, Input.OFF): _quiet(Outcome.ENDED_OFF),
        (Phase.LATCHED_AGAIN, Input.BEYOND): _persist_again,
        (Phase.LATCHED_AGAIN, Input.BETWEEN): _sure,
        (Phase.LATCHED_AGAIN, Input.WITHIN): _calm,
        (Phase.LATCHED_AGAIN, Input.SEEN): _see_again,
        (Phase.LATCHED_AGAIN, Input.DUE): _stay,
        (Phase.LATCHED_AGAIN, Input.OFF): _quiet(Outcome.ENDED_OFF),
    }
)
