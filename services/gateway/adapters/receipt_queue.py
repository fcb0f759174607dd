"""Receipts of storage, from the queue of a lane."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import structlog

from services.gateway.core.messages import StoredMessages
from shared.broker.connection import Broker
from shared.broker.queues import QueueReader
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, Header, lane_queue
from shared.contracts.receipts import decode_receipts

log = structlog.get_logger()

STREAM = "stream"
"""Header of a receipt: the stream whose bytes its header `bytes` tells."""


class RabbitReceiptQueue:
    """Implements `ReceiptQueue`."""

    def __init__(self, broker: Broker, incarnation: int) -> None:
        self._broker = broker
        self._incarnation = incarnation

    async def receipts(self, lane: Lane, *, until: asyncio.Event) -> AsyncIterator[StoredMessages]:
        """Give what storage committed; each is settled when the next one is asked for."""
        queue = lane_queue(Exchange.RECEIPTS, lane)
        async with QueueReader(self._broker, queue) as reader:
            async for delivery in reader.deliveries(until=until):
                try:
                    receipts = decode_receipts(delivery.body)
                except msgspec.DecodeError as error:
                    log.error("receipts_unreadable", lane=lane, error=str(error))  # noqa: TRY400
                    await delivery.reject()
                    continue
                headers = delivery.headers
                told = headers.get(Header.BYTES)
                is_ours = headers.get(Header.INCARNATION, self._incarnation) == self._incarnation
                late = str(headers.get(STREAM, "")).startswith(f"{Exchange.LATE.value}.")
                yield StoredMessages(
                    receipts, told if isinstance(told, int) and is_ours else None, late
                )
                await delivery.settle()
