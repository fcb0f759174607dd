"""A migrated database for each test, copied from one that is filled once a run."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.harness.deployment import fill, give_to_administrator, make_roles
from tests.harness.postgres import Database, Postgres


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """Name of a migrated database to copy."""

    async def make() -> str:
        await make_roles(postgres.database("postgres"))
        return await postgres.create_template("migrated_template", fill)

    return asyncio.run(make())


@pytest.fixture
async def migrated(postgres: Postgres, template: str) -> AsyncIterator[Database]:
    """A migrated database of the test's own."""
    database = await postgres.create_database(template=template)
    await give_to_administrator(database)
    yield database
    await postgres.drop_database(database)


@pytest.fixture(scope="session")
def unchanging(postgres: Postgres, template: str) -> Database:
    """One migrated database for all tests that only look; removed with the server."""
    return asyncio.run(postgres.create_database(template=template))
