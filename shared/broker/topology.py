"""Exchanges, streams, queues and bindings, declared from names; and who may use which.

`vitalwire migrate` declares as `vw_admin`; services declare nothing and have no right to.
"""

import asyncio
import re
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from shared.broker.connection import Connection, amqp_errors
from shared.contracts.formats import FORMATS, PARKED
from shared.contracts.identity import MAX_LANES, Lane, is_lane_count
from shared.contracts.names import (
    LANE_QUEUES,
    LANE_STREAMS,
    UNLANED,
    Exchange,
    Queue,
    lane_queue,
    routing_key,
)
from shared.errors import Conflict, Misconfigured, NotFound

log = structlog.get_logger()

MIB = 1024 * 1024
SEGMENTS_A_RETENTION = 16  # whole segments are dropped: at most a sixteenth more or less is kept
SEGMENT_MOST_BYTES = 500 * MIB  # RabbitMQ's own default, reached by retentions of 8 GB and more
DELIVERY_LIMIT = 100  # takings of a queue's message before it is parked: a bug, not an outage
PARKING_MOST_MESSAGES = 100_000
PARKING_MOST_BYTES = 1024 * MIB
NOTICES_MOST = 10_000
QUEUE_MOST_MESSAGES = 100_000  # a queue nobody takes from makes its publishers wait
DECLARE_TIMEOUT_S = 60.0
ADMINISTRATOR = "vw_admin"

Arguments = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Bytes that each stream keeps at least, before its oldest segments are dropped."""

    frames: int = 2048 * MIB
    late: int = 1024 * MIB
    vitals: int = 512 * MIB
    events: int = 256 * MIB

    def of(self, exchange: Exchange) -> int:
        """Retention of the streams of an exchange."""
        return {
            Exchange.FRAMES: self.frames,
            Exchange.LATE: self.late,
            Exchange.VITALS: self.vitals,
            Exchange.EVENTS: self.events,
        }[exchange]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One queue or stream with its binding."""

    name: str
    exchange: Exchange
    routing_key: str
    arguments: Arguments

    @property
    def is_stream(self) -> bool:
        """Whether messages stay after they were read."""
        return self.arguments["x-queue-type"] == "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a RabbitMQ user may do on names, as three regular expressions."""

    configure: str
    write: str
    read: str


def declarations(lanes: int, retention: Retention) -> tuple[Declaration, ...]:
    """Every stream and queue of a deployment with so many lanes.

    Raises
    ------
    ValueError : `lanes` is no power of two from 1 to 64
    """
    if not is_lane_count(lanes):
        raise ValueError(f"lanes must be a power of two from 1 to {MAX_LANES}, not {lanes}")
    found = [
        Declaration(
            name=lane_queue(exchange, Lane(lane)),
            exchange=exchange,
            routing_key=routing_key(Lane(lane)),
            arguments=_stream(retention.of(exchange))
            if exchange in LANE_STREAMS
            else _quorum_queue(),
        )
        for exchange in (*LANE_STREAMS, *LANE_QUEUES)
        for lane in range(lanes)
    ]
    found += [
        Declaration(
            name=queue.value,
            exchange=exchange,
            routing_key=queue.value,
            arguments=_stream(retention.of(exchange))
            if exchange is Exchange.EVENTS
            else _unlaned_queue(exchange),
        )
        for exchange, queue in UNLANED.items()
    ]
    return tuple(found)


async def declare(
    connection: Connection, *, lanes: int, retention: Retention
) -> tuple[Declaration, ...]:
    """Declare what is not there; gives the streams that were created now.

    Idempotent. When a frame or vital stream was created, what readers have saved does not fit
    it: the caller bumps the deployment's incarnation.

    Raises
    ------
    Misconfigured : one exists with other arguments (another retention); delete it or keep its own
    Unavailable : RabbitMQ does not answer
    """
    channel = await connection.channel()
    created: list[Declaration] = []
    async with asyncio.timeout(DECLARE_TIMEOUT_S):
        for exchange in Exchange:
            with amqp_errors(f"declaring exchange {exchange}"):
                await channel.exchange_declare(exchange, exchange_type="direct", durable=True)
        for declaration in declarations(lanes, retention):
            existed = await exists(connection, declaration.name)
            try:
                with amqp_errors(f"declaring {declaration.name}"):
                    await channel.queue_declare(
                        declaration.name, durable=True, arguments=dict(declaration.arguments)
                    )
                    await channel.queue_bind(
                        declaration.name, declaration.exchange, declaration.routing_key
                    )
            except Conflict as error:
                raise Misconfigured(str(error)) from error
            if declaration.is_stream and not existed:
                created.append(declaration)
                log.info("stream_created", stream=declaration.name)
        with amqp_errors("closing the declaring channel"):
            await channel.close()
    return tuple(created)


async def exists(connection: Connection, queue: str) -> bool:
    """Whether there is a queue or stream of that name."""
    channel = await connection.channel()
    try:
        with amqp_errors(f"looking for {queue}"):
            await channel.queue_declare(queue, passive=True)
            await channel.close()
    except NotFound:
        return False
    return True


async def delete(connection: Connection, names: tuple[str, ...]) -> None:
    """Delete streams and queues: for a new number of lanes, and for tests."""
    channel = await connection.channel()
    async with asyncio.timeout(DECLARE_TIMEOUT_S):
        with amqp_errors("deleting queues"):
            for name in names:
                await channel.queue_delete(name)
            await channel.close()


def permissions() -> MappingProxyType[str, Permission]:
    """What each service's user may do, by user name; derived from the table of formats."""
    found = {ADMINISTRATOR: Permission(configure=".*", write=".*", read=".*")}
    for service in ("gateway", "dsp", "storage", "alarms", "api"):
        writes = {
            exchange.value for entry in FORMATS if service in entry.writers for exchange in entry.on
        }
        reads = {
            _names_of(exchange)
            for entry in FORMATS
            if service in entry.readers
            for exchange in entry.on
        }
        found[f"vw_{service}"] = Permission(
            configure="^$", write=_any_of(writes), read=_any_of(reads)
        )
    return MappingProxyType(found)


def _names_of(exchange: Exchange) -> str:
    if exchange in UNLANED:
        return re.escape(UNLANED[exchange].value)
    return re.escape(exchange.value) + r"\.[0-9]+"


def _any_of(patterns: set[str]) -> str:
    return f"^({'|'.join(sorted(patterns))})$" if patterns else "^$"


def _stream(retention_bytes: int) -> Arguments:
    segment = min(SEGMENT_MOST_BYTES, max(retention_bytes // SEGMENTS_A_RETENTION, MIB))
    return {
        "x-queue-type": "stream",
        "x-max-length-bytes": retention_bytes,
        "x-stream-max-segment-size-bytes": segment,
    }


def _quorum_queue() -> Arguments:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-max-length": QUEUE_MOST_MESSAGES,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": PARKED.on[0].value,
        "x-dead-letter-routing-key": Queue.PARKING.value,
        "x-dead-letter-strategy": "at-least-once",
    }


def _unlaned_queue(exchange: Exchange) -> Arguments:
    match exchange:
        case Exchange.PARKING:
            return _parking()
        case Exchange.NOTICES:
            return _notices()
        case _:
            return _quorum_queue()


def _notices() -> Arguments:
    """The oldest notices go first: an alarm must never wait because nobody takes the notices."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-max-length": NOTICES_MOST,
        "x-overflow": "drop-head",
    }


def _parking() -> Arguments:
    return {
        "x-queue-type": "quorum",
        "x-max-length": PARKING_MOST_MESSAGES,
        "x-max-length-bytes": PARKING_MOST_BYTES,
        "x-overflow": "drop-head",
    }
