"""Storage is killed while it erases, rolls up and removes: what is left is as if it had not been.

A kill meets a transaction that stands still, because the test holds a lock that it needs.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from services.storage.core import frame_rows
from services.storage.core.block_rows import COLUMNS, encode_rows
from shared.contracts.frames import FrameBatch, decode_frames, encode_frames
from tests.harness.eventually import eventually
from tests.integration.storage.frames import NOW_US, frame
from tests.integration.storage.people import (
    CANARY,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    count,
    found_in,
    person,
)
from tests.integration.storage.system import System

OLD, YOUNG = ((NOW_US - hours * HOUR) // HOUR * HOUR for hours in (50, 2))
SETTINGS = {
    "STORAGE_HOT_HOURS": "700",
    "STORAGE_ROLLUP_EVERY_S": "0.1",
    "STORAGE_ERASURE_EVERY_S": "0.1",
    "STORAGE_ERASURE_WAIT_S": "0",
    "STORAGE_RETENTION_EVERY_S": "3600",
}
VALUES = """
    insert into signal.vital
    select $1, t, $2, t, '{1}', '{1}', array[60 + t / 5000000 % 40]::real[], '{1}', '{0}', '{0}',
        '{0}'
    from generate_series($3::bigint, $4::bigint - 1, 5000000) as t
"""
WRONG = {
    table: f"""
    select v.t, h.t from (
        select patient_id, device_id, t / {width} * {width} as t, count(*) as n, min(value) as low,
            max(value) as high
        from signal.vital_value where t < $1 group by 1, 2, 3) as v
    full join (select * from signal.{table} where t < $1) as h
        on (h.patient_id, h.device_id, h.t, h.n, h.low, h.high)
            = (v.patient_id, v.device_id, v.t, v.n, v.low, v.high)
    where h.t is null or v.t is null
    """  # noqa: S608
    for table, width in (("vital_minute", MINUTE), ("vital_hour", HOUR))
}
"""Minutes and hours before a time that are not what the values give"""
OF_DEVICE = ("signal.frame", "signal.block", "signal.beat", "signal.event")
OF_PATIENT = ("signal.vital", "alarm.alarm")


async def live_of(connection: asyncpg.Connection, name: str) -> tuple[int, int]:
    """A person with a device for three days: frames, blocks and the rest of two hours of them."""
    patient, device = await person(connection, name, [f"of-{name.lower()}"])
    await connection.execute(
        "update registry.assignment set starts = to_timestamp($2::bigint / 1000000.0)"
        " where device_id = $1", device, OLD - DAY,
    )  # fmt: skip
    for start in (OLD, YOUNG):
        for table in ("frame", "block", "beat", "vital", "vital_minute", "vital_hour"):
            await connection.execute(
                "select signal.ensure_partitions($1, array[$2::bigint / width * width])"
                " from signal.partition_width_us($1) as width", table, start,
            )  # fmt: skip
        first = 0 if start == OLD else 1_000
        sent = [
            frame(
                first + n,
                device=device,
                t0=start + n * 10 * SECOND,
                samples=f"{name[:12]}{n:4}".encode(),
            )
            for n in range(200)
        ]
        cold = decode_frames(encode_frames(sent[100:]))
        assert isinstance(cold, FrameBatch)
        await connection.copy_records_to_table(
            "frame",
            schema_name="signal",
            columns=frame_rows.COLUMNS,
            records=[
                (one.device, one.boot, one.n, one.part, one.stream, one.t0, one.interval_ns,
                 one.received, one.flags, one.channels, one.format, one.place, one.scale,
                 one.offset, one.samples)
                for one in sent[:100]
            ],
        )  # fmt: skip
        await connection.copy_records_to_table(
            "block", schema_name="signal", columns=COLUMNS, records=encode_rows(cold, {}).fresh
        )
        await connection.execute(
            "insert into signal.beat values ($1, $2, 0, 0, 0, 800, 1)", device, start + 7
        )
        await connection.execute(VALUES, patient, device, start, start + HOUR)
        await connection.execute(
            "insert into signal.event values"
            " ($1, $2, $3, $4, 'any', 'low', 'test', 'any', $5, 1, 1)",
            device, f"{name}-{start}", patient, start, json.dumps({"note": name}),
        )  # fmt: skip
    await connection.execute(
        "insert into alarm.alarm (patient_id, id, condition, kind, priority, state, revision,"
        " since_us, updated_us, data) values ($1, 'a', 'spo2_low', 'physiological', 'high',"
        " 'active', 1, 1, 1, jsonb_build_object('note', $2::text))", patient, name,
    )  # fmt: skip
    return patient, device


async def rows_of(connection: asyncpg.Connection, patient: int, device: int) -> dict[str, int]:
    """How many rows each table has of a device and its patient."""
    found = {}
    for tables, column, value in (
        (OF_DEVICE, "device_id", device), (OF_PATIENT, "patient_id", patient),
    ):  # fmt: skip
        for table in tables:
            sql = f"select count(*) from {table} where {column} = $1"  # noqa: S608
            found[table] = await count(connection, sql, value)
    return found


@asynccontextmanager
async def held(system: System, *locks: str) -> AsyncIterator[None]:
    """Locks of another transaction, as long as this lasts."""
    connection = await system.database.connect()
    try:
        async with connection.transaction():
            for lock in locks:
                await connection.execute(lock)
            yield
    finally:
        await connection.close()


async def stands_still(connection: asyncpg.Connection, *statements: str) -> None:
    """Wait until transactions of storage wait for a lock in statements that hold these texts."""

    async def all_wait() -> bool:
        waiting = await connection.fetch(
            "select query from pg_stat_activity"
            " where wait_event_type = 'Lock' and usename = 'vw_storage'"
        )
        return all(any(text in row["query"] for row in waiting) for text in statements)

    await eventually(all_wait, within_s=30)


async def state_of(connection: asyncpg.Connection) -> list[Any]:
    return [row["state"] for row in await connection.fetch("select state from signal.erasure")]


async def none_at_work(connection: asyncpg.Connection) -> None:
    """Wait until the server has noticed that storage is dead."""

    async def gone() -> bool:
        sql = "select count(*) from pg_stat_activity where usename = 'vw_storage'"
        return await count(connection, sql) == 0

    await eventually(gone, within_s=20)


async def test_kills_while_storage_removes_and_rolls_up(system: System) -> None:
    connection = await system.database.connect()
    patient, device = await live_of(connection, CANARY)
    other, third = await live_of(connection, "Passer-domesticus")
    brief, worn = await live_of(connection, "Turdus-merula")
    before = await rows_of(connection, patient, device)
    late = 10 * MINUTE
    of_other = await rows_of(connection, other, third)
    of_brief = await rows_of(connection, brief, worn)
    assert min(before.values()) > 0
    await connection.execute("insert into registry.patient_retention values ($1, 1, 'a')", brief)
    await connection.execute(
        "insert into registry.erasure_request (patient_id, reason, requested_by)"
        " values ($1, 'asked by the person', 'admin')", patient,
    )  # fmt: skip
    await connection.execute("update signal.rollup_position set closed_to = $1, done_to = $1", OLD)

    # 1. Behind the fence; in the middle of a retention; between minutes and the hour of them.
    async with held(
        system, "lock table signal.beat in share mode", "lock table signal.vital_hour in share mode"
    ):
        replica = system.start(
            **SETTINGS | {"STORAGE_ERASURE_WAIT_S": "900", "STORAGE_RETENTION_EVERY_S": "0.1"}
        )
        await stands_still(connection, "erase_device_time", "insert into signal.vital_hour")

        async def fenced() -> bool:
            return await state_of(connection) == ["fenced"]

        await eventually(fenced, within_s=20)
        replica.kill()
        await none_at_work(connection)
    assert await rows_of(connection, patient, device) == before
    assert await rows_of(connection, brief, worn) == of_brief
    assert await count(connection, "select count(*) from signal.vital_hour") == 0
    done_us = await count(connection, "select done_to from signal.rollup_position")
    assert done_us > OLD + late
    assert await connection.fetch(WRONG["vital_minute"], done_us) == []
    sql = "select count(*) from signal.vital_minute where t >= $1"
    assert await count(connection, sql, done_us) == 0

    # 2. Between two days of an erasure; while a minute that has changed is computed again.
    await connection.execute(VALUES, other, third + 100, OLD + late, OLD + late + MINUTE)
    await connection.execute("insert into signal.vital_dirty values ($1, $2)", other, OLD + late)
    day = await connection.fetchval("select signal.partition_name('beat', $1)", YOUNG // DAY * DAY)
    async with held(
        system,
        f"lock table signal.{day} in share mode",
        f"select from signal.vital_minute where patient_id = {other} and t = {OLD + late}"
        " for update",
    ):
        replica = system.start(**SETTINGS)
        await stands_still(connection, "erase_device_time", "insert into signal.vital_minute")
        replica.kill()
        await none_at_work(connection)
    assert await state_of(connection) == ["erasing"]
    halves = {table: before[table] // 2 for table in OF_DEVICE}
    assert await rows_of(connection, patient, device) == before | halves
    assert json.loads(await connection.fetchval("select removed from signal.erasure")) == halves
    assert await count(connection, "select count(*) from signal.vital_dirty") == 1
    sql = "select count(*) from signal.vital_minute where device_id = $1"
    assert await count(connection, sql, third + 100) == 0

    # 3. Before the certificate, when all was removed but nothing committed.
    await connection.execute(
        "insert into audit.chain values ('vw_storage', 0, sha256(convert_to('vw_storage', 'UTF8')))"
    )
    async with held(system, "select from audit.chain where chain = 'vw_storage' for update"):
        replica = system.start(**SETTINGS)
        await stands_still(connection, "audit.append")
        replica.kill()
        await none_at_work(connection)
    assert await state_of(connection) == ["erasing"]
    assert (await rows_of(connection, patient, device))["alarm.alarm"] == 1
    name = await connection.fetchval("select name from registry.patient where id = $1", patient)
    assert name == CANARY

    # At last nobody is in the way.
    system.start(**SETTINGS | {"STORAGE_RETENTION_EVERY_S": "0.1"})

    async def all_done() -> bool:
        assert await state_of(connection) == ["done"]
        assert await count(connection, "select count(*) from signal.vital_dirty") == 0
        done_us = await count(connection, "select done_to from signal.rollup_position")
        assert done_us > YOUNG + HOUR
        left = await rows_of(connection, brief, worn)
        assert left == {table: n // 2 for table, n in of_brief.items()} | {"alarm.alarm": 1}
        return True

    await eventually(all_done, within_s=30, every_s=0.2)
    assert await found_in(connection, CANARY) == []
    (row,) = await connection.fetch("select certificate from signal.erasure")
    removed = json.loads(row["certificate"])["removed_rows"]
    assert {table: removed[table] for table in before} == before
    assert await count(connection, "select count(*) from audit.entry where action = 'erase'") == 1
    assert await connection.fetch("select * from audit.verify()") == []
    of_other["signal.vital"] += MINUTE // (5 * SECOND)
    assert await rows_of(connection, other, third) == of_other
    for table, wrong in WRONG.items():
        assert await connection.fetch(wrong, YOUNG + HOUR) == [], table
    await connection.close()
