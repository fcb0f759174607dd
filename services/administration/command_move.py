"""Commands that wait for a gateway, from the queues of old lanes to those of their new ones."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing

import msgspec

from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.queues import Delivery, QueueReader
from shared.contracts.commands import decode_command
from shared.contracts.formats import COMMAND_V1
from shared.contracts.identity import Lane, Shard, lane_of
from shared.contracts.names import Exchange, lane_queue, routing_key
from shared.database.pool import Database
from shared.database.statements import load_statements

IDLE_S = 0.5
"""After so long without another command all have been taken."""
TAKEN_MOST = 10_000


class CommandMove:
    """Hands commands on; one that comes twice still runs once, for gateways know it by its id."""

    def __init__(self, broker: Broker, publisher: Publisher, database: Database) -> None:
        self._broker = broker
        self._publisher = publisher
        self._database = database
        self._shard = load_statements("services.administration")["shard_of_device"]

    async def run(self, from_lanes: Iterable[int], *, to_lanes: int) -> int:
        """Hand the commands of some lanes on to the lanes of their devices; gives how many.

        Cancel-safe: what is not settled goes back to its queue.

        Raises
        ------
        Unavailable : RabbitMQ or PostgreSQL does not answer
        """
        async with asyncio.TaskGroup() as group:
            moving = [
                group.create_task(self._move(Lane(lane), to_lanes=to_lanes)) for lane in from_lanes
            ]
        return sum(task.result() for task in moving)

    async def _move(self, lane: Lane, *, to_lanes: int) -> int:
        queue = lane_queue(Exchange.COMMANDS, lane)
        taken: list[Delivery] = []
        async with (
            QueueReader(self._broker, queue, prefetch=TAKEN_MOST) as reader,
            aclosing(reader.deliveries(until=asyncio.Event())) as deliveries,
        ):
            while len(taken) < TAKEN_MOST:
                try:
                    async with asyncio.timeout(IDLE_S):
                        taken.append(await anext(deliveries))
                except TimeoutError:  # also of a queue that was removed before
                    break
            return sum([await self._hand_on(each, lane, to_lanes=to_lanes) for each in taken])

    async def _hand_on(self, delivery: Delivery, lane: Lane, *, to_lanes: int) -> bool:
        """Hand one on; false where it stays in its lane, or goes to the parking."""
        shard = await self._shard_of(delivery.body)
        if shard is None:
            await delivery.reject()
            return False
        new = lane_of(shard, to_lanes)
        if new == lane:
            await delivery.put_back()
            return False
        await self._publisher.publish(
            Message(
                exchange=Exchange.COMMANDS,
                routing_key=routing_key(new),
                format=COMMAND_V1,
                body=delivery.body,
                message_id=delivery.message_id,
            )
        )
        await delivery.settle()
        return True

    async def _shard_of(self, body: bytes) -> Shard | None:
        try:
            device = decode_command(body).device
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        async with self._database.session() as session:
            shard: int | None = await session.fetch_value(self._shard, device)
        return None if shard is None else Shard(shard)
