"""A migrated database, all streams and a mosquitto of its own for each test of the gateway."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.broker.connection import Broker
from shared.broker.publisher import Publisher
from shared.broker.topology import Retention, declare
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.mosquitto import Mosquitto
from tests.harness.postgres import Database, Postgres
from tests.harness.rabbitmq import VirtualHost
from tests.integration.gateway.system import LANES, System
from tests.integration.storage.conftest import fill, make_roles
from tests.integration.storage.system import broker_address

MIB = 1024 * 1024
SMALL = Retention(frames=16 * MIB, late=16 * MIB, vitals=16 * MIB, events=16 * MIB)


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """Name of a migrated database to copy."""

    async def make() -> str:
        await make_roles(postgres.database("postgres"))
        return await postgres.create_template("gateway_template", fill)

    return asyncio.run(make())


@pytest.fixture
async def migrated(postgres: Postgres, template: str) -> AsyncIterator[Database]:
    """A migrated database of the test's own."""
    database = await postgres.create_database(template=template)
    yield database
    await postgres.drop_database(database)


@pytest.fixture
def own_mosquitto() -> Iterator[Mosquitto]:
    """A mosquitto of the test's own: sessions of the gateway have the same names in each test."""
    server = Mosquitto()
    try:
        yield server.start()
    finally:
        server.discard()


@asynccontextmanager
async def around(
    mosquitto: Mosquitto, database: Database, virtual_host: VirtualHost, folder: Path
) -> AsyncIterator[System]:
    """Servers ready, streams declared, no gateway yet; whoever was started is killed at the end."""
    metrics = Metrics("test")
    stop = asyncio.Event()
    async with (
        Broker(broker_address(virtual_host), instance="test", metrics=metrics) as broker,
        Publisher(broker, clock=SystemClock()) as publisher,
    ):
        await declare(broker.publishing, lanes=LANES, retention=SMALL)
        system = System(mosquitto, database, virtual_host, broker, publisher, folder)
        async with asyncio.TaskGroup() as group:
            group.create_task(system.read_streams(stop))
            try:
                yield system
            finally:
                stop.set()
                for replica in system.replicas:
                    if replica.process.poll() is None:
                        replica.kill()


@pytest.fixture
async def system(
    own_mosquitto: Mosquitto, migrated: Database, virtual_host: VirtualHost, tmp_path: Path
) -> AsyncIterator[System]:
    """All servers, and no gateway yet."""
    async with around(own_mosquitto, migrated, virtual_host, tmp_path) as system:
        yield system


@pytest.fixture
async def system_without_limit(
    migrated: Database, virtual_host: VirtualHost, tmp_path: Path
) -> AsyncIterator[System]:
    """All servers, and a mosquitto that takes messages of any size."""
    mosquitto = Mosquitto(settings=["message_size_limit 0"])
    try:
        mosquitto.start()
        async with around(mosquitto, migrated, virtual_host, tmp_path) as system:
            yield system
    finally:
        mosquitto.discard()


@pytest.fixture
async def closed_system(
    closed_mosquitto: Mosquitto, migrated: Database, virtual_host: VirtualHost, tmp_path: Path
) -> AsyncIterator[System]:
    """All servers, and a mosquitto that lets in only whom its files name."""
    try:
        closed_mosquitto.start()
        async with around(closed_mosquitto, migrated, virtual_host, tmp_path) as system:
            yield system
    finally:
        closed_mosquitto.discard()
