"""The queue ``alarm_actions``."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
import structlog

from services.alarms.metrics import AlarmMetrics
from shared.broker.connection import Broker
from shared.broker.queues import Delivery, QueueReader
from shared.contracts.actions import AlarmAction, decode_action
from shared.contracts.names import Queue

log = structlog.get_logger()


class TakenDelivery:
    """An action with the delivery that it came by."""

    def __init__(self, delivery: Delivery, action: AlarmAction | None) -> None:
        self.action = action
        self._delivery = delivery

    async def settle(self) -> None:
        """It is kept: take it off the queue."""
        await self._delivery.settle()

    async def reject(self) -> None:
        """It is no action: send it to the parking."""
        await self._delivery.reject()


class AlarmActions:
    """Takes actions, one at a time to settle."""

    def __init__(self, broker: Broker, metrics: AlarmMetrics) -> None:
        self._broker = broker
        self._metrics = metrics

    async def taken(self, *, until: asyncio.Event) -> AsyncGenerator[TakenDelivery]:
        """What comes, until the stop. Cancel-safe: what is not settled comes again."""
        async with (
            QueueReader(self._broker, Queue.ALARM_ACTIONS) as queue,
            aclosing(queue.deliveries(until=until)) as deliveries,
        ):
            async for delivery in deliveries:
                try:
                    action = decode_action(delivery.body)
                except msgspec.DecodeError as error:
                    self._metrics.bad.labels("alarm_actions").inc()
                    log.error("bad_action", error=str(error))  # noqa: TRY400
                    yield TakenDelivery(delivery, None)
                else:
                    yield TakenDelivery(delivery, action)
