"""What the loops need of the world."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from services.alarms.core.inputs import ChokedInput, PendingAction, Registry, StreamInput
from services.alarms.core.unsaved import Announcement, Restored, Unsaved
from shared.contracts.actions import AlarmAction
from shared.contracts.identity import Lane


class Feed(Protocol):
    """A stream of values or events, from a position on."""

    def inputs(self, *, until: asyncio.Event) -> AsyncGenerator[StreamInput]:
        """What is read, in order, until the stop. Cancel-safe when closed."""

    @property
    def is_at_end(self) -> bool:
        """Whether everything that there is has been given."""


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


class Parking(Protocol):
    """Where inputs go that a bug chokes on."""

    async def park(self, choked: ChokedInput) -> None:
        """Keep it with its reason; done when RabbitMQ has it. Raises Unavailable at a shutdown."""


class ActionInbox(Protocol):
    """Actions that people asked for, kept until they are carried out."""

    async def keep(self, action: AlarmAction, taken_us: int) -> PendingAction | None:
        """Keep an action, once by its id; None when there never was such an alarm, or it was
        carried out before. Raises Unavailable.
        """

    async def pending(self) -> Sequence[PendingAction]:
        """The kept actions that were not carried out, oldest first. Raises Unavailable."""


class TakenAction(Protocol):
    """An action taken from the queue; None where the bytes are none."""

    @property
    def action(self) -> AlarmAction | None:
        """What is asked for."""

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
