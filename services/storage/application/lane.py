"""One lane: its three writers, from the moment it is ours until it goes to another.

Late data has the lower priority: it waits, for a bounded time, while live data is behind.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from services.storage.application.events import EventWork
from services.storage.application.frames import FrameWork, LaneKnowledge, TimeBounds
from services.storage.application.ports import (
    EventStream,
    EventTable,
    FrameTable,
    Parking,
    Partitions,
    Positions,
    Receipts,
    Streams,
    VitalTable,
)
from services.storage.application.stream_writer import CommitPolicy, StreamWriter, Work
from services.storage.application.vitals import WARM_MESSAGES, VitalWork
from services.storage.core.erased import Fence
from services.storage.core.known_messages import KnownMessages
from services.storage.core.partitions import Partitioned, partitions_ahead
from services.storage.core.positions import LaneLost, Position
from services.storage.core.vital_rows import Thinning
from services.storage.metrics import StorageMetrics
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, Queue, lane_queue
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.retry import Retry
from shared.runtime.waiting import pause

log = structlog.get_logger()

CLAIM_AGAIN_S = 2.0  # after a lane was lost: the other one has done something by then
GIVE_WAY_STEP_S = 0.05
PARTITIONS_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds and paces, from settings."""

    policy: CommitPolicy
    late_policy: CommitPolicy
    vital_policy: CommitPolicy
    give_way_most_s: float
    bounds: TimeBounds
    vital_bounds: TimeBounds
    known_boots: int
    known_values: int


@dataclass(slots=True, kw_only=True)
class LaneWriters:
    """Writes lanes, and the events, as they are given to this process.

    Parameters
    ----------
    lanes : how many there are; the number after the last one stands for the events
    receipts : gives the way to the gateway of a lane
    """

    lanes: int
    limits: Limits
    streams: Streams
    positions: Positions
    partitions: Partitions
    frames: FrameTable
    vitals: VitalTable
    events: EventTable
    receipts: Callable[[Lane], Receipts]
    parking: Parking
    event_stream: EventStream
    clock: Clock
    metrics: StorageMetrics
    retry: Retry
    fence: Fence

    async def run(self, lane: Lane, stop: asyncio.Event) -> None:
        """Write the lane until the stop; claims it again when it was lost meanwhile.

        Cancel-safe: positions are saved only together with their rows.
        """
        names = (
            [lane_queue(kind, lane) for kind in (Exchange.FRAMES, Exchange.LATE, Exchange.VITALS)]
            if lane < self.lanes
            else [Queue.EVENTS.value]
        )
        self.metrics.lanes_held.inc()
        try:
            while not stop.is_set():
                try:
                    positions = await self.retry.run(
                        lambda: self.positions.claim(names), until=stop
                    )
                    await self._write(lane, positions, stop)
                except* LaneLost as lost:
                    self.metrics.lanes_lost.inc()
                    log.warning("lane_lost", lane=lane, why=str(lost.exceptions[0]))
                    await pause(stop, CLAIM_AGAIN_S)
                except* Unavailable:
                    if not stop.is_set():
                        raise
        finally:
            self.metrics.lanes_held.dec()

    async def keep_partitions_ahead(self, stop: asyncio.Event) -> None:
        """Make the partitions that live data needs next, before it comes."""
        while not stop.is_set():
            now_us = self.clock.now_us()
            try:
                for table in Partitioned:
                    await self.partitions.ensure(table, partitions_ahead(table, now_us))
            except Unavailable as error:
                log.warning("partitions_not_made", error=str(error))
            await pause(stop, PARTITIONS_EVERY_S)

    async def _write(self, lane: Lane, positions: list[Position], stop: asyncio.Event) -> None:
        if lane >= self.lanes:
            work = EventWork(
                self.events, self.parking, self.metrics, self.fence, self.lanes, self.receipts
            )
            await self._writer(positions[0], work).run(stop)
            return
        knowledge = LaneKnowledge(KnownMessages(self.limits.known_boots), self.frames)
        frames = self._writer(positions[0], self._frame_work("frames", lane, knowledge))
        vitals = self._writer(
            positions[2],
            self._vital_work(),
            policy=self.limits.vital_policy,
            read_again=WARM_MESSAGES,
        )
        late = self._writer(
            positions[1],
            self._frame_work("late", lane, knowledge),
            policy=self.limits.late_policy,
            give_way=self._give_way_to(frames, vitals),
        )
        async with asyncio.TaskGroup() as group:
            for writer in (frames, vitals, late):
                group.create_task(writer.run(stop), name=writer.position.stream)

    def _writer(
        self,
        position: Position,
        work: Work,
        *,
        policy: CommitPolicy | None = None,
        give_way: Callable[[asyncio.Event], Awaitable[None]] | None = None,
        read_again: int = 0,
    ) -> StreamWriter:
        return StreamWriter(
            position=position,
            work=work,
            policy=policy or self.limits.policy,
            streams=self.streams,
            parking=self.parking,
            events=self.event_stream,
            clock=self.clock,
            metrics=self.metrics,
            retry=self.retry,
            give_way=give_way,
            read_again=read_again,
        )

    def _frame_work(self, kind: str, lane: Lane, knowledge: LaneKnowledge) -> FrameWork:
        return FrameWork(
            kind=kind,
            bounds=self.limits.bounds,
            table=self.frames,
            partitions=self.partitions,
            knowledge=knowledge,
            receipts=self.receipts(lane),
            parking=self.parking,
            events=self.event_stream,
            clock=self.clock,
            metrics=self.metrics,
            fence=self.fence,
        )

    def _vital_work(self) -> VitalWork:
        return VitalWork(
            bounds=self.limits.vital_bounds,
            table=self.vitals,
            partitions=self.partitions,
            parking=self.parking,
            clock=self.clock,
            metrics=self.metrics,
            thinning=Thinning(self.limits.known_values),
            fence=self.fence,
        )

    def _give_way_to(self, *live: StreamWriter) -> Callable[[asyncio.Event], Awaitable[None]]:
        async def give_way(stop: asyncio.Event) -> None:
            until_s = self.clock.monotonic_s() + self.limits.give_way_most_s
            while any(writer.is_behind for writer in live):
                if self.clock.monotonic_s() >= until_s or await pause(stop, GIVE_WAY_STEP_S):
                    return

        return give_way
