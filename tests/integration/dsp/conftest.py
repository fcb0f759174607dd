"""A migrated database and a virtual host with all streams, for each test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.broker.connection import Broker
from shared.broker.publisher import Publisher
from shared.broker.topology import Retention, declare
from shared.database.migrate import load_migrations, migrate
from shared.database.pool import Database, DatabaseAddress
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.postgres import Database as DatabaseFixture
from tests.harness.postgres import Postgres
from tests.harness.rabbitmq import VirtualHost
from tests.integration.dsp.system import (
    INCARNATION,
    ROLE_PASSWORD,
    System,
    broker_address,
)

MIB = 1024 * 1024
SMALL = Retention(frames=16 * MIB, late=16 * MIB, vitals=16 * MIB, events=16 * MIB)
ROLES = ("vw_gateway", "vw_dsp", "vw_storage", "vw_alarms", "vw_api", "vw_admin")


def address_of(database: DatabaseFixture, *, user: str) -> DatabaseAddress:
    return DatabaseAddress(
        host=database.host,
        port=database.port,
        name=database.name,
        user=user,
        password=SecretStr(ROLE_PASSWORD),
    )


async def make_roles(database: DatabaseFixture) -> None:
    """The roles that deploy makes before it migrates."""
    connection = await database.connect()
    try:
        for role in ROLES:
            # Another folder's tests may have made them in the same server.
            await connection.execute(
                f"do $$ begin create role {role} login password '{ROLE_PASSWORD}'; "
                "exception when duplicate_object then null; end $$"
            )
    finally:
        await connection.close()


async def give_to_administrator(database: DatabaseFixture) -> None:
    """Make `vw_admin` the owner, as deploy does; a copy of a template does not inherit it."""
    connection = await database.connect()
    try:
        await connection.execute(f'alter database "{database.name}" owner to vw_admin')
    finally:
        await connection.close()


async def fill(database: DatabaseFixture) -> None:
    """Migrate as the administrator, who owns the database; say that there are streams."""
    await give_to_administrator(database)
    address = address_of(database, user="vw_admin")
    async with Database(address, instance="migrate", metrics=Metrics("test")) as pool:
        await migrate(pool, load_migrations())
    connection = await database.connect()
    try:
        await connection.execute("update registry.deployment set incarnation = $1", INCARNATION)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """Name of a migrated database to copy."""

    async def make() -> str:
        await make_roles(postgres.database("postgres"))
        return await postgres.create_template("dsp_template", fill)

    return asyncio.run(make())


@pytest.fixture
async def migrated(postgres: Postgres, template: str) -> AsyncIterator[DatabaseFixture]:
    """A migrated database of the test's own."""
    database = await postgres.create_database(template=template)
    await give_to_administrator(database)
    yield database
    await postgres.drop_database(database)


@pytest.fixture(scope="session")
def unchanging(postgres: Postgres, template: str) -> DatabaseFixture:
    """One migrated database for all tests that only look; removed with the server."""
    return asyncio.run(postgres.create_database(template=template))


@pytest.fixture
async def system(
    migrated: DatabaseFixture, virtual_host: VirtualHost, tmp_path: Path
) -> AsyncIterator[System]:
    """Streams for two lanes, a publisher, and what is given out is heard, no process yet."""
    async with Broker(
        broker_address(virtual_host), instance="test", metrics=Metrics("test")
    ) as broker:
        await declare(broker.publishing, lanes=2, retention=SMALL)
        async with (
            Publisher(broker, clock=SystemClock()) as publisher,
            asyncio.TaskGroup() as group,
        ):
            system = System(migrated, virtual_host, broker, publisher, tmp_path)
            stop = asyncio.Event()
            for lane in range(2):
                group.create_task(system.listen(lane, stop))
            group.create_task(system.listen_to_events(stop))
            yield system
            for replica in system.replicas:
                if replica.process.poll() is None:
                    replica.kill()
            stop.set()
