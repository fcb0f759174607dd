"""An empty database of the administrator's, beside an empty virtual host."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.database import create_roles_and_database
from deploy.local.layout import ROLES
from deploy.local.servers.command import write_private
from services.administration.settings import AdministrationSettings
from tests.harness.deployment import administration_settings
from tests.harness.postgres import PASSWORD, Database, Postgres
from tests.harness.rabbitmq import VirtualHost


@pytest.fixture(scope="package")
def own_postgres() -> Iterator[Postgres]:
    """Roles belong to the whole server, so these tests have one of their own."""
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.discard()


@pytest.fixture
async def database(own_postgres: Postgres, virtual_host: VirtualHost) -> AsyncIterator[Database]:
    """An empty database of the administrator's, named as the virtual host."""
    made = own_postgres.database(virtual_host.name)
    await make_database(made)
    yield made
    await own_postgres.drop_database(made)


async def make_database(database: Database) -> None:
    await create_roles_and_database(
        host=database.host,
        port=database.port,
        superuser_password=PASSWORD,
        passwords=dict.fromkeys(ROLES, PASSWORD),
        name=database.name,
    )


@pytest.fixture
def settings(
    database: Database, virtual_host: VirtualHost, tmp_path: Path
) -> AdministrationSettings:
    password = tmp_path / "password"
    write_private(password, PASSWORD)
    return administration_settings(virtual_host, password, database_port=database.port)
