"""Storage as a process between a private RabbitMQ and a private PostgreSQL."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.queues import QueueReader
from shared.contracts.formats import EVENT_V1, FRAMES_V1, Format
from shared.contracts.frames import Frame, encode_frames
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, Header, lane_queue, routing_key
from shared.contracts.receipts import Receipt, decode_receipts
from shared.errors import NotFound
from tests.harness.deployment import INCARNATION
from tests.harness.eventually import eventually
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost
from tests.harness.service_process import ServiceProcess


@dataclass(slots=True)
class System:
    """What a test does with storage and sees of it."""

    database: Database
    virtual_host: VirtualHost
    broker: Broker
    publisher: Publisher
    folder: Path
    replicas: list[ServiceProcess] = field(default_factory=list)
    receipts: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    receipt_headers: list[dict[str, Any]] = field(default_factory=list)
    sent_bytes: int = 0

    def start(self, **settings: str) -> ServiceProcess:
        """One more replica."""
        replica = ServiceProcess.start(
            "storage",
            number=len(self.replicas),
            folder=self.folder,
            virtual_host=self.virtual_host,
            database=self.database,
            settings={"STORAGE_COMMIT_INTERVAL_S": "0.02", **settings},
        )
        self.replicas.append(replica)
        return replica

    async def publish(
        self,
        exchange: Exchange,
        key: str,
        body: bytes,
        form: Format | str,
        *,
        incarnation: int = INCARNATION,
    ) -> None:
        """One message, confirmed. A format given as text is a name that we do not know."""
        self.sent_bytes += len(body)
        known = (
            form
            if isinstance(form, Format)
            else Format(name=form, content_type="", on=(exchange,), writers=(), readers=())
        )
        message = Message(
            exchange=exchange,
            routing_key=key,
            format=known,
            body=body,
            headers={Header.INCARNATION: incarnation, Header.BYTES: self.sent_bytes},
        )

        async def published() -> bool:
            try:
                await self.publisher.publish(message)
            except NotFound:  # after a restart of RabbitMQ a stream is there a moment later
                return False
            return True

        await eventually(published, within_s=20)

    async def send(self, frames: Sequence[Frame], *, lane: int = 0, late: bool = False) -> None:
        """One batch of frames."""
        await self.publish(
            Exchange.LATE if late else Exchange.FRAMES,
            routing_key(Lane(lane)),
            encode_frames(frames),
            FRAMES_V1,
        )

    async def send_event(self, body: bytes) -> None:
        """The body of one event."""
        await self.publish(Exchange.EVENTS, "events", body, EVENT_V1)

    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """What the superuser sees."""
        connection = await self.database.connect()
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def frames(self) -> list[tuple[int, int, int, int, bytes]]:
        """Identity and bytes of all that is stored."""
        rows = await self.rows("select device_id, boot, n, part, samples from signal.frame")
        return sorted(tuple(row.values()) for row in rows)

    async def stored(self, count: int, *, within_s: float = 20.0) -> None:
        """Wait for so many frames; more is an error."""

        async def enough() -> bool:
            assert len(await self.frames()) >= count
            return True

        await eventually(enough, within_s=within_s)
        assert len(await self.frames()) == count

    async def some_stored(self) -> None:
        """Wait until storage is at work."""

        async def some() -> bool:
            return len(await self.frames()) > 0

        await eventually(some, within_s=20)

    async def collect_receipts(self, *, lane: int = 0, stop: asyncio.Event) -> None:
        """Take receipts as the gateway does."""
        name = lane_queue(Exchange.RECEIPTS, Lane(lane))
        async with QueueReader(self.broker, name) as reader:
            async for delivery in reader.deliveries(until=stop):
                self.note(decode_receipts(delivery.body))
                self.receipt_headers.append(dict(delivery.headers))
                await delivery.settle()

    def note(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            told = self.receipts.setdefault((receipt.device, receipt.boot), set())
            for first, last in receipt.ranges:
                told.update(range(first, last + 1))

    async def parked(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many parked messages; gives their headers, with the body under `body`."""
        stop = asyncio.Event()
        found: list[dict[str, Any]] = []
        async with QueueReader(self.broker, "parking") as reader, asyncio.timeout(90):
            async for delivery in reader.deliveries(until=stop):
                found.append({**delivery.headers, "body": delivery.body})
                await delivery.settle()
                if len(found) == count:
                    break
        return found
