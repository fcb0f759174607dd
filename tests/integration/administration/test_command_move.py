"""Commands that wait in the queue of an old lane go to the lane of their device, once each."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.administration.command_move import CommandMove
from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.queues import QueueReader
from shared.broker.topology import declare
from shared.contracts.commands import Command, decode_command, encode_command
from shared.contracts.formats import COMMAND_V1
from shared.contracts.identity import DeviceId, lane_of, shard_of
from shared.contracts.names import Exchange, Queue
from shared.database.pool import Database
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import SMALL, broker_address, database_address
from tests.harness.postgres import Database as DatabaseFixture
from tests.harness.rabbitmq import VirtualHost

LANES = 4
NAME = next(
    name
    for name in (DeviceId(f"monitor-{number}") for number in range(100))
    if lane_of(shard_of(name), LANES) == 3
)


@pytest.fixture
async def device(migrated: DatabaseFixture) -> int:
    connection = await migrated.connect()
    try:
        key: int = await connection.fetchval(
            "insert into registry.device (device, shard, model) values ($1, $2, 'vw-monitor') "
            "returning id",
            NAME,
            shard_of(NAME),
        )
    finally:
        await connection.close()
    return key


@pytest.fixture
async def broker(virtual_host: VirtualHost) -> AsyncIterator[Broker]:
    metrics = Metrics("test")
    async with Broker(broker_address(virtual_host), instance="test", metrics=metrics) as broker:
        await declare(broker.publishing, lanes=LANES, retention=SMALL)
        yield broker


async def waiting(broker: Broker, queue: str, n: int) -> list[bytes]:
    """So many messages of a queue."""
    found: list[bytes] = []
    async with asyncio.timeout(90), QueueReader(broker, queue) as reader:
        async for delivery in reader.deliveries(until=asyncio.Event()):
            found.append(delivery.body)
            await delivery.settle()
            if len(found) == n:
                break
    return found


async def test_commands_go_to_the_lane_of_their_device(
    broker: Broker, migrated: DatabaseFixture, device: int
) -> None:
    address = database_address(migrated, user="vw_admin")
    async with (
        Publisher(broker, clock=SystemClock()) as publisher,
        Database(address, instance="test", metrics=Metrics("test")) as database,
    ):
        for lane, name in ((3, "first"), (3, "second"), (0, "stays"), (2, "")):
            known = Command(id=name, device=device, name=name, expires=1, requested_by=1)
            await publisher.publish(
                Message(
                    exchange=Exchange.COMMANDS,
                    routing_key=str(lane),
                    format=COMMAND_V1,
                    body=encode_command(known) if name else b"no command",
                )
            )
        move = CommandMove(broker, publisher, database)
        assert await move.run(range(LANES), to_lanes=1) == 2
        assert await move.run([1, 2, 3], to_lanes=1) == 0
        names = [decode_command(body).name for body in await waiting(broker, "commands.0", 3)]
        assert sorted(names) == ["first", "second", "stays"]
        assert await waiting(broker, Queue.PARKING, 1) == [b"no command"]
