"""Lanes rest while their number is changed, and go on where nobody carries it through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.contracts.identity import Lane
from shared.database.pool import Database
from shared.ownership.deployment import Deployment, DeploymentWatch, LaneChange, Phase
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import database_address
from tests.harness.eventually import eventually
from tests.harness.postgres import Database as DatabaseFixture

BEGIN = """
    insert into registry.lane_change
        (from_lanes, from_incarnation, to_lanes, to_incarnation, hold_until, asked_by)
    values (2, 1, 4, 2, clock_timestamp() + make_interval(secs => $1), 'test') returning id
"""


class Worker:
    """One lane of the gateway, with a switch that lets it leave."""

    def __init__(self, database: Database) -> None:
        self.watch = DeploymentWatch(database, service="gateway", deployment=Deployment(2, 1))
        self.stop = asyncio.Event()
        self.working = False
        self.began = 0
        self.may_leave = True
        self.hangs: asyncio.Event | None = None
        self.went_on: list[int] = []

    async def work(self, _lane: Lane, stop: asyncio.Event) -> None:
        self.working = True
        self.began += 1
        await stop.wait()
        self.working = False

    async def ready(self, _lane: Lane, _change: LaneChange) -> bool:
        if self.hangs is not None:
            self.hangs.set()
            await asyncio.Event().wait()
        return self.may_leave

    async def goes_on(self, _lane: Lane, change: LaneChange) -> None:
        self.went_on.append(change.id)

    async def run(self) -> None:
        resting = self.watch.resting(self.work, ready=self.ready, goes_on=self.goes_on)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.watch.run(self.stop))
            await resting(Lane(1), self.stop)


@asynccontextmanager
async def at_work(migrated: DatabaseFixture) -> AsyncIterator[tuple[Worker, asyncpg.Connection]]:
    address = database_address(migrated, user="vw_gateway")
    connection = await migrated.connect()
    try:
        async with Database(address, instance="test", metrics=Metrics("test")) as database:
            worker = Worker(database)
            async with asyncio.TaskGroup() as group:
                group.create_task(worker.run())
                try:
                    await eventually(lambda: worker.working)
                    yield worker, connection
                finally:
                    worker.stop.set()
    finally:
        await connection.close()


async def left(connection: asyncpg.Connection) -> list[tuple[str, int]]:
    rows = await connection.fetch("select service, lane from registry.lane_left")
    return [(row["service"], row["lane"]) for row in rows]


async def test_a_lane_rests_until_the_hold_is_over(migrated: DatabaseFixture) -> None:
    async with at_work(migrated) as (worker, connection):
        change = await connection.fetchval(BEGIN, 600)

        async def has_left() -> bool:
            return await left(connection) == [("gateway", 1)] and not worker.working

        await eventually(has_left)
        assert worker.went_on == []
        await connection.execute("update registry.lane_change set hold_until = clock_timestamp()")
        await eventually(lambda: worker.working and worker.began == 2 and worker.went_on)
        assert worker.went_on == [change]


async def test_a_lane_that_may_not_leave_yet_works_on(migrated: DatabaseFixture) -> None:
    async with at_work(migrated) as (worker, connection):
        worker.may_leave = False
        change = await connection.fetchval(BEGIN, 600)
        await eventually(lambda: worker.watch.is_under_way(LaneChange(change, Phase.PAUSING, 4, 2)))
        assert worker.working
        assert await left(connection) == []
        worker.may_leave = True
        await eventually(lambda: not worker.working)
        await connection.execute(
            "update registry.lane_change set phase = 'given_up', ended_at = now()"
        )
        await eventually(lambda: worker.working)


async def test_another_deployment_ends_the_service(migrated: DatabaseFixture) -> None:
    async with at_work(migrated) as (worker, connection):
        await connection.execute("update registry.deployment set lanes = 4, incarnation = 2")
        await eventually(worker.stop.is_set)
        await eventually(lambda: not worker.working)


async def test_a_stop_does_not_wait_for_what_must_be_done_first(migrated: DatabaseFixture) -> None:
    async with at_work(migrated) as (worker, connection):
        worker.hangs = asyncio.Event()
        await connection.execute(BEGIN, 600)
        await eventually(worker.hangs.is_set)
        worker.stop.set()
        await eventually(lambda: not worker.working)
        assert await left(connection) == []
