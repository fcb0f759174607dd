"""All streams and a mosquitto of its own for each test of the gateway."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.broker.connection import Broker
from shared.broker.publisher import Publisher
from shared.broker.topology import declare
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import LANES, SMALL, broker_address
from tests.harness.mosquitto import Mosquitto
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost
from tests.integration.gateway.system import System


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
                    replica.discard()


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
