"""What long-term storage costs: bytes a device-day, compaction beside live data, rolling up a year.

``python -m tests.performance.synthetic_year`` makes a private PostgreSQL and writes through the
encoders and loops of storage itself: COPY of frames and vital signs as the writers make it, then
compaction and rolling up as the service runs them. ``--what`` names the parts: ``compaction``
(sizes of a device-day before and after, live commits beside compaction), ``year`` (values, minutes
and hours of one patient). ``--keep`` leaves the server running and tells where, for whoever wants
to read that data.
"""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
import psutil
from numpy.typing import NDArray

from services.storage.adapters.hour_table import HourTable
from services.storage.adapters.partition_table import PartitionTable
from services.storage.adapters.rollup_table import RollupTable
from services.storage.application.compaction import Compaction, CompactionPolicy
from services.storage.application.rollup import RollingUp, RollupPolicy
from services.storage.core import frame_rows, vital_rows
from services.storage.core.frame_rows import FrameRows
from services.storage.core.partitions import Partitioned, partition_starts
from services.storage.metrics import StorageMetrics
from shared.contracts.frames import FRAME
from shared.contracts.instants import DAY, HOUR, SECOND
from shared.contracts.vitals import VITAL
from shared.database.pool import Database as Pool
from shared.database.statements import Statements, load_statements
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import database_address, fill, make_roles
from tests.harness.postgres import Database, Postgres
from tests.performance.history_data import as_in_production

ECG, PPG, TEMPERATURE = 1, 2, 5
HZ = {ECG: 250, PPG: 64, TEMPERATURE: 1}
CHANNELS = {ECG: 1, PPG: 2, TEMPERATURE: 1}
MEASURES = (1, 2, 3, 5, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storing:
    """The parts of storage that are measured."""

    pool: Pool
    statements: Statements
    partitions: PartitionTable
    metrics: StorageMetrics


def waves(seconds: int, rng: np.random.Generator) -> dict[int, list[bytes]]:
    """Samples of each second of each stream: beats, wander and the noise of a real front end."""
    t = np.arange(seconds * 250) / 250
    phase = (t * 1.2 + 0.02 * np.sin(t)) % 1.0
    ecg = 1_100 * np.exp(-(((phase - 0.4) / 0.012) ** 2)) + 180 * np.exp(
        -(((phase - 0.65) / 0.05) ** 2)
    )
    ecg += 120 * np.sin(t / 2.1) + rng.normal(0, 4, len(t))
    u = np.arange(seconds * 64) / 64
    pulse = 30_000 + 400 * np.sin(2 * np.pi * 1.2 * u) + rng.normal(0, 6, len(u))
    ppg = np.stack([pulse, 0.8 * pulse + 90], axis=1)
    degrees = 3_680 + rng.normal(0, 1, seconds)
    return {
        ECG: _seconds(ecg.astype("<i2"), seconds),
        PPG: _seconds(ppg.astype("<i2"), seconds),
        TEMPERATURE: _seconds(degrees.astype("<i2"), seconds),
    }


def _seconds(samples: NDArray[Any], seconds: int) -> list[bytes]:
    return [part.tobytes() for part in np.split(samples, seconds)]


def one_second(
    devices: NDArray[np.int64], second: int, t0: int, samples: dict[int, list[bytes]]
) -> FrameRows:
    """What all devices send in one second, each at its own place in the recording."""
    table = np.zeros(len(devices) * len(HZ), dtype=FRAME)
    table["device"] = np.repeat(devices, len(HZ))
    table["boot"] = table["device"] * 7_919
    table["n"] = second * len(HZ) + np.tile(np.arange(len(HZ)), len(devices))
    table["stream"] = np.tile(list(HZ), len(devices))
    table["t0"] = t0 + table["device"].astype(np.int64) % 997 * 1_000
    table["received"] = table["t0"] + 1_050_000 + table["n"] * 7_919 % 20_011
    table["interval_ns"] = 10**9 // np.array(list(HZ.values()))[np.tile(range(3), len(devices))]
    table["channels"] = np.tile(list(CHANNELS.values()), len(devices))
    table["format"], table["scale"] = 1, 0.001
    length = len(samples[ECG])
    body = [
        samples[stream][(second + 37 * device) % length]
        for device in devices.tolist()
        for stream in HZ
    ]
    return FrameRows(table, body)


async def write_frames(storing: Storing, rows: FrameRows) -> None:
    """COPY as the writer of storage does it."""
    async with storing.pool.transaction() as session:
        await session.copy_payload(
            schema="signal",
            table="frame",
            columns=frame_rows.COLUMNS,
            payload=frame_rows.copy_payload(rows),
        )


async def fill_hour(storing: Storing, devices: int, start_us: int) -> None:
    """One hour of frames of all devices."""
    samples = waves(600, np.random.default_rng(5))
    ids = np.arange(1, devices + 1)
    starts = partition_starts(Partitioned.FRAME, np.array([start_us, start_us + HOUR]))
    await storing.partitions.ensure(Partitioned.FRAME, starts)
    for second in range(3_599):
        await write_frames(storing, one_second(ids, second, start_us + second * SECOND, samples))


RECEIVED = "select pg_total_relation_size('signal.received')"


def _relation(column: str) -> str:
    """Bytes of all partitions of a table, indexes and large values included."""
    return (
        f"select coalesce(sum({column}), 0)::bigint from pg_inherits i"  # noqa: S608
        " where i.inhparent = ('signal.' || $1)::regclass"
    )


async def bytes_of(connection: asyncpg.Connection, table: str) -> int:
    """Bytes on disk of a partitioned table."""
    found: int = await connection.fetchval(_relation("pg_total_relation_size(i.inhrelid)"), table)
    return found


async def parts_of(connection: asyncpg.Connection, table: str) -> dict[str, int]:
    """The same, by what they are for."""
    return {
        "all": await bytes_of(connection, table),
        "indexes": await connection.fetchval(_relation("pg_indexes_size(i.inhrelid)"), table),
    }


def a_device_day(sizes: dict[str, int], devices: int) -> dict[str, float]:
    """Megabytes of a device and day, from bytes of an hour of some devices."""
    return {name: round(size * 24 / devices / 1e6, 2) for name, size in sizes.items()}


async def live_commits(storing: Storing, devices: int, stop: asyncio.Event) -> list[float]:
    """Milliseconds of a commit of one second of live data, twice a second until the stop."""
    samples = waves(60, np.random.default_rng(6))
    ids = np.arange(100_001, 100_001 + devices)
    took: list[float] = []
    second = 0
    while not stop.is_set():
        now_us = time.time_ns() // 1_000
        starts = partition_starts(Partitioned.FRAME, np.array([now_us, now_us + HOUR]))
        await storing.partitions.ensure(Partitioned.FRAME, starts)
        rows = one_second(ids, second, now_us, samples)
        began = time.perf_counter()
        await write_frames(storing, rows)
        took.append((time.perf_counter() - began) * 1_000)
        second += 1
        await asyncio.sleep(0.5)
    return took


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile."""
    points = np.percentile(values, [50, 95, 99]).round(2).tolist() if values else [0.0] * 3
    return dict(zip(("p50", "p95", "p99"), points, strict=True))


async def watched(storing: Storing, devices: int, stop: asyncio.Event) -> dict[str, float]:
    """What live commits cost until the stop."""
    return spread(await live_commits(storing, devices, stop))


async def measure_compaction(
    storing: Storing, connection: asyncpg.Connection, devices: int, share: float, pairs: int
) -> dict[str, Any]:
    """Bytes before and after, and what live commits cost alone and beside it, in turns.

    Each pair compacts an hour of its own, and the time alone is as long as that takes.
    """
    now_us = time.time_ns() // 1_000
    starts = [now_us // HOUR * HOUR - (4 + pair) * HOUR for pair in range(pairs)]
    compaction = Compaction(
        policy=CompactionPolicy(hot_us=2 * HOUR, every_s=60, share=share),
        hours=HourTable(storing.pool, storing.statements),
        partitions=storing.partitions,
        clock=SystemClock(),
        metrics=storing.metrics,
    )
    told: list[dict[str, Any]] = []
    sizes: dict[str, Any] = {}
    for start_us in starts:
        empty = {table: await parts_of(connection, table) for table in ("frame", "block")}
        began = time.perf_counter()
        await fill_hour(storing, devices, start_us)
        filled_s = time.perf_counter() - began
        hot = await parts_of(connection, "frame")
        beside = asyncio.Event()
        commits = asyncio.create_task(watched(storing, devices, beside))
        began, cpu = time.perf_counter(), time.process_time()
        await compaction.compact(start_us, asyncio.Event())
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        beside.set()
        live_beside = await commits
        cold = await parts_of(connection, "block")
        alone = asyncio.Event()
        commits = asyncio.create_task(watched(storing, devices, alone))
        await asyncio.sleep(max(took_s, 5.0))
        alone.set()
        told.append(
            {
                "live_commit_ms_beside": live_beside,
                "live_commit_ms_alone": await commits,
                "compaction_s": round(took_s, 1),
                "cpu_ms_a_device_hour_with_commits": round(cpu_s * 1_000 / devices, 1),
                "frames_a_second_filled": round(devices * 3 * 3_599 / filled_s),
            }
        )
        sizes = sizes or {
            "frames": a_device_day({k: hot[k] - empty["frame"][k] for k in hot}, devices),
            "blocks": a_device_day({k: cold[k] - empty["block"][k] for k in cold}, devices),
            "received": a_device_day({"all": await connection.fetchval(RECEIVED)}, devices),
        }
    raw = 2 * sum(hz * CHANNELS[stream] for stream, hz in HZ.items()) * 86_400
    return {
        "devices": devices,
        "share": share,
        "samples_mb_a_device_day": round(raw / 1e6, 2),
        "on_disk_mb_a_device_day": sizes,
        "pairs": told,
    }


class DayOfValues:
    """What is kept of a day of one patient, in the form of COPY, moved to any day."""

    def __init__(self, rng: np.random.Generator) -> None:
        t = np.arange(0, DAY, 5 * SECOND)
        table = np.zeros(len(t) * len(MEASURES), dtype=VITAL)
        table["t"] = table["received"] = np.repeat(t, len(MEASURES))
        table["patient"] = table["device"] = table["method"] = 1
        table["measure"] = np.tile(MEASURES, len(t))
        table["value"] = 70 + 5 * rng.standard_normal(len(table))
        table["quality"] = 0.9
        payload = vital_rows.copy_payload(vital_rows.emissions(table))
        self._head, body, self._tail = payload[:19], payload[19:-2], payload[-2:]
        record = np.dtype(
            {
                "names": ["t", "received"],
                "formats": [">i8", ">i8"],
                "offsets": [14, 34],  # where the row of COPY has them
                "itemsize": len(body) // len(t),
            }
        )
        self._rows = np.frombuffer(bytearray(body), dtype=record)
        assert (self._rows["t"] == t).all(), "the rows of COPY are laid out otherwise"
        self._times = t

    def starting(self, start_us: int) -> bytes:
        """The day that begins at a time."""
        for name in ("t", "received"):
            self._rows[name] = self._times + start_us
        return self._head + self._rows.tobytes() + self._tail


async def measure_rollup(
    storing: Storing, connection: asyncpg.Connection, days: int
) -> dict[str, Any]:
    """A time of one patient's values, then its minutes and hours."""
    end = time.time_ns() // 1_000 // HOUR * HOUR
    rng = np.random.default_rng(7)
    began = time.perf_counter()
    payload_of = DayOfValues(rng)
    for day in range(days):
        start = end - (days - day) * DAY
        starts = partition_starts(Partitioned.VITAL, np.array([start, start + DAY - 1]))
        await storing.partitions.ensure(Partitioned.VITAL, starts)
        async with storing.pool.transaction() as session:
            await session.copy_payload(
                schema="signal",
                table="vital",
                columns=vital_rows.COLUMNS,
                payload=payload_of.starting(start),
            )
    filled_s = time.perf_counter() - began
    await connection.execute("analyze signal.vital")
    sys.stderr.write(f"{days} days filled in {filled_s:.0f} s\n")
    rolling = RollingUp(
        policy=RollupPolicy(settle_us=30 * SECOND, every_s=10),
        rollups=RollupTable(storing.pool, storing.statements),
        partitions=storing.partitions,
        clock=SystemClock(),
        metrics=storing.metrics,
    )
    began = time.perf_counter()
    await rolling.catch_up(asyncio.Event())
    sizes = {
        table: round(await bytes_of(connection, table) / days / 1e6, 3)
        for table in ("vital", "vital_minute", "vital_hour")
    }
    return {
        "days": days,
        "filled_s": round(filled_s, 1),
        "rolled_up_s": round(time.perf_counter() - began, 1),
        "mb_a_patient_day": sizes,
    }


async def run(database: Database, options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    address = database_address(database, user="vw_storage")
    statements = load_statements("services.storage.adapters")
    async with Pool(
        address, instance="bench", metrics=Metrics("bench"), most=8, statement_timeout_s=120
    ) as pool:
        storing = Storing(
            pool=pool,
            statements=statements,
            partitions=PartitionTable(pool, statements),
            metrics=StorageMetrics(Metrics("storage")),
        )
        connection = await database.connect()
        figures: dict[str, Any] = {"load": round(psutil.getloadavg()[0], 1)}
        try:
            if "compaction" in options.what:
                figures["compaction"] = await measure_compaction(
                    storing, connection, options.devices, options.share, options.pairs
                )
            if "year" in options.what:
                figures["year"] = await measure_rollup(storing, connection, options.days)
        finally:
            await connection.close()
        return figures


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", nargs="+", default=["compaction", "year"])
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--keep", action="store_true", help="wait, with the server, for Enter")
    options = parser.parse_args()
    server = Postgres()
    try:
        server.start()
        asyncio.run(make_roles(server.database("postgres")))
        name = asyncio.run(server.create_template("bench", fill))
        database = server.database(name)
        asyncio.run(as_in_production(server, database))
        sys.stdout.write(json.dumps(asyncio.run(run(database, options)), indent=2) + "\n")
        if options.keep:
            sys.stdout.write(f"{database}\nEnter ends it. ")
            sys.stdin.readline()
    finally:
        server.discard()
    return 0


if __name__ == "__main__":
    sys.exit(main())
