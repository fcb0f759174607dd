"""Actions of people: kept once by their id, then carried out by whoever owns the patient's lane."""

import asyncio
from contextlib import aclosing

import structlog

from services.alarms.application.lane import LaneInputs
from services.alarms.application.ports import ActionInbox, ActionQueue
from services.alarms.core.inputs import PendingAction
from shared.contracts.actions import AlarmAction
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.retry import Retry
from shared.runtime.waiting import pause

log = structlog.get_logger()


class ActionIntake:
    """Moves actions from the queue to the inbox, and on to a lane of this process at once."""

    def __init__(
        self, queue: ActionQueue, inbox: ActionInbox, inputs: LaneInputs, clock: Clock
    ) -> None:
        self._queue = queue
        self._inbox = inbox
        self._inputs = inputs
        self._clock = clock
        self._retry = Retry()

    async def run(self, stop: asyncio.Event) -> None:
        """Take until the stop. Cancel-safe: an action is settled only after it is kept."""
        async with aclosing(self._queue.taken(until=stop)) as actions:
            async for taken in actions:
                if taken.action is None:
                    await taken.reject()
                    continue
                try:
                    kept = await self._keep(taken.action, stop)
                except Unavailable:
                    return  # stopped while the database is away: it comes again
                await taken.settle()
                if kept is not None:
                    await self._inputs.give_action(kept)

    async def _keep(self, action: AlarmAction, stop: asyncio.Event) -> PendingAction | None:
        kept = await self._retry.run(
            lambda: self._inbox.keep(action, self._clock.now_us()), until=stop
        )
        if kept is None:
            log.warning("action_without_alarm", action=action.id)
        return kept


class ActionPickup:
    """Gives lanes of this process the actions that another process has kept, or left open."""

    def __init__(self, inbox: ActionInbox, inputs: LaneInputs, *, every_s: float) -> None:
        self._inbox = inbox
        self._inputs = inputs
        self._every_s = every_s

    async def run(self, stop: asyncio.Event) -> None:
        """Look until the stop. Cancel-safe: what was not carried out stays open."""
        while not await pause(stop, self._every_s):
            try:
                for action in await self._inbox.pending():
                    await self._inputs.give_action(action)
            except Unavailable:
                continue  # told by whoever saves; the next turn looks again
