"""Publishing with confirms: bounded, in order, and again what a lost connection left open.

The caller hands a message over and gets a confirmation to wait for; what is outstanding is
bounded, so a RabbitMQ that is away or blocked makes the caller wait: that is the back-pressure.
Confirmations come in the order of handing over. A message that was stored while its confirm was
lost is published twice: readers are idempotent.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog
from aiormq import Channel
from aiormq.exceptions import PublishError

from shared.broker.connection import Broker, amqp_errors
from shared.broker.message import Message
from shared.errors import Denied, Dependency, NotFound, Unavailable, VitalwireError
from shared.runtime.clock import Clock
from shared.runtime.retry import BackOff, Retry

log = structlog.get_logger()
Confirmation = asyncio.Future[None]
"""Done when RabbitMQ has the message; raises NotFound when it goes to no queue, Denied when it
is not allowed, Unavailable when the publisher was closed before the confirm came."""


@dataclass(slots=True, eq=False)
class _Outstanding:
    message: Message
    confirmation: Confirmation
    since_s: float
    settled: bool = False
    error: VitalwireError | None = None


class Publisher:
    """Publishes for one service; an async context manager that drains when it ends.

    Parameters
    ----------
    broker : whose publishing connection is used
    outstanding_most, bytes_most : handed over and not confirmed; one message may exceed the bytes
    confirm_timeout_s : a confirm that takes longer means that the connection is dead
    drain_timeout_s : how long the end waits for the last confirms
    unroutable_patience_s : a message that no queue takes is tried so long: after a restart of
        RabbitMQ a stream takes messages a moment later than the connection
    """

    def __init__(
        self,
        broker: Broker,
        *,
        clock: Clock,
        outstanding_most: int = 1_024,
        bytes_most: int = 64 * 1024 * 1024,
        confirm_timeout_s: float = 30.0,
        drain_timeout_s: float = 5.0,
        unroutable_patience_s: float = 20.0,
        back_off: BackOff | None = None,
    ) -> None:
        self._connection = broker.publishing
        self._metrics = broker.metrics
        self._clock = clock
        self._outstanding_most = outstanding_most
        self._bytes_most = bytes_most
        self._confirm_timeout_s = confirm_timeout_s
        self._drain_timeout_s = drain_timeout_s
        self._unroutable_patience_s = unroutable_patience_s
        self._retry = Retry(back_off or BackOff(), on_failure=self._note_failure)
        self._outstanding: deque[_Outstanding] = deque()
        self._unsent: deque[_Outstanding] = deque()
        self._bytes = 0
        self._turn = asyncio.Lock()  # fair: senders are served in the order they came
        self._room = asyncio.Event()
        self._alone = 0  # so many are published one by one, to find which one is refused
        self._settled = 0
        self._work = asyncio.Event()
        self._closing = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._running = self._group.create_task(self._run(), name="publisher")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._work.set()
        self._room.set()
        cancelled = error if isinstance(error, asyncio.CancelledError) else None
        try:
            if self._running is not None and self._outstanding:
                await asyncio.wait({self._running}, timeout=self._drain_timeout_s)
        finally:
            if self._running is not None:
                self._running.cancel()
            await self._group.__aexit__(type(cancelled) if cancelled else None, cancelled, trace)
            self._give_up()

    @property
    def n_outstanding(self) -> int:
        """Messages handed over whose confirmation has not been given."""
        return len(self._outstanding)

    async def send(self, message: Message) -> Confirmation:
        """Hand a message over, waiting for room; gives the confirmation to wait for.

        Messages are published in the order of this call. Cancel-safe: cancelled, the message
        was not handed over.

        Raises
        ------
        Unavailable : the publisher is closed
        """
        async with self._turn:
            while not self._closing.is_set() and self._is_full():
                self._room.clear()
                await self._room.wait()
            if self._closing.is_set():
                raise Unavailable(Dependency.RABBITMQ, "the publisher is closed")
            entry = _Outstanding(
                message=message,
                confirmation=asyncio.get_running_loop().create_future(),
                since_s=self._clock.monotonic_s(),
            )
            entry.confirmation.add_done_callback(_look_at_error)
            self._outstanding.append(entry)
            self._unsent.append(entry)
            self._bytes += len(message.body)
            self._metrics.outstanding.set(len(self._outstanding))
            self._work.set()
            return entry.confirmation

    async def publish(self, message: Message) -> None:
        """Hand a message over and wait until RabbitMQ has it.

        Not cancel-safe: cancelled, the message may or may not be published.

        Raises
        ------
        NotFound, Denied, Unavailable : as `Confirmation` tells
        """
        await asyncio.shield(await self.send(message))

    def _is_full(self) -> bool:
        return bool(self._outstanding) and (
            len(self._outstanding) >= self._outstanding_most or self._bytes >= self._bytes_most
        )

    async def _run(self) -> None:
        """Publish what is handed over, on one channel after another, until drained at the end."""
        never = asyncio.Event()  # it is the drain's timeout that ends the attempts
        attempt = 0
        while not (self._closing.is_set() and not self._outstanding):
            channel = await self._retry.run(
                lambda: self._connection.channel(confirms=True), until=never
            )
            self._queue_again()
            settled_before = self._settled
            try:
                await self._publish_on(channel)
            except* Unavailable as errors:
                attempt = 1 if self._settled > settled_before else attempt + 1
                delay_s = self._retry.back_off.delay_s(min(attempt, 5), self._retry.jitter())
                log.warning("publishing_interrupted", error=str(errors.exceptions[0]))
                await self._connection.close()
                await self._clock.sleep(delay_s)

    def _queue_again(self) -> None:
        """Line up everything that has no confirm yet, in the order of handing over."""
        again = [entry for entry in self._outstanding if not entry.settled]
        sent_before = len(again) - len(self._unsent)
        for entry in again[:sent_before]:
            self._metrics.repeated.labels(entry.message.exchange).inc()
        self._unsent = deque(again)
        if self._unsent:
            self._work.set()

    async def _publish_on(self, channel: Channel) -> None:
        """Publish on this channel until it fails, or until all is confirmed at the end.

        The first message to each queue goes alone: were it returned while the next ones are
        taken, the order would be lost.
        """
        proven: set[tuple[str, str]] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._work.wait()
                self._work.clear()
                while self._unsent:
                    entry = self._unsent.popleft()
                    target = (entry.message.exchange, entry.message.routing_key)
                    if self._alone or target not in proven:
                        await self._publish_one(channel, entry, alone=self._alone > 0)
                        self._alone = max(0, self._alone - 1)
                        proven.add(target)
                    else:
                        # Tasks begin in the order of their birth, and the channel's lock is
                        # fair: so the order on the wire is the order of handing over.
                        group.create_task(self._publish_one(channel, entry, alone=False))
                if self._closing.is_set():
                    return

    async def _publish_one(self, channel: Channel, entry: _Outstanding, *, alone: bool) -> None:
        message = entry.message
        try:
            with amqp_errors(f"publishing to {message.exchange}/{message.routing_key}"):
                async with asyncio.timeout(self._confirm_timeout_s):
                    await channel.basic_publish(
                        message.body,
                        exchange=message.exchange,
                        routing_key=message.routing_key,
                        properties=message.properties(),
                        mandatory=True,
                        wait=False,
                    )
        except Unavailable as error:
            if not isinstance(error.__cause__, PublishError):
                raise
            waited_s = self._clock.monotonic_s() - entry.since_s
            if waited_s < self._unroutable_patience_s:
                raise
            entry.error = NotFound(f"no queue takes {message.exchange}/{message.routing_key}")
        except (Denied, NotFound) as error:
            # RabbitMQ closes the channel and with it all that is under way on it, without a word
            # which message it was: they go out again one by one.
            if alone:
                entry.error = error
                self._settle(entry)
            self._alone = len(self._outstanding)
            raise Unavailable(Dependency.RABBITMQ, str(error)) from error
        self._settle(entry)

    def _settle(self, entry: _Outstanding) -> None:
        """Note one result, and give out all results that have none before them open."""
        entry.settled = True
        self._settled += 1
        exchange = entry.message.exchange
        if entry.error is None:
            self._metrics.confirmed.labels(exchange).inc()
            waited_s = self._clock.monotonic_s() - entry.since_s
            self._metrics.confirm_seconds.labels(exchange).observe(waited_s)
        else:
            self._metrics.refused.labels(exchange).inc()
            log.error("message_refused_by_broker", exchange=exchange, error=str(entry.error))
        given = 0
        while self._outstanding and self._outstanding[0].settled:
            self._give(self._outstanding.popleft())
            given += 1
        if given:
            self._metrics.outstanding.set(len(self._outstanding))
            self._room.set()

    def _give(self, entry: _Outstanding) -> None:
        self._bytes -= len(entry.message.body)
        if entry.confirmation.done():
            return  # the caller has cancelled its wait
        if entry.error is None:
            entry.confirmation.set_result(None)
        else:
            entry.confirmation.set_exception(entry.error)

    def _give_up(self) -> None:
        while self._outstanding:
            entry = self._outstanding.popleft()
            if not entry.settled:
                entry.error = Unavailable(
                    Dependency.RABBITMQ, "the publisher was closed before the confirm"
                )
            self._give(entry)
        self._metrics.outstanding.set(0)

    def _note_failure(self, attempt: int, error: Unavailable, delay_s: float) -> None:
        self._metrics.failures.labels("publish").inc()
        log.warning("publishing_unavailable", attempt=attempt, error=str(error), delay_s=delay_s)


def _look_at_error(confirmation: Confirmation) -> None:
    """Mark the error as seen: a caller may drop the confirmation of a message it can resend."""
    if not confirmation.cancelled():
        confirmation.exception()
