"""Replicas agree on lanes, take over from the dead, and go on while PostgreSQL is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr

from shared.contracts.identity import Lane
from shared.database.pool import Database, DatabaseAddress
from shared.ownership.leases import LaneOwnership
from shared.telemetry.metrics import Metrics
from tests.harness.eventually import eventually
from tests.harness.postgres import Database as DatabaseFixture
from tests.harness.postgres import Postgres
from tests.harness.tcp_proxy import TcpProxy

LANES = 4


class Replica:
    """One process, with its own way to PostgreSQL that a test can cut."""

    def __init__(self, address: DatabaseAddress, proxy: TcpProxy) -> None:
        self.proxy = proxy
        self.database = Database(address, instance="replica", metrics=Metrics("replica"))
        self.metrics = Metrics("owner")
        self.ownership = LaneOwnership(
            self.database,
            service="test",
            lanes=LANES,
            incarnation=1,
            metrics=self.metrics,
            silence_s=3,
        )
        self.stop = asyncio.Event()
        self.working: set[int] = set()

    async def work(self, lane: Lane, stop: asyncio.Event) -> None:
        assert lane not in self.working
        self.working.add(lane)
        try:
            await stop.wait()
        finally:
            self.working.discard(lane)

    @property
    def agrees(self) -> bool:
        """Whether it is in touch with the others."""
        return b"vitalwire_owner_lanes_agreed 1.0" in self.metrics.exposition()

    async def run(self) -> None:
        async with self.database:
            await self.ownership.run(self.stop, self.work)


Start = Callable[[], "asyncio.Future[Replica]"]


@pytest.fixture
async def replicas(
    empty_database: DatabaseFixture, postgres: Postgres
) -> AsyncIterator[list[Replica]]:
    """Three that are not started."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(3):
            proxy = await stack.enter_async_context(TcpProxy(postgres.port))
            address = DatabaseAddress(
                host=proxy.host,
                port=proxy.port,
                name=empty_database.name,
                user=empty_database.user,
                password=SecretStr(empty_database.password),
            )
            found.append(Replica(address, proxy))
        yield found


async def test_lanes_are_shared_and_taken_over(replicas: list[Replica]) -> None:
    a, b, c = replicas
    async with asyncio.TaskGroup() as group:
        group.create_task(a.run())
        await eventually(lambda: len(a.working) == LANES, within_s=30)
        group.create_task(b.run())
        await eventually(
            lambda: (
                len(a.working) == len(b.working) == 2 and a.working | b.working == set(range(LANES))
            ),
            within_s=30,
        )
        group.create_task(c.run())
        await eventually(
            lambda: sorted(len(each.working) for each in replicas) == [1, 1, 2], within_s=30
        )
        b.stop.set()
        await eventually(lambda: len(a.working) == len(c.working) == 2, within_s=30)
        a.stop.set()
        c.stop.set()
    assert not any(each.working for each in replicas)


async def test_while_postgresql_is_away_everybody_goes_on(replicas: list[Replica]) -> None:
    a, b, _ = replicas
    async with asyncio.TaskGroup() as group:
        group.create_task(a.run())
        group.create_task(b.run())
        await eventually(lambda: len(a.working) == len(b.working) == 2, within_s=30)
        before = set(a.working), set(b.working)
        for each in (a, b):
            each.proxy.refuse = True
            each.proxy.cut()
        await asyncio.sleep(3)
        assert (a.working, b.working) == before
        for each in (a, b):
            each.proxy.refuse = False
        await eventually(
            lambda: (
                a.agrees
                and b.agrees
                and len(a.working) == len(b.working) == 2
                and not a.working & b.working
            ),
            within_s=30,
        )
        a.stop.set()
        b.stop.set()


async def test_a_member_that_is_cut_off_alone_is_replaced_and_gives_way(
    replicas: list[Replica],
) -> None:
    a, b, _ = replicas
    async with asyncio.TaskGroup() as group:
        group.create_task(a.run())
        group.create_task(b.run())
        await eventually(lambda: len(a.working) == len(b.working) == 2, within_s=30)
        a.proxy.refuse = True
        a.proxy.cut()
        await eventually(lambda: len(b.working) == LANES, within_s=30)
        assert len(a.working) == 2  # twice worked on is safe, not at all is not
        a.proxy.refuse = False
        await eventually(
            lambda: len(a.working) == len(b.working) == 2 and not a.working & b.working,
            within_s=30,
        )
        a.stop.set()
        b.stop.set()


async def test_a_frozen_member_is_replaced_and_gives_way(replicas: list[Replica]) -> None:
    a, b, _ = replicas
    async with asyncio.TaskGroup() as group:
        group.create_task(a.run())
        group.create_task(b.run())
        await eventually(lambda: len(a.working) == len(b.working) == 2, within_s=30)
        a.proxy.freeze()  # nothing is closed: as if the process were stopped, or its network
        await eventually(lambda: len(b.working) == LANES, within_s=30)
        a.proxy.thaw()
        await eventually(
            lambda: len(a.working) == len(b.working) == 2 and not a.working & b.working,
            within_s=30,
        )
        a.stop.set()
        b.stop.set()
