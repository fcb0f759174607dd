"""The switch carries every position, all or none, and only while the change holds."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.administration.change_table import Change, ChangeTable
from shared.contracts.identity import DeviceId, shard_of
from shared.database.pool import Database
from shared.errors import Conflict
from shared.ownership.deployment import Deployment, Phase
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import database_address
from tests.harness.postgres import Database as DatabaseFixture

# In lane 0 of 2, in lane 1 of 4.
NAME = next(
    name
    for name in (DeviceId(f"monitor-{number}") for number in range(100))
    if 64 <= shard_of(name) < 128
)
FILL = """
    insert into signal.stream_position (incarnation, stream, last_offset, epoch) values
        (1, 'frames.0', 41, 3), (1, 'frames.1', 17, 2), (1, 'vitals.0', 9, 1), (1, 'events', 5, 7);
    insert into dsp.position (incarnation, stream, replay_offset, given_offset, watermark_us)
        values (1, 'frames.0', 12, 41, 1000), (1, 'frames.1', 3, 17, 900);
    insert into alarm.position (incarnation, stream, lane, next_offset) values
        (1, 'vitals.0', 0, 10), (1, 'events', 0, 6), (1, 'events', 1, 4);
    insert into alarm.lane (lane, saves, now_us) values (0, 12, 500), (1, 30, 400);
"""


@pytest.fixture
async def connection(migrated: DatabaseFixture) -> AsyncIterator[asyncpg.Connection]:
    connection = await migrated.connect()
    try:
        await connection.execute(FILL)
        device = await connection.fetchval(
            "insert into registry.device (device, shard, model) values ($1, $2, 'vw-monitor') "
            "returning id",
            NAME,
            shard_of(NAME),
        )
        await connection.execute(
            "insert into dsp.late_interval values ($1, 1, 0, 10, 0, 1, 'late.0', 4)", device
        )
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def table(migrated: DatabaseFixture) -> AsyncIterator[ChangeTable]:
    address = database_address(migrated, user="vw_admin")
    async with Database(address, instance="test", metrics=Metrics("test")) as database:
        yield ChangeTable(database)


async def writing(table: ChangeTable, to_lanes: int) -> Change:
    change = await table.begin(to_lanes, hold_s=600, asked_by="test")
    await table.next_phase(change, Phase.COMPUTING)
    await table.next_phase(change, Phase.WRITING)
    return change


async def rows(connection: asyncpg.Connection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.fetch(sql)]


async def test_more_lanes_go_on_where_the_old_ones_were(
    table: ChangeTable, connection: asyncpg.Connection
) -> None:
    change = await writing(table, 4)
    await table.switch(change)
    assert await table.deployment() == Deployment(4, 2)
    assert await rows(
        connection,
        "select stream, last_offset, epoch from signal.stream_position where incarnation = 2 "
        "order by stream",
    ) == [("events", 5, 0), ("frames.0", 41, 0), ("frames.1", 17, 0), ("vitals.0", 9, 0)]
    assert await rows(
        connection,
        "select stream, replay_offset, given_offset from dsp.position where incarnation = 2 "
        "order by stream",
    ) == [("frames.0", 42, 41), ("frames.1", 18, 17)]
    assert await rows(
        connection,
        "select stream, lane, next_offset from alarm.position where incarnation = 2 "
        "order by stream, lane",
    ) == [*(("events", lane, 4) for lane in range(4)), ("vitals.0", 0, 10)]
    assert await rows(connection, "select lane, saves, now_us from alarm.lane order by lane") == [
        (lane, 31, 400) for lane in range(4)
    ]
    assert await rows(connection, "select lane from dsp.late_interval") == [(1,)]
    assert not await table.give_up(change), "it cannot be taken back"
    opened = await table.open()
    assert opened is not None
    assert opened.phase is Phase.SWITCHED
    await table.end(change)
    assert await table.open() is None


async def test_of_lanes_that_are_gone_nothing_is_carried(
    table: ChangeTable, connection: asyncpg.Connection
) -> None:
    change = await writing(table, 1)
    assert change.vanishing == [1]
    await table.switch(change)
    streams = "select stream from signal.stream_position where incarnation = 2 order by stream"
    assert await rows(connection, streams) == [("events",), ("frames.0",), ("vitals.0",)]
    assert await rows(connection, "select lane from alarm.lane") == [(0,)]
    assert await rows(connection, "select lane from dsp.late_interval") == [(0,)]


async def test_who_holds_no_more_changes_nothing(
    table: ChangeTable, connection: asyncpg.Connection
) -> None:
    change = await writing(table, 4)
    await connection.execute("update registry.lane_change set hold_until = clock_timestamp()")
    assert not await table.hold(change, hold_s=30), "a hold that is over never comes back"
    with pytest.raises(Conflict, match="not held any more"):
        await table.switch(change)
    with pytest.raises(Conflict, match="not held any more"):
        await table.next_phase(change, Phase.WRITING)
    assert await table.deployment() == Deployment(2, 1)
    assert await rows(connection, "select lane from alarm.lane order by lane") == [(0,), (1,)]
    assert await table.give_up(change)
    again = await table.begin(4, hold_s=600, asked_by="test")
    assert again.after.incarnation == change.after.incarnation + 1, "never the same twice"
