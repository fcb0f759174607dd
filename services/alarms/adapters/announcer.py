"""Events to the stream ``events``, notices to the queue ``notices``."""

from collections.abc import Sequence

import msgspec

from services.alarms.core.unsaved import Announcement
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.contracts.events import Event, encode_event
from shared.contracts.formats import EVENT_V1, NOTICE_V1
from shared.contracts.names import Exchange, Header, Queue


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
