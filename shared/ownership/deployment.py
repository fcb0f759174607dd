"""The deployment that a process works on, and how its lanes come to rest when their number changes.

All processes read one row at their start: how many lanes there are, and which incarnation of the
streams. Whoever finds another one there later ends itself, and is started again over it. While
`vitalwire lanes` changes the number, the services stop one after the other, in the order in which
data flows: each lane does all that there is for it, says that it has left, and waits. If the
change is not carried through (its command has died), everybody goes on as before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import NamedTuple

import structlog

from shared.contracts.identity import Lane
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.errors import Misconfigured, Unavailable
from shared.ownership.leases import LaneWork
from shared.runtime.waiting import pause

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
LOOK_EVERY_WHILE_CHANGING_S = 0.2
READY_EVERY_S = 0.1


class Phase(StrEnum):
    """How far a change of the number of lanes is."""

    PAUSING = "pausing"  # gateways leave their lanes
    COMPUTING = "computing"  # dsp leaves
    WRITING = "writing"  # storage and alarms leave
    SWITCHED = "switched"  # the new number holds; what is left of the old is removed
    DONE = "done"
    GIVEN_UP = "given_up"


LEAVES_IN = {
    "gateway": Phase.PAUSING,
    "dsp": Phase.COMPUTING,
    "storage": Phase.WRITING,
    "alarms": Phase.WRITING,
}
"""In which phase each service leaves its lanes; it stays away in the phases after it."""
_ORDER = (Phase.PAUSING, Phase.COMPUTING, Phase.WRITING)


class Deployment(NamedTuple):
    """What all processes read at their start."""

    lanes: int
    incarnation: int


async def read_deployment(database: Database) -> Deployment:
    """The deployment as it is now.

    Raises
    ------
    Misconfigured : database or streams were not made yet
    Unavailable : PostgreSQL does not answer
    """
    async with database.session() as session:
        row = await session.fetch_one(load_statements("shared.ownership")["deployment"])
    if row is None or row["incarnation"] < 1:
        raise Misconfigured("there are no streams yet: run `vitalwire migrate` first")
    return Deployment(row["lanes"], row["incarnation"])


class LaneChange(NamedTuple):
    """A change that is under way: its command lives, and it is not switched yet."""

    id: int
    phase: Phase
    to_lanes: int
    to_incarnation: int


LaneReady = Callable[[Lane, LaneChange], Awaitable[bool]]
LaneGoesOn = Callable[[Lane, LaneChange], Awaitable[None]]


async def _at_once(_lane: Lane, _change: LaneChange) -> bool:
    return True


async def _without_more(_lane: Lane, _change: LaneChange) -> None:
    return


async def _awaited(work: Awaitable[None]) -> None:
    await work


class _Resting(NamedTuple):
    ready: LaneReady
    go_on: LaneGoesOn


class DeploymentWatch:
    """Looks at the deployment's row, and has lanes come to rest while it is changed.

    Parameters
    ----------
    service : whose lanes these are
    deployment : as this process has read it at its start
    """

    def __init__(self, database: Database, *, service: str, deployment: Deployment) -> None:
        self._database = database
        self._service = service
        self._deployment = deployment
        self._statements = load_statements("shared.ownership")
        self._change: LaneChange | None = None
        self._left: frozenset[int] = frozenset()
        self._news = asyncio.Event()  # set, and replaced, when something has changed

    async def look(self) -> bool:
        """Read the row; false when it is another deployment than at the start.

        Raises
        ------
        Unavailable : PostgreSQL does not answer; what was known stays
        """
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["deployment_now"], self._service)
        assert row is not None, "the first migration inserts it"
        change = None
        if row["id"] is not None:
            change = LaneChange(
                row["id"], Phase(row["phase"]), row["to_lanes"], row["to_incarnation"]
            )
        left = frozenset(row["left_lanes"])
        if (change, left) != (self._change, self._left):
            if (change and change.phase) != (self._change and self._change.phase):
                log.info("lane_change", phase=None if change is None else change.phase.value)
            self._change, self._left = change, left
            self._tell()
        return Deployment(row["lanes"], row["incarnation"]) == self._deployment

    async def run(self, stop: asyncio.Event) -> None:
        """Look until the stop; ends the service when the deployment is another one."""
        while not stop.is_set():
            try:
                if not await self.look():
                    log.warning(
                        "deployment_changed",
                        lanes=self._deployment.lanes,
                        incarnation=self._deployment.incarnation,
                    )
                    stop.set()  # the supervisor starts the service again, over the new one
                    return
            except Unavailable as error:
                log.info("deployment_not_read", error=str(error))
            every_s = LOOK_EVERY_S if self._change is None else LOOK_EVERY_WHILE_CHANGING_S
            await pause(stop, every_s)

    def is_under_way(self, change: LaneChange) -> bool:
        """Whether this change still is, in whichever phase."""
        return self._change is not None and self._change.id == change.id

    def resting(
        self,
        work: LaneWork,
        *,
        ready: LaneReady = _at_once,
        goes_on: LaneGoesOn = _without_more,
    ) -> LaneWork:
        """The work of a lane, which rests while a change is past this service's phase.

        Parameters
        ----------
        ready : does what must be done before the lane is left, as often as it is asked; true
            when it may be
        goes_on : called when the lane goes on because a change was not carried through
        """
        resting = _Resting(ready, goes_on)

        async def run(lane: Lane, stop: asyncio.Event) -> None:
            while not stop.is_set():
                await self._look_before_work()
                change = self._leaving()
                if change is not None and lane in self._left:
                    await self._rest(change, resting, lane, stop)
                elif await self._work(work, resting, lane, stop):
                    return  # it has ended by itself: that is for the ownership to judge

        return run

    async def _work(
        self, work: LaneWork, resting: _Resting, lane: Lane, stop: asyncio.Event
    ) -> bool:
        """Work until the stop, or until the lane is left; true when the work ended by itself."""
        ending = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            working = group.create_task(_awaited(work(lane, ending)))
            watching = group.create_task(self._until_left(resting, lane, stop))
            stopping = group.create_task(stop.wait())
            await asyncio.wait([working, watching, stopping], return_when=asyncio.FIRST_COMPLETED)
            ended_by_itself = working.done() and not stop.is_set()
            change = watching.result() if watching.done() else None
            watching.cancel()
            stopping.cancel()
            ending.set()
        if change is not None and not stop.is_set():
            await self._leave(change, lane)
        return ended_by_itself and change is None

    async def _look_before_work(self) -> None:
        """Find out whether another replica, now dead, has left the lane a moment ago."""
        try:
            await self.look()
        except Unavailable as error:
            log.info("deployment_not_read", error=str(error))

    async def _until_left(
        self, resting: _Resting, lane: Lane, stop: asyncio.Event
    ) -> LaneChange | None:
        """Wait until the lane may be left; None at the stop."""
        tried: LaneChange | None = None
        while not stop.is_set():
            change = self._leaving()
            if tried is not None and not self.is_under_way(tried):
                await resting.go_on(lane, tried)
                tried = None
            if change is None:
                await self._heard(stop)
                continue
            tried = change
            if await resting.ready(lane, change):
                return change
            await pause(stop, READY_EVERY_S)
        return None

    async def _rest(
        self, change: LaneChange, resting: _Resting, lane: Lane, stop: asyncio.Event
    ) -> None:
        """Wait until the change has ended, or the stop."""
        while not stop.is_set() and self.is_under_way(change):
            await self._heard(stop)
        if not stop.is_set():
            await resting.go_on(lane, change)

    async def _leave(self, change: LaneChange, lane: Lane) -> None:
        """Say that the lane was left; it rests until the change has ended."""
        try:
            async with self._database.session() as session:
                told: bool = await session.fetch_value(
                    self._statements["rest_lane"], change.id, lane
                )
        except Unavailable as error:
            log.warning("lane_not_left", lane=lane, error=str(error))
            return  # it works on, and tries again
        if told:
            log.info("lane_left", lane=lane, to_lanes=change.to_lanes)
            if self.is_under_way(change):
                self._left |= {int(lane)}

    def _leaving(self) -> LaneChange | None:
        """The change for which this service leaves its lanes now."""
        change = self._change
        if change is None or change.phase not in _ORDER:
            return None
        phase = LEAVES_IN.get(self._service)
        if phase is None or _ORDER.index(change.phase) < _ORDER.index(phase):
            return None
        return change

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _heard(self, stop: asyncio.Event) -> None:
        """Wait until something has changed, or the stop."""
        news = self._news
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(news.wait()), group.create_task(stop.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
