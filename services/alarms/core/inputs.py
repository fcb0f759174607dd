"""What comes into the evaluation of a lane, in one order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.alarms.core.memory import Reading
from services.alarms.core.ward import Registered
from shared.contracts.actions import AlarmAction
from shared.contracts.events import Event

Registry = Mapping[int, Registered]
"""Patients that have a device now, by their key."""


class HeardValue(NamedTuple):
    """One live value, with whose it is and when its newest frame arrived."""

    patient: int
    received: int
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesRead:
    """Values of a stream; `next_offset` is where reading goes on."""

    stream: str
    next_offset: int
    values: Sequence[HeardValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRead:
    """Events of a stream; `next_offset` is where reading goes on."""

    stream: str
    next_offset: int
    events: Sequence[Event]


StreamInput = ValuesRead | EventsRead


class ChokedInput(NamedTuple):
    """One input that the rules failed on twice: a bug, to be parked for a look."""

    body: bytes
    stream: str
    identity: str
    error: str
    traceback: str


class PendingAction(NamedTuple):
    """An action that is kept and not carried out yet."""

    id: str
    patient: int
    action: AlarmAction
