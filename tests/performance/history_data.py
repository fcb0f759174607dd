"""Fills the real tables for the questions to history: a year of one patient, hours of many devices.

Rows lie as storage leaves them: frames second by second with all devices in each, so that no two
of a device are on one page; blocks and minutes hour by hour, device by device.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import argon2
import asyncpg
import numpy as np

from deploy.local.servers.postgres import NO_FLUSH, SETTINGS
from services.api.core.sample_runs import batch_of
from shared.contracts.instants import DAY, HOUR, MINUTE, SECOND
from shared.contracts.sample_block import encode_block
from tests.harness.postgres import Database, Postgres
from tests.integration.api.system import PASSWORD, build_hospital

PATIENT, DEVICE, USER = "p-north1", "ecg-north1", "nina"
HZ = 250
DEVICES = """
    insert into registry.device (device, shard, model, simulated)
    select 'bench-' || n, 0, 'ecg-patch', true from generate_series(1, $1::integer) as n
"""
PATIENTS = """
    insert into registry.patient (key, initials)
    select 'p-bench' || n, 'B' from generate_series(1, $1::integer) as n
"""
WORN = """
    insert into registry.assignment (device_id, patient_id, starts)
    select d.id, p.id, '2020-01-01' from registry.device d
    join registry.patient p on p.key = 'p-' || replace(d.device, '-', '')
    where d.device like 'bench-%'
"""
SEEN = """
    insert into access.relation (account_id, patient_id, kind)
    select a.id, p.id, 'treating' from access.account a, registry.patient p
    where a.username = $1 and p.key like 'p-bench%'
"""
SUMMARIES = """
    insert into signal.{part}
    select p.id, m.id, t, $1::integer, 1, {width} / 5000000, 0, 55 + 3 * random(),
        70 + 5 * random(), 85 + 40 * random(), 0.9, 0, 0
    from registry.patient p
    cross join unnest($2::smallint[]) as m (id)
    cross join generate_series(
        case when p.key = $5::text then $3::bigint else greatest($3, $6::bigint) end,
        $4::bigint - 1, {width}) as t
    where p.key = $5::text or p.key like 'p-bench%'
    order by t / 3600000000, p.id, m.id, t
"""
VALUES = """
    insert into signal.vital
    select p.id, t, $1::integer, t, array[1, 3]::smallint[], array[1, 4]::smallint[],
        array[70 + 5 * random(), 97]::real[], array[0.9, 0.9]::real[],
        array[0, 0]::smallint[], array[0, 0], array[0, 0]::smallint[]
    from registry.patient p, generate_series($2::bigint, $3::bigint - 1, 5000000) as t
    where p.key = $4::text or p.key like 'p-bench%'
"""
FRAMES = """
    insert into signal.{part}
    select d.id, 1, $4, 0, 1, $2::bigint, 4000000, 0, 0, 1, 1, 1, 0.001, 0, $1::bytea
    from registry.device d
    where d.device = $3::text or d.device like 'bench-%'
    order by d.id
"""
MINUTES = """
    create temporary table minute as
    select * from unnest($1::bigint[], $2::bytea[]) as m (t0, content)
"""
BLOCKS = """
    insert into signal.block
    select d.id, 1, 1, m.t0, m.t0, m.t0 + 60000000, 60, 15000, 4000000, 1, 0,
        array[-1.2::double precision], array[1.2::double precision], m.content
    from registry.device d
    join minute m on d.device = $1::text or m.t0 < $2
    where d.device = $1::text or d.device like 'bench-%'
    order by m.t0 / 3600000000, d.id, m.t0
"""


async def filled(database: Database, *, devices: int, now_us: int) -> None:
    """A year of one patient, a month of the others; hours of ECG of all devices."""
    connection = await database.connect()
    try:
        hashes = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1)
        await build_hospital(connection, hashes.hash(PASSWORD))
        await connection.execute("update registry.assignment set starts = '2020-01-01'")
        await connection.execute("set maintenance_work_mem = '512MB'")
        await connection.execute(DEVICES, devices)
        await connection.execute(PATIENTS, devices)
        await connection.execute(WORN)
        await connection.execute(SEEN, USER)
        await _fill_vitals(connection, now_us)
        await _fill_samples(connection, now_us)
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


async def _fill_vitals(connection: asyncpg.Connection, now_us: int) -> None:
    device = await connection.fetchval("select id from registry.device where device = $1", DEVICE)
    year, done = now_us - 365 * DAY, now_us // HOUR * HOUR - HOUR
    for table, width, others_us in (
        ("vital_minute", MINUTE, done - DAY),
        ("vital_hour", HOUR, done - 31 * DAY),
    ):
        for start, end in await _starts(connection, table, year, now_us):
            async with _loading(connection, table, start, end) as part:
                await connection.execute(
                    SUMMARIES.format(part=part, width=int(width)),
                    device, [1, 3], max(start, year // HOUR * HOUR), min(end, done), PATIENT,
                    others_us,
                )  # fmt: skip
    await _partitions(connection, "vital", done, now_us)
    await connection.execute(VALUES, device, done, now_us, PATIENT)
    await connection.execute("update signal.rollup_position set closed_to = $1, done_to = $1", done)


async def _fill_samples(connection: asyncpg.Connection, now_us: int) -> None:
    rng = np.random.default_rng(1)
    wave = (900 * np.sin(np.arange(HZ) / 8) + rng.normal(0, 20, HZ)).astype("<i2")
    hot = now_us // HOUR * HOUR - 2 * HOUR
    async with _loading(connection, "frame", hot, hot + HOUR) as part, connection.transaction():
        insert = await connection.prepare(FRAMES.format(part=part))
        for second in range(3_600):
            await insert.fetch(wave.tobytes(), hot + second * SECOND, DEVICE, second)
    day = hot - 26 * HOUR
    await _partitions(connection, "block", day, hot)
    starts = [day + minute * MINUTE for minute in range(24 * 60)]
    contents = []
    for start in starts:
        samples = [(wave + rng.normal(0, 20, HZ)).astype("<i2").tobytes() for _ in range(60)]
        frames = batch_of(
            {
                "n": [(start - day) // SECOND + second for second in range(60)],
                "t0": [start + second * SECOND for second in range(60)],
                **{name: [value] * 60 for name, value in _SAME.items()},
            },
            samples,
        )
        contents.append(encode_block(frames))
    await connection.execute(MINUTES, starts, contents)
    await connection.execute(BLOCKS, DEVICE, day + HOUR)


_SAME = {
    "boot": 1, "stream": 1, "interval_ns": 4_000_000, "channels": 1, "format": 1, "place": 1,
    "scale": 0.001,
}  # fmt: skip


async def _starts(
    connection: asyncpg.Connection, table: str, start: int, end: int
) -> list[tuple[int, int]]:
    """Partitions of a table that a time touches: their beginnings and ends."""
    width = await connection.fetchval("select signal.partition_width_us($1)", table)
    return [(at, at + width) for at in range(start // width * width, end + 1, width)]


async def _partitions(connection: asyncpg.Connection, table: str, start: int, end: int) -> None:
    starts = [at for at, _ in await _starts(connection, table, start, end)]
    await connection.execute("select signal.ensure_partitions($1, $2)", table, starts)


@asynccontextmanager
async def _loading(
    connection: asyncpg.Connection, table: str, start: int, end: int
) -> AsyncIterator[str]:
    """A partition that gets its indexes when it is full, which is quicker."""
    part = await connection.fetchval("select signal.partition_name($1, $2)", table, start)
    await connection.execute(
        f"create table signal.{part}"
        f" (like signal.{table} including defaults including storage including constraints)"
    )
    yield part
    await connection.execute(
        f"alter table signal.{table} attach partition signal.{part}"
        f" for values from ({start}) to ({end})"
    )


async def as_in_production(postgres: Postgres, database: Database) -> None:
    """Start the server again with what `NO_FLUSH` took from it; its own cache is empty then."""
    connection = await database.connect()
    try:
        for name in NO_FLUSH:
            value = SETTINGS.get(name, "on")
            await connection.execute(f"alter system set {name} = '{value}'")
    finally:
        await connection.close()
    postgres.stop()
    await postgres.restart()
