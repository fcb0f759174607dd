"""Reading a stream from an offset, with the two checks that RabbitMQ 3.10 does not make.

It serves a truncated offset silently from the oldest message that is left, lets a slow reader be
overtaken without a sign, and waits for ever beyond the end. So each offset must be the one before
plus one (or two, see `NOTE_OFFSETS`), and a reader that hears nothing asks where the stream ends.
What is found is told with the batch, logged (`stream_truncated`, `stream_rewound`) and counted;
reading goes on.

The position is the caller's: it saves `batch.last_offset` together with what it made of the batch
and begins again with `start=last_offset + 1`.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, NamedTuple, Self

import structlog
from aiormq.abc import DeliveredMessage

from shared.broker.connection import Broker
from shared.broker.consumer import Consumer
from shared.contracts.names import Header
from shared.errors import Conflict, Unavailable
from shared.runtime.retry import BackOff, Retry

log = structlog.get_logger()

OFFSET = "x-stream-offset"
# At the begin of a segment RabbitMQ notes what it knows of publishers, which takes an offset that
# no reader ever sees (found on 3.10.8). Truncation drops whole segments, of many messages each.
NOTE_OFFSETS = 1
PROBE_AFTER_S = 2.0  # a reader that is not at the end hears of a message long before


class StreamEdge(StrEnum):
    """Where to begin without an offset."""

    FIRST = "first"  # the oldest that is left
    LAST = "last"  # the newest chunk
    NEXT = "next"  # only what comes from now on


StreamStart = int | StreamEdge


class StreamMessage(NamedTuple):
    """One message of a stream. `type` is the name of its format; `t` us UTC, whole seconds."""

    offset: int
    type: str
    headers: Mapping[str, Any]
    body: bytes
    message_id: str | None


class Fault(StrEnum):
    """How a stream was not what the reader had left."""

    TRUNCATED = "stream_truncated"
    REWOUND = "stream_rewound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discontinuity:
    """The batch does not follow the one before.

    Parameters
    ----------
    fault : `TRUNCATED`: offsets from `expected` until `found` are gone; `REWOUND`: the stream
        ends before `expected` and is read again from `found`
    """

    fault: Fault
    expected: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBatch:
    """What was there to be read: at least one message, none left out between them.

    Parameters
    ----------
    messages : in order
    discontinuity : what lies between the batch before and this one
    """

    messages: Sequence[StreamMessage]
    discontinuity: Discontinuity | None = None

    @property
    def last_offset(self) -> int:
        """The position to save: begin again at this plus one."""
        return self.messages[-1].offset


class StreamReader:
    """Reads one stream; an async context manager that ends its consumer.

    Parameters
    ----------
    broker : whose consuming connection is used
    stream : name, from `shared.contracts.names`
    start : offset of the first message wanted, or an edge
    incarnation : of the deployment that the reader works on; a message of a later one raises
        Conflict, one of an earlier one is data like any other
    prefetch : messages (batches of frames) on the way; a chunk more may come
    batch_most : messages given at once
    """

    def __init__(
        self,
        broker: Broker,
        stream: str,
        *,
        start: StreamStart,
        incarnation: int | None = None,
        prefetch: int = 64,
        batch_most: int = 64,
        back_off: BackOff | None = None,
    ) -> None:
        self.stream = stream
        self._connection = broker.consuming
        self._metrics = broker.metrics
        self._start: StreamStart = start
        self._incarnation = incarnation
        self._prefetch = prefetch
        self._batch_most = batch_most
        self._retry = Retry(back_off or BackOff(), on_failure=self._note_failure)
        self._consumer: Consumer | None = None
        self._next: int | None = start if isinstance(start, int) else None
        self._heard = False  # since the consumer began
        self._rewound_from: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._detach()

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is known to be left to read: what is there was given, the link holds."""
        return self._heard and self._consumer is not None and self._consumer.is_idle

    async def batches(self, *, until: asyncio.Event) -> AsyncGenerator[StreamBatch]:
        """Give what comes, until the stop; over lost connections and restarts of RabbitMQ.

        What was given is done with when the next is asked for: that is the flow control, and the
        only bound a caller needs. Cancel-safe: nothing is lost but the place in the loop.

        Raises
        ------
        Denied : this user may not read the stream
        Conflict : a message of a later incarnation came: read the deployment again
        """
        while not until.is_set():
            try:
                consumer = await self._attached(until)
                deliveries = await consumer.take(
                    self._batch_most, until=until, timeout_s=None if self._heard else PROBE_AFTER_S
                )
                if not deliveries:
                    if not self._heard and not until.is_set():
                        await self._look_for_the_end(until)
                    continue
                self._heard = True
                for batch in self._in_order([_read(delivery) for delivery in deliveries]):
                    self._count(batch)
                    self._next = batch.last_offset + 1
                    yield batch
                tag = deliveries[-1].delivery_tag
                if tag is not None:
                    await consumer.finish(tag, len(deliveries))
            except Unavailable as error:
                if until.is_set():
                    return
                log.warning("stream_interrupted", stream=self.stream, error=str(error))
                await self._detach()

    def _in_order(self, messages: Sequence[StreamMessage]) -> list[StreamBatch]:
        """Cut at gaps; leave out what comes before the position (a chunk begins earlier)."""
        batches: list[StreamBatch] = []
        run: list[StreamMessage] = []
        found: Discontinuity | None = None
        following = self._next
        for message in messages:
            self._check_incarnation(message)
            if self._rewound_from is not None:
                found = Discontinuity(
                    fault=Fault.REWOUND, expected=self._rewound_from, found=message.offset
                )
                self._rewound_from = None
            elif following is not None and message.offset < following:
                continue
            elif following is not None and message.offset > following + NOTE_OFFSETS:
                if run:
                    batches.append(StreamBatch(messages=run, discontinuity=found))
                    run = []
                found = Discontinuity(
                    fault=Fault.TRUNCATED, expected=following, found=message.offset
                )
            run.append(message)
            following = message.offset + 1
        if run:
            batches.append(StreamBatch(messages=run, discontinuity=found))
        return batches

    def _check_incarnation(self, message: StreamMessage) -> None:
        told = message.headers.get(Header.INCARNATION)
        # An earlier one stands in a stream that outlived a new deployment of others: still data.
        if self._incarnation is not None and isinstance(told, int) and told > self._incarnation:
            raise Conflict(
                f"{self.stream} carries incarnation {told}, this reader works on "
                f"{self._incarnation}: start again to read the deployment"
            )

    async def _attached(self, until: asyncio.Event) -> Consumer:
        if self._consumer is None or self._consumer.is_lost:
            await self._detach()
            self._consumer = await self._retry.run(self._attach, until=until)
            # Only who has a position can be beyond the end, or have a backlog before him.
            self._heard = self._next is None and self._start is not StreamEdge.FIRST
        return self._consumer

    async def _attach(self) -> Consumer:
        start = self._start if self._next is None else self._next
        if self._rewound_from is not None:
            start = StreamEdge.FIRST
        return await Consumer.open(
            self._connection,
            self.stream,
            prefetch=self._prefetch,
            arguments={OFFSET: start if isinstance(start, int) else start.value},
        )

    async def _detach(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.close()

    async def _look_for_the_end(self, until: asyncio.Event) -> None:
        """Find out whether the position lies beyond the end; if so, begin again at the first."""
        end = await self._end(until)
        if until.is_set():
            return
        self._heard = self._next is not None or end == 0
        if self._next is not None and end < self._next:
            log.error(
                Fault.REWOUND.value, stream=self.stream, expected=self._next, stream_ends_at=end
            )
            self._rewound_from = self._next
            self._next = None
            await self._detach()

    async def _end(self, until: asyncio.Event) -> int:
        """The offset after the newest message; 0 when there is none."""
        probe = await Consumer.open(
            self._connection,
            self.stream,
            prefetch=self._prefetch,
            arguments={OFFSET: StreamEdge.LAST.value},
        )
        end = 0
        try:
            while deliveries := await probe.take(
                self._batch_most, until=until, timeout_s=PROBE_AFTER_S
            ):
                newest = _read(deliveries[-1]).offset + 1
                if self._next is None or newest >= self._next:
                    return newest  # on a stream that is written to, the end runs ahead for ever
                end = max(end, newest)
                tag = deliveries[-1].delivery_tag
                if tag is not None:
                    await probe.acknowledge(tag, and_before=True)
        finally:
            await probe.close()
        return end

    def _count(self, batch: StreamBatch) -> None:
        self._metrics.stream_messages.labels(self.stream).inc(len(batch.messages))
        self._metrics.stream_offset.labels(self.stream).set(batch.last_offset)
        found = batch.discontinuity
        if found is None:
            return
        if found.fault is Fault.TRUNCATED:
            missing = found.found - found.expected
            self._metrics.stream_missing.labels(self.stream).inc(missing)
            log.error(
                found.fault.value,
                stream=self.stream,
                expected=found.expected,
                found=found.found,
                missing=missing,
            )
        else:
            self._metrics.stream_rewound.labels(self.stream).inc()

    def _note_failure(self, attempt: int, error: Unavailable, delay_s: float) -> None:
        self._metrics.failures.labels("stream").inc()
        log.warning(
            "stream_unavailable",
            stream=self.stream,
            attempt=attempt,
            error=str(error),
            delay_s=delay_s,
        )


def _read(delivery: DeliveredMessage) -> StreamMessage:
    properties = delivery.header.properties
    headers: Mapping[str, Any] = properties.headers or {}
    offset = headers.get(OFFSET)
    assert isinstance(offset, int), "a stream gives each message its offset"
    return StreamMessage(
        offset=offset,
        type=properties.message_type or "",
        headers=headers,
        body=delivery.body,
        message_id=properties.message_id,
    )
