"""A migrated database, streams, and no alarm process yet."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.broker.connection import Broker
from shared.broker.publisher import Publisher
from shared.broker.topology import declare
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.postgres import Database as DatabaseFixture
from tests.harness.postgres import Postgres
from tests.harness.rabbitmq import VirtualHost
from tests.harness.tcp_proxy import TcpProxy
from tests.integration.alarms.system import LANES, System
from tests.integration.shared.conftest import SMALL, address_of
from tests.integration.storage.conftest import fill, give_to_administrator, make_roles


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """Name of a migrated database to copy."""

    async def make() -> str:
        await make_roles(postgres.database("postgres"))
        return await postgres.create_template("alarms_template", fill)

    return asyncio.run(make())


@pytest.fixture
async def migrated(postgres: Postgres, template: str) -> AsyncIterator[DatabaseFixture]:
    """A migrated database of the test's own."""
    database = await postgres.create_database(template=template)
    await give_to_administrator(database)
    yield database
    await postgres.drop_database(database)


@pytest.fixture
async def database_link(migrated: DatabaseFixture) -> AsyncIterator[TcpProxy]:
    """The way of the alarm processes to PostgreSQL, which a test can cut."""
    async with TcpProxy(migrated.port) as proxy:
        yield proxy


@pytest.fixture
async def system(
    migrated: DatabaseFixture,
    database_link: TcpProxy,
    virtual_host: VirtualHost,
    tmp_path: Path,
) -> AsyncIterator[System]:
    """Streams for two lanes, a publisher, and no alarm process yet."""
    async with Broker(address_of(virtual_host), instance="test", metrics=Metrics("test")) as broker:
        await declare(broker.publishing, lanes=LANES, retention=SMALL)
        async with Publisher(broker, clock=SystemClock()) as publisher:
            system = System(migrated, virtual_host, broker, publisher, tmp_path, database_link.port)
            yield system
            for replica in system.replicas:
                if replica.process.poll() is None:
                    replica.kill()
