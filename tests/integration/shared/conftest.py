"""RabbitMQ and PostgreSQL as the shared modules see them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from shared.broker.connection import Broker
from shared.broker.topology import declare
from shared.database.pool import Database, DatabaseAddress
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import LANES, SMALL, broker_address
from tests.harness.postgres import Database as DatabaseFixture
from tests.harness.rabbitmq import VirtualHost


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("test")


@pytest.fixture
def never() -> asyncio.Event:
    """A stop that nobody sets."""
    return asyncio.Event()


@pytest.fixture
async def broker(virtual_host: VirtualHost, metrics: Metrics) -> AsyncIterator[Broker]:
    """Connections to a virtual host with the topology of two lanes."""
    async with Broker(broker_address(virtual_host), instance="test", metrics=metrics) as broker:
        await declare(broker.publishing, lanes=LANES, retention=SMALL)
        yield broker


@pytest.fixture
async def database(empty_database: DatabaseFixture, metrics: Metrics) -> AsyncIterator[Database]:
    """A pool on an empty database."""
    address = DatabaseAddress(
        host=empty_database.host,
        port=empty_database.port,
        name=empty_database.name,
        user=empty_database.user,
        password=SecretStr(empty_database.password),
    )
    async with Database(address, instance="test", metrics=metrics) as database:
        yield database
