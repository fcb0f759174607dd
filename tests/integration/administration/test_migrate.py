"""`vitalwire migrate` on real servers: twice is harmless, lost streams begin a new incarnation."""

from collections.abc import Iterator
from pathlib import Path

import aio_pika
import pytest

from deploy.local.database import create_roles_and_database
from deploy.local.layout import ROLES
from deploy.local.servers.command import write_private
from services.administration.migrate import bring_up_to_date
from services.administration.settings import AdministrationSettings
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import administration_settings
from tests.harness.postgres import PASSWORD, Postgres
from tests.harness.rabbitmq import VirtualHost


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """Roles belong to the whole server, so this test has one of its own."""
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.discard()


@pytest.fixture
async def settings(
    own_postgres: Postgres, virtual_host: VirtualHost, tmp_path: Path
) -> AdministrationSettings:
    """A fresh database and an empty virtual host."""
    await create_roles_and_database(
        host="127.0.0.1",
        port=own_postgres.port,
        superuser_password=PASSWORD,
        passwords=dict.fromkeys(ROLES, PASSWORD),
        name=virtual_host.name,
    )
    password = tmp_path / "password"
    write_private(password, PASSWORD)
    return administration_settings(virtual_host, password, database_port=own_postgres.port, lanes=4)


async def migrate(settings: AdministrationSettings) -> tuple[int, int]:
    deployment = await bring_up_to_date(
        settings, clock=SystemClock(), metrics=Metrics(settings.service)
    )
    return deployment.lanes, deployment.incarnation


async def test_twice_is_harmless(settings: AdministrationSettings) -> None:
    assert await migrate(settings) == (4, 1)
    assert await migrate(settings) == (4, 1)


async def test_lanes_are_chosen_once(settings: AdministrationSettings) -> None:
    await migrate(settings)
    other = settings.model_copy(update={"lanes": 8})
    assert await migrate(other) == (4, 1)


async def test_a_lost_stream_begins_a_new_incarnation(
    settings: AdministrationSettings, virtual_host: VirtualHost
) -> None:
    await migrate(settings)
    async with await aio_pika.connect(virtual_host.url) as connection:
        channel = await connection.channel()
        await channel.queue_delete("vitals.2")
    assert await migrate(settings) == (4, 2)
