"""A message on its way to RabbitMQ, and how its AMQP properties are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pamqp.commands import Basic

from shared.contracts.formats import Format
from shared.contracts.names import Exchange

PERSISTENT = 2
HeaderValue = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is published.

    Parameters
    ----------
    exchange : one of ours; the default exchange is never used
    routing_key : lane as text, or the name of a queue without lanes
    format : gives AMQP `type` and `content_type`
    body : the bytes
    headers : `incarnation`, `bytes`, `traceparent` and the like
    message_id : of our own; the library draws one where there is none
    t : us UTC of the content, written to seconds into the AMQP `timestamp`
    """

    exchange: Exchange
    routing_key: str
    format: Format
    body: bytes
    headers: Mapping[str, HeaderValue] = field(default_factory=dict)
    message_id: str | None = None
    t: int | None = None

    def properties(self) -> Basic.Properties:
        """The AMQP properties; every message is persistent."""
        return Basic.Properties(
            content_type=self.format.content_type,
            message_type=self.format.name,
            delivery_mode=PERSISTENT,
            headers={str(key): value for key, value in self.headers.items()},
            message_id=self.message_id,
            timestamp=None
            if self.t is None
            else datetime.fromtimestamp(self.t // 1_000_000, tz=UTC),
        )
