"""Sessions, their errors, and migrations."""

import asyncio

import pytest
from pydantic import SecretStr

from shared.database.migrate import Migration, migrate
from shared.database.pool import Database, DatabaseAddress, Duplicate
from shared.database.statements import Statement
from shared.errors import Conflict, Invalid, Misconfigured, Unavailable
from shared.telemetry.metrics import Metrics
from tests.harness.postgres import Postgres
from tests.harness.tcp_proxy import TcpProxy


def sql(text: str) -> Statement:
    return Statement(name="test", says="for a test", sql=text)


TABLE = sql("create table reading (device int, n bigint, body bytea, unique (device, n))")
COUNT = sql("select count(*) from reading")


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async with database.session() as session:
        await session.execute(TABLE)

    async def fail_halfway() -> None:
        async with database.transaction() as session:
            await session.execute(sql("insert into reading values (1, 1, '')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_halfway()
    async with database.session() as session:
        assert await session.fetch_value(COUNT) == 0


async def test_errors_are_ours(database: Database) -> None:
    async with database.session() as session:
        await session.execute(TABLE)
        await session.execute(sql("insert into reading values (1, 1, '')"))
        with pytest.raises(Duplicate) as duplicate:
            await session.execute(sql("insert into reading values (1, 1, '')"))
        assert isinstance(duplicate.value, Conflict)
        assert duplicate.value.constraint == "reading_device_n_key"
        with pytest.raises(Misconfigured):
            await session.execute(sql("select * from nowhere"))
        with pytest.raises(Invalid):
            await session.execute(sql("select 1/0"))
        with pytest.raises(Invalid):
            await session.execute(sql("insert into reading values ($1, 1, '')"), "no number")
        await session.execute(sql("set statement_timeout = 500"))
        with pytest.raises(Unavailable):
            await session.execute(sql("select pg_sleep(60)"))
        await session.execute(sql("reset statement_timeout"))
        assert await session.fetch_value(COUNT) == 1


async def test_json_columns_carry_values(database: Database) -> None:
    async with database.session() as session:
        value = {"a": [1, 2.5, None, "ü"]}
        assert await session.fetch_value(sql("select $1::jsonb"), value) == value


async def test_a_deadlock_is_worth_another_try(database: Database) -> None:
    async with database.session() as session:
        await session.execute(TABLE)
        await session.execute(sql("insert into reading values (1, 1, ''), (1, 2, '')"))
    both = asyncio.Barrier(2)
    touch = sql("update reading set body = 'x' where n = $1")

    async def crosswise(first: int, second: int) -> bool:
        try:
            async with database.transaction() as session:
                await session.execute(touch, first)
                await both.wait()
                await session.execute(touch, second)
        except Unavailable:
            return False
        return True

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(crosswise(1, 2)), group.create_task(crosswise(2, 1))]
    assert sorted(task.result() for task in tasks) == [False, True]


async def test_a_cut_link_is_unavailable_and_the_next_session_works(
    database: Database, metrics: Metrics, postgres: Postgres
) -> None:
    async with TcpProxy(postgres.port) as proxy:
        address = DatabaseAddress(
            host=proxy.host,
            port=proxy.port,
            name=database._address.name,
            user=database._address.user,
            password=SecretStr(database._address.password.get_secret_value()),
        )
        async with Database(address, instance="cut", metrics=Metrics("cut")) as through_proxy:
            async with through_proxy.session() as session:
                await session.execute(TABLE)

            async def lose_the_link() -> None:
                async with through_proxy.transaction() as session:
                    await session.execute(sql("insert into reading values (1, 1, '')"))
                    proxy.cut()
                    await session.execute(sql("insert into reading values (1, 2, '')"))

            with pytest.raises(Unavailable):
                await lose_the_link()
            async with through_proxy.session() as session:
                assert await session.fetch_value(COUNT) == 0
            proxy.refuse = True
            proxy.cut()
            with pytest.raises(Unavailable):
                async with through_proxy.session() as session:
                    await session.fetch_value(COUNT)
            proxy.refuse = False
            async with through_proxy.session() as session:
                assert await session.fetch_value(COUNT) == 0


ONE = Migration(
    number=1, name="0001_one", sql="create table one (a int); insert into one values (1)"
)
TWO = Migration(number=2, name="0002_two", sql="alter table one add column b int;")


async def test_migrations_are_applied_once_by_whoever_comes_first(database: Database) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(migrate(database, (ONE,))) for _ in range(3)]
    assert sorted(len(task.result()) for task in tasks) == [0, 0, 1]
    assert await migrate(database, (ONE, TWO)) == (TWO,)
    async with database.session() as session:
        assert await session.fetch_value(sql("select count(b) + count(*) from one")) == 1


async def test_a_migration_that_fails_leaves_nothing(database: Database) -> None:
    bad = Migration(number=2, name="0002_bad", sql="create table two (); select 1/0;")
    with pytest.raises(Invalid):
        await migrate(database, (ONE, bad))
    async with database.session() as session:
        assert await session.fetch_value(sql("select to_regclass('two')")) is None
    assert await migrate(database, (ONE, TWO)) == (TWO,)


async def test_a_changed_or_unknown_migration_stops(database: Database) -> None:
    await migrate(database, (ONE, TWO))
    with pytest.raises(Misconfigured, match="changed"):
        await migrate(database, (Migration(number=1, name="0001_one", sql="select 1"), TWO))
    with pytest.raises(Misconfigured, match="later version"):
        await migrate(database, (ONE,))
