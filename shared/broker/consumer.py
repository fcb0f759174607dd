"""One AMQP consumer: deliveries in order into a bounded buffer, and a clean end."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from typing import Literal

from aiormq.abc import AbstractChannel, DeliveredMessage

from shared.broker.connection import Connection, amqp_errors
from shared.errors import Dependency, NotFound, Unavailable, VitalwireError

OPEN_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 5.0
DONE_WITHIN_S = 1.0
"""So long after the first delivery that is done with, all are acknowledged: RabbitMQ closes the
channel of one that is open for half an hour."""


class Consumer:
    """Deliveries of one queue on one channel. Made by `open`, used until it is lost.

    The buffer holds at most what the prefetch lets through: RabbitMQ sends no more than that
    unacknowledged (of a stream, at most a chunk more).
    """

    def __init__(self, channel: AbstractChannel, queue: str, prefetch: int = 1) -> None:
        self._channel = channel
        self._queue = queue
        self._done_most = max(1, prefetch // 2)
        self._done = 0
        self._done_to = 0
        self._done_since_s = 0.0
        self._tag: str | None = None
        self._buffer: deque[DeliveredMessage] = deque()
        self._arrived: asyncio.Future[None] | None = None
        self._until: asyncio.Event | None = None
        self._stopping: asyncio.Future[Literal[True]] | None = None
        self._lost = False

    @classmethod
    async def open(
        cls,
        connection: Connection,
        queue: str,
        *,
        prefetch: int,
        arguments: Mapping[str, str | int] | None = None,
    ) -> "Consumer":
        """Begin to consume. Cancel-safe: a half-open channel is closed.

        Raises
        ------
        Unavailable : RabbitMQ, the queue or a stream's replica is not there now
        Denied : this user may not read it
        """
        channel = await connection.channel()
        consumer = cls(channel, queue, prefetch)
        try:
            with amqp_errors(f"consuming {queue}"):
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    await channel.basic_qos(prefetch_count=prefetch)
                    channel.on_consumer_cancel_callbacks.add(consumer._on_lost)
                    channel.closing.add_done_callback(consumer._on_lost)
                    answer = await channel.basic_consume(
                        queue,
                        consumer._on_delivery,
                        arguments=dict(arguments) if arguments else None,
                    )
                    consumer._tag = answer.consumer_tag
        except NotFound as error:  # it may be declared in a moment: a deployment that begins
            raise Unavailable(Dependency.RABBITMQ, str(error)) from error
        except BaseException:
            await consumer.close()
            raise
        return consumer

    @property
    def is_lost(self) -> bool:
        """Whether nothing more will be delivered, buffered deliveries apart."""
        return self._lost

    @property
    def is_idle(self) -> bool:
        """Whether it could deliver and nothing waits."""
        return not self._lost and not self._buffer

    async def take(
        self, at_most: int, *, until: asyncio.Event, timeout_s: float | None = None
    ) -> list[DeliveredMessage]:
        """Wait for deliveries and give them in order; none at a stop or when time is up.

        Cancel-safe: what is not given stays buffered.

        Raises
        ------
        Unavailable : the consumer is lost; what is buffered can no longer be acknowledged
        """
        if self._done and self._must_wait(until):
            await self._something(until, DONE_WITHIN_S)
            if self._must_wait(until):
                await self._acknowledge_done()
        if self._must_wait(until):
            await self._something(until, timeout_s)
        if self._lost:
            raise Unavailable(Dependency.RABBITMQ, f"consuming {self._queue}: it was cut off")
        return [self._buffer.popleft() for _ in range(min(at_most, len(self._buffer)))]

    def _must_wait(self, until: asyncio.Event) -> bool:
        return not self._buffer and not self._lost and not until.is_set()

    async def _something(self, until: asyncio.Event, timeout_s: float | None) -> None:
        """Wait for a delivery, the loss, the stop or the time.

        A take is made for each batch that comes: one future and no task, the stop is watched by
        one task of the consumer.
        """
        if self._until is not until:
            self._watch(until)
        loop = asyncio.get_running_loop()
        self._arrived = loop.create_future()
        timer = None if timeout_s is None else loop.call_later(timeout_s, self._wake)
        try:
            await self._arrived
        finally:
            self._arrived = None
            if timer is not None:
                timer.cancel()

    def _watch(self, until: asyncio.Event) -> None:
        self._forget_stop()
        self._until = until
        self._stopping = asyncio.ensure_future(until.wait())
        self._stopping.add_done_callback(lambda _: self._wake())

    def _forget_stop(self) -> None:
        stopping, self._stopping, self._until = self._stopping, None, None
        if stopping is not None:
            stopping.cancel()

    async def finish(self, delivery_tag: int, count: int) -> None:
        """Say that `count` deliveries, up to this one, are done with.

        They are acknowledged when they are half of what may be on its way, or after a moment of
        `take`: for RabbitMQ each acknowledgement is a message like another. Of a stream it gives
        room for more and deletes nothing, so nothing is lost with those that were not sent.
        """
        loop = asyncio.get_running_loop()
        if not self._done:
            self._done_since_s = loop.time()
        self._done += count
        self._done_to = delivery_tag
        is_old = loop.time() - self._done_since_s >= DONE_WITHIN_S
        if is_old or self._done >= self._done_most:
            await self._acknowledge_done()

    async def _acknowledge_done(self) -> None:
        self._done = 0
        await self.acknowledge(self._done_to, and_before=True)

    async def acknowledge(self, delivery_tag: int, *, and_before: bool = False) -> None:
        """Acknowledge a delivery, or all up to it. A lost consumer forgets it: it comes again."""
        if not self._lost:
            with contextlib.suppress(Unavailable), amqp_errors(f"acknowledging {self._queue}"):
                await self._channel.basic_ack(delivery_tag, multiple=and_before, wait=False)

    async def put_back(self, delivery_tag: int) -> None:
        """Give a delivery back to the queue. A lost consumer has done so by being lost."""
        if not self._lost:
            with contextlib.suppress(Unavailable), amqp_errors(f"putting back {self._queue}"):
                await self._channel.basic_nack(delivery_tag, requeue=True, wait=False)

    async def reject(self, delivery_tag: int) -> None:
        """Send a delivery where the queue's dead letters go: to the parking."""
        if not self._lost:
            with contextlib.suppress(Unavailable), amqp_errors(f"rejecting {self._queue}"):
                await self._channel.basic_reject(delivery_tag, requeue=False, wait=False)

    async def close(self) -> None:
        """Cancel, then close the channel: an acknowledgement after the close would cost the
        whole connection. Buffered deliveries go back to the queue.
        """
        self._forget_stop()
        if self._channel.is_closed:
            return
        with (
            contextlib.suppress(VitalwireError),
            amqp_errors(f"closing the consumer of {self._queue}"),
        ):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self._tag is not None and not self._lost:
                    await self._channel.basic_cancel(self._tag)
                await self._channel.close()
        self._lost = True

    async def _on_delivery(self, message: DeliveredMessage) -> None:
        self._buffer.append(message)
        self._wake()

    def _on_lost(self, _: object) -> None:
        self._lost = True
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
