"""Taking from a quorum queue, one message at a time to settle, at least once.

A message that was taken and not settled comes again, to this process or another: work on it must
be idempotent. After as many deliveries as the topology allows it goes to the parking.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import Any, Self

import structlog
from aiormq.abc import DeliveredMessage

from shared.broker.connection import Broker
from shared.broker.consumer import Consumer
from shared.errors import Unavailable
from shared.runtime.retry import BackOff, Retry

log = structlog.get_logger()


class Delivery:
    """One message taken from a queue, to be settled exactly once.

    Attributes
    ----------
    type : name of its format
    headers, body, message_id : as published
    attempt : 1 at the first delivery
    """

    def __init__(self, consumer: Consumer, delivered: DeliveredMessage) -> None:
        properties = delivered.header.properties
        self._consumer = consumer
        self._tag = delivered.delivery_tag or 0
        self.type: str = properties.message_type or ""
        self.headers: Mapping[str, Any] = properties.headers or {}
        self.body: bytes = delivered.body
        self.message_id: str | None = properties.message_id
        count = self.headers.get("x-delivery-count", 0)
        self.attempt: int = 1 + (count if isinstance(count, int) else 0)

    async def settle(self) -> None:
        """Say that it is done. If the link is lost meanwhile it comes again."""
        await self._consumer.acknowledge(self._tag)

    async def put_back(self) -> None:
        """Give it back: it comes again at once, and counts as one attempt."""
        await self._consumer.put_back(self._tag)

    async def reject(self) -> None:
        """Send it to the parking as a dead letter."""
        await self._consumer.reject(self._tag)


class QueueReader:
    """Takes from one queue; an async context manager that ends its consumer.

    Parameters
    ----------
    broker : whose consuming connection is used
    queue : name, from `shared.contracts.names`
    prefetch : messages on the way and not settled
    """

    def __init__(
        self, broker: Broker, queue: str, *, prefetch: int = 32, back_off: BackOff | None = None
    ) -> None:
        self.queue = queue
        self._connection = broker.consuming
        self._metrics = broker.metrics
        self._prefetch = prefetch
        self._retry = Retry(back_off or BackOff(), on_failure=self._note_failure)
        self._consumer: Consumer | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._detach()

    async def deliveries(self, *, until: asyncio.Event) -> AsyncGenerator[Delivery]:
        """Give what comes, until the stop; over lost connections and restarts of RabbitMQ.

        Cancel-safe: what was given and not settled, and what waits, goes back to the queue.

        Raises
        ------
        Denied : this user may not read the queue
        """
        while not until.is_set():
            try:
                consumer = await self._attached(until)
                for delivered in await consumer.take(1, until=until):
                    self._metrics.queue_messages.labels(self.queue).inc()
                    yield Delivery(consumer, delivered)
            except Unavailable as error:
                if until.is_set():
                    return
                log.warning("queue_interrupted", queue=self.queue, error=str(error))
                await self._detach()

    async def _attached(self, until: asyncio.Event) -> Consumer:
        if self._consumer is None or self._consumer.is_lost:
            await self._detach()
            self._consumer = await self._retry.run(
                lambda: Consumer.open(self._connection, self.queue, prefetch=self._prefetch),
                until=until,
            )
        return self._consumer

    async def _detach(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.close()

    def _note_failure(self, attempt: int, error: Unavailable, delay_s: float) -> None:
        self._metrics.failures.labels("queue").inc()
        log.warning(
            "queue_unavailable",
            queue=self.queue,
            attempt=attempt,
            error=str(error),
            delay_s=delay_s,
        )
