"""Lanes held by advisory locks on a connection of their own, in fair shares.

Start another replica and it takes its part within seconds; kill or freeze one and the rest take
over, for PostgreSQL frees the locks of a session whose process is gone or silent. It saves work,
no more: nothing depends on a lane having one worker only. While PostgreSQL is away everybody goes
on with what he has, and takes it again first when it is back.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from shared.contracts.identity import Lane
from shared.database.pool import Database, Session
from shared.database.statements import load_statements
from shared.errors import Unavailable
from shared.ownership.fair_share import next_step
from shared.runtime.retry import BackOff
from shared.runtime.service import LoopEnded
from shared.runtime.waiting import pause
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()
LaneWork = Callable[[Lane, asyncio.Event], Awaitable[None]]

LOOK_EVERY_S = 1.0  # how soon a free lane is seen
RETURN_S = 3.0  # after a start of PostgreSQL, former holders have so long to take their lanes again
SILENCE_S = 10.0  # a frozen process loses its lanes after it: ten looks that did not come
INT31 = 0x7FFF_FFFF  # advisory lock keys are signed 32 bit; pg_locks shows them unsigned


class LockKeys(NamedTuple):
    """Under which keys the replicas of a service show themselves and hold lanes."""

    members: int
    lanes: int


def lock_keys(service: str, incarnation: int) -> LockKeys:
    """The keys of a service; another incarnation has other lanes, and so other keys."""
    root = f"vitalwire.{service}.{incarnation}"
    return LockKeys(
        zlib.crc32(f"{root}.members".encode()) & INT31, zlib.crc32(f"{root}.lanes".encode()) & INT31
    )


@dataclass(slots=True, eq=False)
class _Held:
    stop: asyncio.Event
    task: asyncio.Task[None]


class LaneOwnership:
    """Has the work of each owned lane run, and ends it when the lane goes to another.

    Parameters
    ----------
    database : gives a connection of its own
    service : lanes are shared among the replicas of this service
    lanes : how many there are in the deployment
    incarnation : which deployment it is
    silence_s : who does not look for so long loses his lanes
    """

    def __init__(
        self,
        database: Database,
        *,
        service: str,
        lanes: int,
        incarnation: int,
        metrics: Metrics,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._database = database
        self._service = service
        self._lanes = lanes
        self._silence_s = silence_s
        self._members_key, self._lanes_key = lock_keys(service, incarnation)
        self._statements = load_statements("shared.ownership")
        self._held: dict[int, _Held] = {}
        self._owned = metrics.gauge("lanes_owned", "Lanes that this process works on")
        self._agreed = metrics.gauge(
            "lanes_agreed", "1 while PostgreSQL answers for the locks of the lanes"
        )
        self._jitter_back_off = BackOff(first_s=0.5, most_s=5.0)

    @property
    def owned(self) -> frozenset[Lane]:
        """The lanes that this process works on now."""
        return frozenset(Lane(lane) for lane in self._held)

    async def run(self, stop: asyncio.Event, work: LaneWork) -> None:
        """Run `work(lane, lane_stop)` for each owned lane, until the stop.

        `lane_stop` is set when the lane shall go to another member or the service stops; the
        lane is given up when the work has returned. Cancel-safe: the locks end with the session.

        Raises
        ------
        BaseExceptionGroup : of what the work of a lane raised
        """
        async with asyncio.TaskGroup() as group:
            attempt = 0
            while not stop.is_set():
                try:
                    async with self._database.dedicated(silence_s=self._silence_s) as session:
                        attempt = 0
                        await self._hold(session, stop, work, group)
                except Unavailable as error:
                    attempt += 1
                    self._agreed.set(0)
                    log.warning("lanes_not_agreed", owned=sorted(self._held), error=str(error))
                    await pause(stop, self._jitter_back_off.delay_s(attempt, 0.5))
            await self._end(list(self._held))

    async def _hold(
        self, session: Session, stop: asyncio.Event, work: LaneWork, group: asyncio.TaskGroup
    ) -> None:
        """Agree with the others as long as the session lives."""
        me: int = await session.fetch_value(self._statements["become_member"], self._members_key)
        for lane in sorted(self._held):
            if not await self._try(session, lane):
                log.warning("lane_lost", lane=lane)
                await self._end([lane])
        self._agreed.set(1)
        while not stop.is_set():
            members, held = await self._look(session)
            step = next_step(me, members, held, self._lanes)
            if step.release:
                await self._end(step.release)
                for lane in step.release:
                    await session.execute(self._statements["leave_lane"], self._lanes_key, lane)
            if step.acquire and not await self._others_may_return(session):
                for lane in step.acquire:
                    if await self._try(session, lane):
                        self._begin(lane, work, group)
            await pause(stop, LOOK_EVERY_S)
        # The lanes' work ends before the session does, and with it the locks.
        await self._end(list(self._held))

    async def _look(self, session: Session) -> tuple[set[int], dict[int, int]]:
        rows = await session.fetch(
            self._statements["who_holds_what"], self._members_key, self._lanes_key
        )
        members = {row["member"] for row in rows if row["lane"] is None}
        return members, {row["lane"]: row["member"] for row in rows if row["lane"] is not None}

    async def _others_may_return(self, session: Session) -> bool:
        just_now: bool = await session.fetch_value(self._statements["started_just_now"], RETURN_S)
        return just_now

    async def _try(self, session: Session, lane: int) -> bool:
        taken: bool = await session.fetch_value(self._statements["try_lane"], self._lanes_key, lane)
        return taken

    def _begin(self, lane: int, work: LaneWork, group: asyncio.TaskGroup) -> None:
        lane_stop = asyncio.Event()

        async def watched() -> None:
            await work(Lane(lane), lane_stop)
            if not lane_stop.is_set():
                raise LoopEnded(f"the work of lane {lane} returned before it was asked to")

        task = group.create_task(watched(), name=f"{self._service} lane {lane}")
        self._held[lane] = _Held(stop=lane_stop, task=task)
        self._owned.set(len(self._held))
        log.info("lane_taken", lane=lane)

    async def _end(self, lanes: list[int] | tuple[int, ...]) -> None:
        """Have the work of lanes end, all at once, and wait for it."""
        ending = [self._held.pop(lane) for lane in lanes]
        for held in ending:
            held.stop.set()
        if ending:
            await asyncio.wait([held.task for held in ending])
            log.info("lanes_left", lanes=sorted(lanes))
        self._owned.set(len(self._held))
