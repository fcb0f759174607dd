"""What the gateway publishes on RabbitMQ: batches of frames, events, and what it parks."""

import asyncio
import contextlib

import structlog

from services.gateway.core.messages import ParkedMessage
from shared.broker.connection import Broker, amqp_errors
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.streams import StreamEdge, StreamReader
from shared.contracts.events import Event, encode_event
from shared.contracts.formats import EVENT_V1, FRAMES_V1, PARKED
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, Header, Queue, lane_queue, routing_key
from shared.contracts.parking import ParkingHeader
from shared.errors import Unavailable
from shared.runtime.retry import Retry
from shared.telemetry.traces import Traces, inject

log = structlog.get_logger()

WHERE = "gateway"
LAST_WITHIN_S = 1.0
"""The last chunk of a stream comes at once; of an empty stream nothing ever does."""
PARKED_MOST_BYTES = 262_144
"""Of a longer message the beginning is parked: what is too large is not worth its place."""


class RabbitConfirmed:
    """Implements `Confirmed` for the streams of one incarnation."""

    def __init__(self, publisher: Publisher, incarnation: int, traces: Traces) -> None:
        self._publisher = publisher
        self._incarnation = incarnation
        self._traces = traces

    async def send_frames(
        self, lane: Lane, body: bytes, *, late: bool, lane_bytes: int, t_us: int
    ) -> asyncio.Future[None]:
        """Publish a batch of frames; waits for room."""
        exchange = Exchange.LATE if late else Exchange.FRAMES
        headers: dict[str, str | int] = {
            Header.INCARNATION: self._incarnation,
            Header.BYTES: lane_bytes,
        }
        with self._traces.span("publish_frames", lane=lane, exchange=exchange.value):
            inject(headers)
            return await self._publisher.send(
                Message(
                    exchange=exchange,
                    routing_key=routing_key(lane),
                    format=FRAMES_V1,
                    body=body,
                    headers=headers,
                    t=t_us,
                )
            )

    async def park(self, message: ParkedMessage) -> asyncio.Future[None]:
        """Park a message; waits for room."""
        return await self._publisher.send(
            Message(
                exchange=Exchange.PARKING,
                routing_key=Queue.PARKING.value,
                format=PARKED,
                body=message.payload[:PARKED_MOST_BYTES],
                headers={
                    ParkingHeader.REASON: message.reason.value,
                    ParkingHeader.DETAIL: message.detail,
                    ParkingHeader.WHERE: WHERE,
                    ParkingHeader.DEVICE: message.device,
                    ParkingHeader.TOPIC: message.topic[:512],
                    ParkingHeader.IDENTITY: message.identity,
                    ParkingHeader.AT: message.at_us,
                },
                t=message.at_us,
            )
        )

    async def tell(self, event: Event) -> asyncio.Future[None]:
        """Publish an event; waits for room."""
        return await self._publisher.send(
            Message(
                exchange=Exchange.EVENTS,
                routing_key=Queue.EVENTS.value,
                format=EVENT_V1,
                body=encode_event(event),
                message_id=event.id,
                t=event.t,
            )
        )


async def carried_bytes(
    broker: Broker, exchange: Exchange, lane: Lane, incarnation: int, *, until: asyncio.Event
) -> int:
    """Give the cumulative bytes that the last batch of a stream tells; 0 of an empty stream.

    Waits for RabbitMQ as long as it takes.

    Raises
    ------
    Denied : this user may not read the stream
    Conflict : the stream is of another incarnation
    Unavailable : the stop was set before RabbitMQ answered
    """
    found = 0
    stream = lane_queue(exchange, lane)
    channel = await Retry().run(broker.consuming.channel, until=until)
    with contextlib.suppress(Unavailable), amqp_errors("closing a channel"):
        await channel.close()
    try:
        async with (
            asyncio.timeout(LAST_WITHIN_S),
            StreamReader(
                broker, stream, start=StreamEdge.LAST, incarnation=incarnation, prefetch=16
            ) as reader,
        ):
            async for batch in reader.batches(until=until):
                told = batch.messages[-1].headers.get(Header.BYTES)
                found = max(found, told if isinstance(told, int) else 0)
    except TimeoutError:
        log.debug("stream_end_read", stream=stream, carried_bytes=found)
    return found
