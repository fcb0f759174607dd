"""Commands from the queue of a lane."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
import structlog

from shared.broker.connection import Broker
from shared.broker.queues import Delivery, QueueReader
from shared.contracts.commands import Command, decode_command
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, lane_queue

log = structlog.get_logger()

PREFETCH = 32


class RabbitTakenCommand:
    """Implements `TakenCommand`."""

    def __init__(self, command: Command, delivery: Delivery) -> None:
        self.command = command
        self._delivery = delivery

    async def settle(self) -> None:
        """Say that its row is durable."""
        await self._delivery.settle()

    async def reject(self) -> None:
        """Send it to the parking."""
        await self._delivery.reject()


class RabbitCommandQueue:
    """Implements `CommandQueue`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def commands(
        self, lane: Lane, *, until: asyncio.Event
    ) -> AsyncIterator[RabbitTakenCommand]:
        """Give what is asked for; what cannot be read goes to the parking."""
        queue = lane_queue(Exchange.COMMANDS, lane)
        async with QueueReader(self._broker, queue, prefetch=PREFETCH) as reader:
            async for delivery in reader.deliveries(until=until):
                try:
                    command = decode_command(delivery.body)
                    UUID(command.id)
                except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
                    log.error("command_unreadable", lane=lane, error=str(error))  # noqa: TRY400
                    await delivery.reject()
                    continue
                yield RabbitTakenCommand(command, delivery)
