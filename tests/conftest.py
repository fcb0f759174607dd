"""Private servers, one of each a test run; a database and a virtual host a test."""

import asyncio
import os

# Before numpy: threads of BLAS in many test processes only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import inspect
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.harness.eventually import PATIENCE
from tests.harness.manual_clock import ManualClock
from tests.harness.mosquitto import Mosquitto
from tests.harness.postgres import Database, Postgres
from tests.harness.rabbitmq import RabbitMq, VirtualHost

# How long an example takes, or is drawn, says how busy the machine is; the time limit of a test
# bounds the rest.
settings.register_profile("vitalwire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vitalwire")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give a busy machine its time; begin with the files that take longest.

    So no worker ends long after the others.
    """
    usual_s = config.getini("timeout") if config.getoption("timeout") is None else 0
    for item in items:
        limit = item.get_closest_marker("timeout")
        seconds = float(usual_s if limit is None else limit.args[0])
        if seconds:
            item.add_marker(pytest.mark.timeout(seconds * PATIENCE), append=False)
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(autouse=True)
def all_tasks_end(request: pytest.FixtureRequest) -> None:
    """Fail an async test that leaves a task behind when its fixtures are torn down."""
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("no_task_left")


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Set up first, torn down last: what runs then was left behind."""
    before = asyncio.all_tasks()
    yield
    for _ in range(3):  # tasks that end by themselves in the next turns of the loop
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"tasks left behind: {sorted(repr(task) for task in left)}"


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that the test moves."""
    return ManualClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A private PostgreSQL for the whole run."""
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.discard()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMq]:
    """A private RabbitMQ for the whole run."""
    server = RabbitMq()
    try:
        yield server.start()
    finally:
        server.discard()


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[Mosquitto]:
    """A private mosquitto for the whole run that lets everybody do anything."""
    server = Mosquitto()
    try:
        yield server.start()
    finally:
        server.discard()


@pytest.fixture
async def empty_database(postgres: Postgres) -> AsyncIterator[Database]:
    """A database of the test's own without tables."""
    database = await postgres.create_database()
    yield database
    await postgres.drop_database(database)


@pytest.fixture
def virtual_host(rabbitmq: RabbitMq) -> Iterator[VirtualHost]:
    """A virtual host of the test's own, empty."""
    virtual_host = rabbitmq.create_virtual_host()
    yield virtual_host
    rabbitmq.delete_virtual_host(virtual_host)
