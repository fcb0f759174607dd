"""What storage publishes: receipts, events, and what it parks. And the streams that it reads."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from services.storage.core.positions import StreamMessage
from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.streams import StreamReader
from shared.contracts.events import Event, encode_event
from shared.contracts.formats import EVENT_V1, PARKED, RECEIPTS_V1
from shared.contracts.identity import Lane
from shared.contracts.names import UNLANED, Exchange, routing_key
from shared.contracts.parking import ParkingHeader, Reason
from shared.contracts.receipts import Receipt, encode_receipts
from shared.errors import Dependency, NotFound, Unavailable
from shared.runtime.clock import Clock

DETAIL_MOST = 2_000  # characters of a reason's detail: a header must stay small


class StreamsOfIncarnation:
    """Implements `Streams`."""

    def __init__(self, broker: Broker, incarnation: int, prefetch: int) -> None:
        self._broker = broker
        self._incarnation = incarnation
        self._prefetch = prefetch

    @asynccontextmanager
    async def open(self, stream: str, *, start: int, most: int) -> AsyncIterator[StreamReader]:
        """The stream from an offset on."""
        async with StreamReader(
            self._broker,
            stream,
            start=start,
            incarnation=self._incarnation,
            prefetch=max(self._prefetch, most),
            batch_most=most,
        ) as reader:
            yield reader


class ReceiptQueue:
    """Implements `Receipts` for one lane."""

    def __init__(self, publisher: Publisher, lane: Lane) -> None:
        self._publisher = publisher
        self._lane = lane

    async def send(self, receipts: Sequence[Receipt], headers: Mapping[str, str | int]) -> None:
        """Hand over, waiting for room but not for the confirm: the next one repairs a lost one."""
        _ = await self._publisher.send(
            Message(
                exchange=Exchange.RECEIPTS,
                routing_key=routing_key(self._lane),
                format=RECEIPTS_V1,
                body=encode_receipts(list(receipts)),
                headers=headers,
            )
        )


class EventQueue:
    """Implements `EventStream`."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def tell(self, events: Sequence[Event]) -> None:
        """Publish and wait until RabbitMQ has them all."""
        for event in events:
            await _publish(
                self._publisher,
                Message(
                    exchange=Exchange.EVENTS,
                    routing_key=UNLANED[Exchange.EVENTS].value,
                    format=EVENT_V1,
                    body=encode_event(event),
                    message_id=event.id,
                    t=event.t,
                ),
            )


class ParkingQueue:
    """Implements `Parking`."""

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock

    async def park(
        self, message: StreamMessage, *, stream: str, reason: Reason, detail: str
    ) -> None:
        """Publish the original bytes with the reason, and wait until RabbitMQ has them."""
        now_us = self._clock.now_us()
        await _publish(
            self._publisher,
            Message(
                exchange=Exchange.PARKING,
                routing_key=UNLANED[Exchange.PARKING].value,
                format=PARKED,
                body=message.body,
                headers={
                    ParkingHeader.REASON: reason.value,
                    ParkingHeader.DETAIL: detail[:DETAIL_MOST],
                    ParkingHeader.WHERE: "storage",
                    ParkingHeader.TOPIC: stream,
                    ParkingHeader.IDENTITY: f"offset {message.offset}",
                    ParkingHeader.AT: now_us,
                },
                message_id=f"{stream}-{message.offset}",
                t=now_us,
            ),
        )


async def _publish(publisher: Publisher, message: Message) -> None:
    """Publish and wait for the confirm.

    A queue that is not there is one that RabbitMQ has not opened yet after its restart: the
    deployment has declared them all. So it is worth trying again.
    """
    try:
        await publisher.publish(message)
    except NotFound as error:
        raise Unavailable(Dependency.RABBITMQ, str(error)) from error
