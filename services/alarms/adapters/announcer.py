"""Events to the stream ``events``, notices to the queue ``notices``, and what is parked."""

from collections.abc import Sequence

import msgspec

from services.alarms.core.inputs import ChokedInput
from services.alarms.core.unsaved import Announcement
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.contracts.events import Event, encode_event
from shared.contracts.formats import EVENT_V1, NOTICE_V1, PARKED
from shared.contracts.names import Exchange, Header, Queue
from shared.contracts.parking import ParkingHeader, Reason
from shared.runtime.clock import Clock

DETAIL_MOST = 2_000  # characters of a header: it must stay small


class ParkingQueue:
    """Publishes inputs that a bug chokes on to the queue ``parking``."""

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock

    async def park(self, choked: ChokedInput) -> None:
        """Keep it with its reason; done when RabbitMQ has it."""
        now_us = self._clock.now_us()
        await self._publisher.publish(
            Message(
                exchange=Exchange.PARKING,
                routing_key=Queue.PARKING.value,
                format=PARKED,
                body=choked.body,
                headers={
                    ParkingHeader.REASON: Reason.INTERNAL_ERROR.value,
                    ParkingHeader.DETAIL: f"{choked.error}\n{choked.traceback}"[:DETAIL_MOST],
                    ParkingHeader.WHERE: "alarms",
                    ParkingHeader.TOPIC: choked.stream,
                    ParkingHeader.IDENTITY: choked.identity,
                    ParkingHeader.AT: now_us,
                },
                t=now_us,
            )
        )


class BrokerAnnouncer:
    """Publishes, and waits for the confirms."""

    def __init__(self, publisher: Publisher, *, incarnation: int) -> None:
        self._publisher = publisher
        self._incarnation = incarnation

    async def announce(self, announcements: Sequence[Announcement]) -> None:
        """Tell them in order; done when RabbitMQ has them."""
        confirmations = [
            await self._publisher.send(self._message(announcement))
            for announcement in announcements
        ]
        for confirmation in confirmations:
            await confirmation

    def _message(self, announcement: Announcement) -> Message:
        headers = {Header.INCARNATION.value: self._incarnation}
        if isinstance(announcement, Event):
            return Message(
                exchange=Exchange.EVENTS,
                routing_key=Queue.EVENTS.value,
                format=EVENT_V1,
                body=encode_event(announcement),
                headers=headers,
                message_id=announcement.id,
                t=announcement.t,
            )
        return Message(
            exchange=Exchange.NOTICES,
            routing_key=Queue.NOTICES.value,
            format=NOTICE_V1,
            body=msgspec.json.encode(announcement),
            headers=headers,
            message_id=announcement.id,
            t=announcement.t,
        )
