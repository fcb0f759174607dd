"""Storage as a process between a private RabbitMQ and a private PostgreSQL."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from shared.broker.connection import Broker, BrokerAddress
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.queues import QueueReader
from shared.contracts.formats import EVENT_V1, FRAMES_V1, Format
from shared.contracts.frames import Frame, encode_frames
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, Header, lane_queue, routing_key
from shared.contracts.receipts import Receipt, decode_receipts
from shared.errors import NotFound
from tests.harness.eventually import eventually
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost

ROOT = Path(__file__).resolve().parents[3]
INCARNATION = 1
ROLE_PASSWORD = "private-to-this-test-run"


def broker_address(virtual_host: VirtualHost) -> BrokerAddress:
    return BrokerAddress(
        host=virtual_host.host,
        port=virtual_host.port,
        vhost=virtual_host.name,
        user=virtual_host.user,
        password=SecretStr(virtual_host.password),
    )


@dataclass(slots=True)
class StorageProcess:
    """One replica."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(20)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass(slots=True)
class System:
    """What a test does with storage and sees of it."""

    database: Database
    virtual_host: VirtualHost
    broker: Broker
    publisher: Publisher
    folder: Path
    replicas: list[StorageProcess] = field(default_factory=list)
    receipts: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    receipt_headers: list[dict[str, Any]] = field(default_factory=list)
    sent_bytes: int = 0

    def start(self, **settings: str) -> StorageProcess:
        """One more replica."""
        number = len(self.replicas)
        secret = self.folder / "password"
        secret.touch(0o600)
        secret.write_text(ROLE_PASSWORD)
        log = self.folder / f"storage-{number}.log"
        environment = {
            "PATH": os.environ["PATH"],
            "VITALWIRE_INSTANCE": f"storage-{number}",
            "VITALWIRE_AMQP_HOST": self.virtual_host.host,
            "VITALWIRE_AMQP_PORT": str(self.virtual_host.port),
            "VITALWIRE_AMQP_VHOST": self.virtual_host.name,
            "VITALWIRE_AMQP_USER": self.virtual_host.user,
            "VITALWIRE_AMQP_PASSWORD_FILE": str(secret),
            "VITALWIRE_DATABASE_HOST": self.database.host,
            "VITALWIRE_DATABASE_PORT": str(self.database.port),
            "VITALWIRE_DATABASE_NAME": self.database.name,
            "VITALWIRE_DATABASE_PASSWORD_FILE": str(secret),
            "VITALWIRE_STORAGE_COMMIT_INTERVAL_S": "0.02",
            **{f"VITALWIRE_{name}": value for name, value in settings.items()},
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.storage"],
                cwd=ROOT,
                env=environment,
                stdout=out,
                stderr=out,
            )
        replica = StorageProcess(process, log)
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
        async with QueueReader(self.broker, "parking") as reader, asyncio.timeout(20):
            async for delivery in reader.deliveries(until=stop):
                found.append({**delivery.headers, "body": delivery.body})
                await delivery.settle()
                if len(found) == count:
                    break
        return found
