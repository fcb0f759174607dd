"""RabbitMQ and PostgreSQL as the shared modules see them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from shared.broker.connection import Broker, BrokerAddress
from shared.broker.topology import Retention, declare
from shared.database.pool import Database, DatabaseAddress
from shared.telemetry.metrics import Metrics
from tests.harness.postgres import Database as DatabaseFixture
from tests.harness.rabbitmq import VirtualHost

MIB = 1024 * 1024
SMALL = Retention(frames=16 * MIB, late=16 * MIB, vitals=16 * MIB, events=16 * MIB)


def address_of(virtual_host: VirtualHost, *, port: int | None = None) -> BrokerAddress:
    return BrokerAddress(
        host=virtual_host.host,
        port=port or virtual_host.port,
        vhost=virtual_host.name,
        user=virtual_host.user,
        password=SecretStr(virtual_host.password),
    )


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
    async with Broker(address_of(virtual_host), instance="test", metrics=metrics) as broker:
        await declare(broker.publishing, lanes=2, retention=SMALL)
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
