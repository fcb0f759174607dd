"""What deploy gives the services before they start: roles, a migrated database, small streams."""

from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.administration.settings import AdministrationSettings
from shared.broker.connection import BrokerAddress
from shared.broker.topology import Retention
from shared.database.migrate import load_migrations, migrate
from shared.database.pool import Database, DatabaseAddress
from shared.telemetry.metrics import Metrics
from tests.harness.postgres import Database as DatabaseFixture
from tests.harness.rabbitmq import VirtualHost

MIB = 1024 * 1024
SMALL = Retention(frames=16 * MIB, late=16 * MIB, vitals=16 * MIB, events=16 * MIB)
ROLES = ("vw_gateway", "vw_dsp", "vw_storage", "vw_alarms", "vw_api", "vw_admin")
ROLE_PASSWORD = "private-to-this-test-run"
LANES = 2
INCARNATION = 1


def broker_address(virtual_host: VirtualHost, *, port: int | None = None) -> BrokerAddress:
    """Where a virtual host is, perhaps behind a proxy, as who may do all in it."""
    return BrokerAddress(
        host=virtual_host.host,
        port=port or virtual_host.port,
        vhost=virtual_host.name,
        user=virtual_host.user,
        password=SecretStr(virtual_host.password),
    )


def database_address(database: DatabaseFixture, *, user: str) -> DatabaseAddress:
    """Where a database is, as one of the roles."""
    return DatabaseAddress(
        host=database.host,
        port=database.port,
        name=database.name,
        user=user,
        password=SecretStr(ROLE_PASSWORD),
    )


def administration_settings(
    virtual_host: VirtualHost, password_file: Path, **changed: Any
) -> AdministrationSettings:
    """The administrator's, who makes small streams, and a database named as the virtual host."""
    own: dict[str, Any] = {
        "amqp_port": virtual_host.port,
        "amqp_vhost": virtual_host.name,
        "amqp_user": "vw_admin",
        "amqp_password_file": password_file,
        "database_name": virtual_host.name,
        "database_user": "vw_admin",
        "database_password_file": password_file,
        "lanes": LANES,
    }
    small: dict[str, Any] = {
        f"retention_{kind}_mib": 16 for kind in ("frames", "late", "vitals", "events")
    }
    return AdministrationSettings(**own | small | changed)


async def make_roles(database: DatabaseFixture) -> None:
    """The roles that deploy makes before it migrates."""
    connection = await database.connect()
    try:
        for role in ROLES:
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
    address = database_address(database, user="vw_admin")
    async with Database(address, instance="migrate", metrics=Metrics("test")) as pool:
        await migrate(pool, load_migrations())
    connection = await database.connect()
    try:
        await connection.execute(
            "update registry.deployment set lanes = $1, incarnation = $2", LANES, INCARNATION
        )
    finally:
        await connection.close()
