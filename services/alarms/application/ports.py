"""What the loops need of the world."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.alarms.core.limits import Bounds
from services.alarms.core.memory import Memory, Reading
from services.alarms.core.occurrence import Occurrence
from services.alarms.core.ward import Registered
from shared.contracts.actions import AlarmAction
from shared.contracts.events import Event
from shared.contracts.identity import Lane
from shared.contracts.notices import Notice

Announcement = Event | Notice
Registry = Mapping[int, Registered]


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


class Feed(Protocol):
    """A stream of values or events, from a position on."""

    def inputs(self, *, until: asyncio.Event) -> AsyncGenerator[StreamInput]:
        """What is read, in order, until the stop. Cancel-safe when closed."""

    @property
    def is_at_end(self) -> bool:
        """Whether everything that there is has been given."""


class PendingAction(NamedTuple):
    """An action that is kept and not carried out yet."""

    id: str
    patient: int
    action: AlarmAction


@dataclass(slots=True, kw_only=True)
class Unsaved:
    """What was decided and is not in the database yet; grows while that is away.

    Attributes
    ----------
    positions : next offset by stream
    memories : encoded memory and next deadline by patient
    alarms : newest form of each changed alarm by id, in the order of first change
    announcements : in order; `announced` of them were told already
    actions : outcome by id of the actions that were carried out
    limits : limits in force by patient
    """

    positions: dict[str, int] = field(default_factory=dict)
    memories: dict[int, tuple[bytes, int | None]] = field(default_factory=dict)
    alarms: dict[str, Occurrence] = field(default_factory=dict)
    announcements: list[Announcement] = field(default_factory=list)
    announced: int = 0
    actions: dict[str, str] = field(default_factory=dict)
    limits: dict[int, Mapping[str, Bounds]] = field(default_factory=dict)

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for it; the rest may be saved now and then."""
        return bool(self.alarms or self.announcements or self.actions or self.limits)


class Restored(NamedTuple):
    """A lane as it was saved last. `saves` counts the saves, `open` was decided and not told."""

    saves: int
    positions: Mapping[str, int]
    memories: Mapping[int, Memory]
    open: Sequence[Announcement]


class AlarmStore(Protocol):
    """Alarms, memories and positions in the database."""

    async def restore(self, lane: Lane) -> Restored:
        """The lane as it was saved last. Raises Unavailable."""

    async def save(self, lane: Lane, saves: int, unsaved: Unsaved) -> None:
        """Save all of it, or nothing. Raises Unavailable, and Conflict when the count differs:
        then another process has saved the lane.
        """

    async def forget_announced(self, lane: Lane) -> None:
        """Drop the announcements of the lane: all were told. Raises Unavailable."""


class Announcer(Protocol):
    """Tells events and notices to the rest of the system."""

    async def announce(self, announcements: Sequence[Announcement]) -> None:
        """Tell them in order; done when RabbitMQ has them. Raises Unavailable at a shutdown."""


class ActionInbox(Protocol):
    """Actions that people asked for, kept until they are carried out."""

    async def keep(self, action: AlarmAction, taken_us: int) -> PendingAction | None:
        """Keep an action, once by its id; None when there never was such an alarm."""

    async def pending(self) -> Sequence[PendingAction]:
        """The kept actions that were not carried out, oldest first."""


class TakenAction(Protocol):
    """An action taken from the queue, or bytes that are none."""

    action: AlarmAction | None

    async def settle(self) -> None:
        """It is kept: take it off the queue."""

    async def reject(self) -> None:
        """It is none: send it to the parking."""


class ActionQueue(Protocol):
    """The queue ``alarm_actions``."""

    def taken(self, *, until: asyncio.Event) -> AsyncGenerator[TakenAction]:
        """What comes, until the stop. Cancel-safe: what is not settled comes again."""


class RegistryTable(Protocol):
    """Patients with their devices, birth dates and limits."""

    async def read(self) -> Registry:
        """All patients that have a device now. Raises Unavailable."""
