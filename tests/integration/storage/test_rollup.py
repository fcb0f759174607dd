"""Minutes and hours depend on the stored values alone, in whatever order these came."""

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import numpy as np
import pytest

from services.storage.adapters.partition_table import PartitionTable
from services.storage.adapters.position_table import PositionTable
from services.storage.adapters.rollup_table import RollupTable
from services.storage.adapters.vital_copy import VitalCopy
from services.storage.application.rollup import RollingUp, RollupPolicy
from services.storage.core.partitions import Partitioned, partition_starts
from services.storage.core.positions import Advance
from services.storage.core.vital_rows import emissions
from services.storage.metrics import StorageMetrics
from shared.contracts.beats import BEAT
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.records import Table
from shared.contracts.vitals import vital_table
from shared.database.pool import Database as Pool
from shared.database.statements import load_statements
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import database_address
from tests.harness.manual_clock import ManualClock
from tests.harness.postgres import Database

HOUR, MINUTE, SECOND = 3_600_000_000, 60_000_000, 1_000_000
T = 1_700_000_000_000_000 // HOUR * HOUR
LENGTH_S = 2 * 3_600 + 600
POSTURE = int(Measure.POSTURE)
NO_BEATS = np.empty(0, BEAT)
ValueRow = tuple[Any, ...]


@dataclass
class Storing:
    """What storage does with values, without its processes."""

    table: VitalCopy
    rolling: RollingUp
    connection: asyncpg.Connection
    advance: Advance

    async def write(self, values: Table) -> None:
        await self.table.append(emissions(values), NO_BEATS, self.advance)
        position = self.advance.position
        position = replace(position, last_offset=self.advance.to_offset)
        self.advance = self.advance._replace(position=position, to_offset=position.last_offset + 1)

    async def roll_up(self, now_us: int) -> None:
        self.rolling.clock = ManualClock(now_us)
        await self.rolling.catch_up(asyncio.Event())


@pytest.fixture
async def storing(migrated: Database) -> AsyncIterator[Storing]:
    statements = load_statements("services.storage.adapters")
    pool = Pool(
        database_address(migrated, user="vw_storage"), instance="test", metrics=Metrics("storage")
    )
    async with pool:
        partitions = PartitionTable(pool, statements)
        times = np.arange(T, T + LENGTH_S * SECOND, HOUR)
        await partitions.ensure(Partitioned.VITAL, partition_starts(Partitioned.VITAL, times))
        (position,) = await PositionTable(pool, statements, 1).claim(["vitals.0"])
        rolling = RollingUp(
            policy=RollupPolicy(settle_us=30 * SECOND, every_s=1),
            rollups=RollupTable(pool, statements),
            partitions=partitions,
            clock=ManualClock(),
            metrics=StorageMetrics(Metrics("storage")),
        )
        connection = await migrated.connect()
        yield Storing(VitalCopy(pool, statements), rolling, connection, Advance(position, 0, -1))
        await connection.close()


def history(patient: int, chance: random.Random) -> list[ValueRow]:
    """Values of three measures by two devices, one of codes, and later revisions of some."""
    rows: list[ValueRow] = []
    for s in range(0, LENGTH_S, 5):
        for measure, device in ((1, 1), (1, 2), (3, 1), (POSTURE, 1)):
            t = T + s * SECOND
            for revision in range(1 + (chance.random() < 0.2)):
                validity = chance.choice([0, 0, 0, 1, 2, 3])
                value = 40 + chance.random() * 100
                if measure == POSTURE:
                    value = float(chance.choice([1, 2, 4, 4, 7]))
                if validity == 3:
                    value = math.nan
                rows.append(
                    (t, t, device, patient, value, chance.random(), measure, revision, validity,
                     device, chance.choice([0, 1, 4]))
                )  # fmt: skip
    return rows


async def rolled(connection: asyncpg.Connection, table: str, patient: int) -> list[ValueRow]:
    rows = await connection.fetch(  # the table is one of two names in this file
        "select measure, t, device_id, method, n, n_questionable, low, mean, high, quality,"  # noqa: S608
        f" validity, flags, codes from signal.{table} where patient_id = $1 order by 1, 2, 3, 4",
        patient,
    )
    return [tuple(row.values()) for row in rows]


async def test_the_database_knows_which_measures_are_codes(storing: Storing) -> None:
    known = await storing.connection.fetch(
        "select m from unnest($1::smallint[]) as m where signal.is_code(m) order by 1",
        list(range(1, 200)),
    )
    assert [row["m"] for row in known] == sorted(row.id for row in MEASURES.values() if row.is_code)


def middle(measure: int, counted: list[np.float32]) -> Any:
    """The mean; of codes the most frequent, the lower of two."""
    if not counted:
        return None
    if measure == POSTURE:
        return float(min(set(counted), key=lambda code: (-counted.count(code), code)))
    return pytest.approx(float(np.mean(counted)), rel=1e-5)


def expected(rows: Sequence[ValueRow], width: int) -> dict[ValueRow, ValueRow]:
    """n, questionable, least, mean, greatest, last validity, flags, codes of each stretch."""
    best: dict[ValueRow, ValueRow] = {}
    for row in rows:
        key = (row[6], row[0], row[2], row[9])
        if key not in best or row[7] > best[key][7]:
            best[key] = row
    found: dict[ValueRow, list[ValueRow]] = {}
    for (measure, t, device, method), row in sorted(best.items()):
        found.setdefault((measure, t // width * width, device, method), []).append(row)
    out: dict[ValueRow, ValueRow] = {}
    for key, group in found.items():
        counted = [np.float32(row[4]) for row in group if row[8] <= 1]
        out[key] = (
            len(counted),
            sum(row[8] == 1 for row in group),
            min(counted, default=None),
            middle(key[0], counted),
            max(counted, default=None),
            group[-1][8],
            int(np.bitwise_or.reduce([row[10] for row in group])),
            json.dumps(Counter(map(int, counted)), sort_keys=True)
            if counted and key[0] == POSTURE
            else None,
        )
    return out


async def test_any_order_gives_the_same_minutes_and_hours(storing: Storing) -> None:
    """Live first and late behind, all late, shuffled, revisions before what they revise."""
    orders = random.Random(11)
    patients = range(1, 7)
    plain = history(0, random.Random(5))
    steps: list[tuple[int, list[list[ValueRow]]]] = []
    for patient in patients:
        rows = [(*row[:3], patient, *row[4:]) for row in plain]
        if patient > 1:
            orders.shuffle(rows)
        if patient == 2:
            rows.sort(key=lambda row: -row[7])
        n = orders.choice([1, 3, 8]) if patient > 1 else 20
        size = -(-len(rows) // n)
        steps.append((patient, [rows[i : i + size] for i in range(0, len(rows), size)]))
    for turn in range(20):
        for patient, parts in steps:
            if patient != 3 and turn < len(parts):  # the third comes when all is closed
                await storing.write(vital_table(parts[turn]))
        await storing.roll_up(T + (turn + 1) * LENGTH_S // 20 * SECOND + orders.randint(-50, 90))
    await storing.roll_up(T + 5 * HOUR)
    for part in steps[2][1]:
        await storing.write(vital_table(part))
    await storing.roll_up(T + 5 * HOUR + MINUTE)
    for table, width in (("vital_minute", MINUTE), ("vital_hour", HOUR)):
        wanted = expected(plain, width)
        first = await rolled(storing.connection, table, 1)
        assert {row[:4] for row in first} == set(wanted)
        for row in first:
            assert (*row[4:9], *row[10:]) == wanted[row[:4]]
        for patient in patients[1:]:
            assert await rolled(storing.connection, table, patient) == first
    assert await storing.connection.fetchval("select count(*) from signal.vital_dirty") == 0


async def test_minutes_close_only_when_writers_who_took_them_for_open_have_committed(
    storing: Storing,
) -> None:
    await storing.roll_up(T + MINUTE + 31 * SECOND)
    writer = storing.connection
    transaction = writer.transaction()
    await transaction.start()
    closed_us = await writer.fetchval("select closed_to from signal.rollup_position for share")
    assert closed_us == T + MINUTE
    await writer.execute(
        "insert into signal.vital values (9, $1, 1, 0, '{1}', '{1}', '{70}', '{1}', '{0}', '{0}',"
        " '{0}')",
        T + 61 * SECOND,
    )
    rolling = asyncio.create_task(storing.roll_up(T + 5 * MINUTE))
    done, _ = await asyncio.wait([rolling], timeout=0.3)
    assert not done
    await transaction.commit()
    await rolling
    found = await rolled(writer, "vital_minute", 9)
    assert [row[1:2] + row[4:9] for row in found] == [(T + MINUTE, 1, 0, 70.0, 70.0, 70.0)]
