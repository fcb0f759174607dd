"""The api in this process, on private servers, with a small hospital."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import argon2
import asyncpg
import httpx
import pytest

from deploy.local.servers.command import free_port
from deploy.local.servers.rabbitmq import Permission
from services.api.bootstrap import bootstrap
from services.api.settings import ApiSettings
from shared.broker.connection import Broker
from shared.broker.publisher import Publisher
from shared.broker.topology import declare, permissions
from shared.runtime.clock import SystemClock
from shared.runtime.service import Runtime, serve
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Traces
from tests.harness.deployment import (
    LANES,
    ROLE_PASSWORD,
    SMALL,
    broker_address,
    fill,
    make_roles,
)
from tests.harness.eventually import eventually
from tests.harness.postgres import Database as DatabaseFixture
from tests.harness.postgres import Postgres
from tests.harness.rabbitmq import RabbitMq, VirtualHost
from tests.harness.tcp_proxy import TcpProxy
from tests.integration.api.system import PASSWORD, Hospital, System, build_hospital

StartApi = Callable[..., AbstractAsyncContextManager[System]]


async def _fill(database: DatabaseFixture) -> None:
    await fill(database)
    connection = await database.connect()
    try:
        hashes = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1)
        await build_hospital(connection, hashes.hash(PASSWORD))
    finally:
        await connection.close()


async def _names(connection: asyncpg.Connection) -> Hospital:
    async def ids(statement: str) -> dict[str, int]:
        return {name: number for number, name in await connection.fetch(statement)}

    return Hospital(
        patients=await ids("select id, key from registry.patient"),
        devices=await ids("select id, device from registry.device"),
        accounts=await ids("select id, username from access.account"),
    )


@pytest.fixture(scope="session")
def hospital_template(postgres: Postgres) -> str:
    """Name of a migrated database with the hospital, to copy."""

    async def make() -> str:
        await make_roles(postgres.database("postgres"))
        return await postgres.create_template("api_template", _fill)

    return asyncio.run(make())


@pytest.fixture(scope="session")
def api_user(rabbitmq: RabbitMq) -> str:
    """The user of the api in RabbitMQ."""
    rabbitmq.create_user("vw_api", ROLE_PASSWORD)
    return "vw_api"


@pytest.fixture(scope="session")
def shared_streams(rabbitmq: RabbitMq) -> Iterator[VirtualHost]:
    """A virtual host for all tests that leave its streams and queues alone."""
    virtual_host = rabbitmq.create_virtual_host()
    yield virtual_host
    rabbitmq.delete_virtual_host(virtual_host)


@pytest.fixture
async def start_api(
    postgres: Postgres,
    hospital_template: str,
    rabbitmq: RabbitMq,
    api_user: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> AsyncIterator[StartApi]:
    """Starts an api with the rights of ``vw_api`` and nothing more; settings as keywords.

    A module whose tests look at streams or queues says OWN_STREAMS; the others share theirs, since
    making them takes longer than most tests.
    """
    own_streams = getattr(request.module, "OWN_STREAMS", False)
    virtual_host: VirtualHost = request.getfixturevalue(
        "virtual_host" if own_streams else "shared_streams"
    )
    database = await postgres.create_database(template=hospital_template)
    right = permissions()["vw_api"]
    rabbitmq.allow(
        Permission(
            user=api_user,
            virtual_host=virtual_host.name,
            configure=right.configure,
            write=right.write,
            read=right.read,
        )
    )
    for name in ("password", "key"):
        (tmp_path / name).touch(0o600)
    (tmp_path / "password").write_text(ROLE_PASSWORD)
    (tmp_path / "key").write_text("k" * 43)

    @asynccontextmanager
    async def start(**changed: Any) -> AsyncIterator[System]:
        settings = ApiSettings(
            **{
                "amqp_host": virtual_host.host,
                "amqp_port": virtual_host.port,
                "amqp_vhost": virtual_host.name,
                "amqp_user": api_user,
                "amqp_password_file": tmp_path / "password",
                "database_host": database.host,
                "database_port": database.port,
                "database_name": database.name,
                "database_user": "vw_api",
                "database_password_file": tmp_path / "password",
                "api_port": free_port(),
                "api_token_key_file": tmp_path / "key",
                "api_password_memory_kib": 8_192,
                "api_password_passes": 1,
                "api_request_burst": 10_000,
                "live_recheck_s": 0.3,
                "live_auth_s": 60,
                "api_action_wait_s": 20,
                "shutdown_grace_s": 5,
                **changed,
            }
        )
        runtime = Runtime(metrics=Metrics("api"), traces=Traces(service="api", instance="api"))
        connection = await database.connect()
        async with (
            Broker(
                broker_address(virtual_host), instance="test", metrics=Metrics("test")
            ) as broker,
            asyncio.TaskGroup() as group,
        ):
            await declare(broker.publishing, lanes=LANES, retention=SMALL)
            running = group.create_task(serve(settings, bootstrap, runtime=runtime))
            try:
                await eventually(lambda: running.done() or runtime.health.is_ready, within_s=20)
                port = settings.api_port
                async with (
                    Publisher(broker, clock=SystemClock()) as publisher,
                    httpx.AsyncClient(
                        base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60
                    ) as client,
                ):
                    yield System(
                        port=port,
                        http=client,
                        database=connection,
                        broker=broker,
                        publisher=publisher,
                        hospital=await _names(connection),
                        stop=runtime.stop,
                        connect=database.connect,
                    )
            finally:
                runtime.stop.set()
                await connection.close()

    yield start
    await postgres.drop_database(database)


@pytest.fixture
async def database_proxy(postgres: Postgres) -> AsyncIterator[TcpProxy]:
    """A proxy before PostgreSQL that can be cut."""
    async with TcpProxy(postgres.port) as proxy:
        yield proxy


@pytest.fixture
async def api(start_api: StartApi) -> AsyncIterator[System]:
    """A running api."""
    async with start_api() as system:
        yield system
