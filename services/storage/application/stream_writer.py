"""The loop that all writers share: take, make durable, tell, and only then take the next.

What one message chokes on harms that message alone: it is parked, counted, and the position goes
past it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from services.storage.application.ports import Discontinuity, EventStream, Parking, Streams
from services.storage.core.positions import Advance, Position, StreamMessage
from services.storage.metrics import StorageMetrics
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.parking import Reason
from shared.errors import Invalid, Unavailable, VitalwireError
from shared.runtime.clock import Clock
from shared.runtime.quarantine import Choked, attempt_twice_async
from shared.runtime.retry import Retry
from shared.runtime.waiting import pause

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitPolicy:
    """How many messages share a commit, and how often there is one.

    Parameters
    ----------
    interval_s : between two commits of a stream that is not behind
    messages_most : of one commit; a commit that has as many is followed by the next at once
    """

    interval_s: float
    messages_most: int


class Work(Protocol):
    """What a writer does with the messages of one commit."""

    async def commit(self, messages: Sequence[StreamMessage], advance: Advance) -> None:
        """Make them durable with the position, then tell. Safe to do again with the same."""


@dataclass(slots=True)
class StreamWriter:
    """Moves one stream to the database.

    Parameters
    ----------
    position : as claimed
    work : what is done with the messages
    give_way : awaited before each commit; lets more urgent writers go first
    read_again : messages before the position that the work wants to see once more
    """

    position: Position
    work: Work
    policy: CommitPolicy
    streams: Streams
    parking: Parking
    events: EventStream
    clock: Clock
    metrics: StorageMetrics
    retry: Retry
    give_way: Callable[[asyncio.Event], Awaitable[None]] | None = None
    read_again: int = 0
    is_behind: bool = field(default=False, init=False)
    _decided_to: int = field(default=-1, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Write until the stop. Cancel-safe: the position is saved only together with its rows.

        Raises
        ------
        LaneLost : another process has taken over
        """
        stream = self.position.stream
        self._decided_to = self.position.last_offset
        first = self.position.last_offset + 1
        start = max(0, first - self.read_again)
        most = self.policy.messages_most
        async with self.streams.open(stream, start=start, most=most) as source:
            async for batch in source.batches(until=stop):
                began_s = self.clock.monotonic_s()
                if batch.discontinuity is not None:
                    await self._report_gap(batch.discontinuity, first, stop)
                await self._take(batch.messages, stop)
                self.is_behind = len(batch.messages) >= most
                if not self.is_behind:
                    left_s = self.policy.interval_s - (self.clock.monotonic_s() - began_s)
                    await pause(stop, max(0.0, left_s))

    async def _take(self, messages: Sequence[StreamMessage], stop: asyncio.Event) -> None:
        if not messages:
            return
        if self.give_way is not None:
            await self.give_way(stop)
        began_s = self.clock.monotonic_s()
        advance = Advance(self.position, messages[-1].offset, self._decided_to)
        outcome = await self.retry.run(lambda: self._attempt(messages, advance), until=stop)
        if isinstance(outcome, Choked):
            if len(messages) > 1:
                for message in messages:
                    await self._take([message], stop)
                return
            await self._park_choked(messages[0], outcome, stop)
            await self.retry.run(lambda: self.work.commit([], advance), until=stop)
        if advance.is_warming:
            return
        self.position = replace(self.position, last_offset=advance.to_offset)
        stream = self.position.stream.partition(".")[0]
        self.metrics.batches.labels(stream).inc(len(messages))
        self.metrics.commits.labels(stream).inc()
        self.metrics.commit_s.labels(stream).observe(self.clock.monotonic_s() - began_s)

    async def _attempt(self, messages: Sequence[StreamMessage], advance: Advance) -> Choked | None:
        """Commit; gives how it choked where the messages are to blame, raises all else."""

        async def commit() -> VitalwireError | None:
            try:
                await self.work.commit(messages, advance)
            except (Unavailable, Invalid):
                raise
            except VitalwireError as error:
                return error  # a lost lane, a missing right: no message explains it
            return None

        stream = self.position.stream
        try:
            outcome = await attempt_twice_async(
                commit,
                loop=stream,
                identity=f"offsets {messages[0].offset} to {messages[-1].offset}",
            )
        except Unavailable as error:
            self.metrics.failures.labels(stream.partition(".")[0], error.dependency).inc()
            raise
        if isinstance(outcome, VitalwireError):
            raise outcome
        return outcome

    async def _park_choked(
        self, message: StreamMessage, choked: Choked, stop: asyncio.Event
    ) -> None:
        stream = self.position.stream
        await self.retry.run(
            lambda: self.parking.park(
                message,
                stream=stream,
                reason=Reason.INTERNAL_ERROR,
                detail=f"{choked.error}\n{choked.traceback}",
            ),
            until=stop,
        )
        self.metrics.parked.labels(stream.partition(".")[0], Reason.INTERNAL_ERROR).inc()

    async def _report_gap(self, gap: Discontinuity, first: int, stop: asyncio.Event) -> None:
        """Tell that messages are gone which nobody has stored, or that the stream began anew."""
        if gap.expected < gap.found <= first:
            return  # of those read again some are gone: they were written
        if gap.found < gap.expected:
            self._decided_to = -1
        event = Event(
            id=event_id(
                EventKind.STREAM_TRUNCATED,
                self.position.incarnation,
                self.position.stream,
                gap.expected,
                gap.found,
            ),
            t=self.clock.now_us(),
            kind=EventKind.STREAM_TRUNCATED,
            severity=Severity.HIGH,
            source="storage",
            text_key="stream_truncated",
            data={
                "stream": self.position.stream,
                "fault": str(gap.fault),
                "expected": gap.expected,
                "found": gap.found,
            },
        )
        self.metrics.gaps.labels(self.position.stream.partition(".")[0]).inc()
        await self.retry.run(lambda: self.events.tell([event]), until=stop)
