"""What history costs: month views and hours of ECG over REST, on a year of one patient.

``python -m tests.performance.history`` makes private servers, fills the real tables, starts the
api as a process of its own and asks it one question after the other. It needs about a gigabyte
below the temporary folder and two minutes.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import argon2
import asyncpg
import httpx
import numpy as np
import psutil

from deploy.local.servers.command import free_port
from deploy.local.servers.rabbitmq import Permission
from services.api.core.sample_runs import batch_of
from shared.broker.connection import Broker
from shared.broker.topology import declare, permissions
from shared.contracts.instants import DAY, HOUR, MINUTE, SECOND, to_text
from shared.contracts.sample_block import encode_block
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import (
    LANES,
    ROLE_PASSWORD,
    SMALL,
    broker_address,
    fill,
    give_to_administrator,
    make_roles,
)
from tests.harness.eventually import eventually
from tests.harness.postgres import Database, Postgres
from tests.harness.rabbitmq import RabbitMq, VirtualHost
from tests.harness.service_process import ServiceProcess
from tests.integration.api.system import PASSWORD, build_hospital

PATIENT, DEVICE, USER = "p-north1", "ecg-north1", "nina"
HZ = 250
GOALS_MS = {
    "month, 600 points": 300.0,
    "hour of ECG in frames": 200.0,
    "hour of ECG in blocks": 200.0,
}

DEVICES = """
    insert into registry.device (device, shard, model, simulated)
    select 'bench-' || n, 0, 'ecg-patch', true from generate_series(1, $1::integer) as n
"""
PATIENTS = """
    insert into registry.patient (key, initials)
    select 'p-bench' || n, 'B' from generate_series(1, $1::integer) as n
"""
SUMMARIES = """
    insert into signal.{table}
    select p.id, m.id, t, $1::integer, 1, {width} / 5000000, 0, 55 + 3 * random(),
        70 + 5 * random(), 85 + 40 * random(), 0.9, 0, 0
    from registry.patient p, unnest($2::smallint[]) as m (id),
        generate_series($3::bigint, $4::bigint - 1, {width}) as t
    where p.key = $5::text or (p.key like 'p-bench%' and t >= $6::bigint)
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
    insert into signal.frame
    select d.id, 1, s, 0, 1, $2::bigint + s::bigint * 1000000, 4000000, 0, 0, 1, 1, 1, 0.001, 0,
        $1::bytea
    from registry.device d, generate_series(0, 3599) as s
    where d.device = $3::text or d.device like 'bench-%'
"""
BLOCK = """
    insert into signal.block
    select d.id, 1, 1, $1::bigint, $1::bigint, $1::bigint + 60000000, 60, $2::bigint, 4000000, 1, 0,
        array[$3::double precision], array[$4::double precision], $5::bytea
    from registry.device d
    where d.device = $6::text or ($7::boolean and d.device like 'bench-%')
"""


async def filled(database: Database, *, devices: int, now_us: int) -> None:
    """A year of one patient, a month of the others; hours of ECG of all devices."""
    connection = await database.connect()
    try:
        hashes = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1)
        await build_hospital(connection, hashes.hash(PASSWORD))
        await connection.execute("update registry.assignment set starts = '2020-01-01'")
        await connection.execute(DEVICES, devices)
        await connection.execute(PATIENTS, devices)
        await _fill_vitals(connection, now_us)
        await _fill_samples(connection, now_us)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


async def _fill_vitals(connection: asyncpg.Connection, now_us: int) -> None:
    device = await connection.fetchval("select id from registry.device where device = $1", DEVICE)
    year, done = now_us - 365 * DAY, now_us // HOUR * HOUR - HOUR
    for table, width, others_us in (
        ("vital_minute", MINUTE, now_us - DAY),
        ("vital_hour", HOUR, now_us - 31 * DAY),
    ):
        await _partitions(connection, table, year, now_us)
        await connection.execute(
            SUMMARIES.format(table=table, width=int(width)),
            device, [1, 3], year // HOUR * HOUR, done, PATIENT, others_us,
        )  # fmt: skip
    await _partitions(connection, "vital", done, now_us)
    await connection.execute(VALUES, device, done, now_us, PATIENT)
    await connection.execute("update signal.rollup_position set closed_to = $1, done_to = $1", done)


async def _fill_samples(connection: asyncpg.Connection, now_us: int) -> None:
    rng = np.random.default_rng(1)
    wave = (900 * np.sin(np.arange(HZ) / 8) + rng.normal(0, 20, HZ)).astype("<i2")
    hot = now_us // HOUR * HOUR - 2 * HOUR
    await _partitions(connection, "frame", hot, hot + HOUR - 1)
    await connection.execute(FRAMES, wave.tobytes(), hot, DEVICE)
    day = hot - 26 * HOUR
    await _partitions(connection, "block", day, hot)
    for minute in range(24 * 60):
        start = day + minute * MINUTE
        samples = [(wave + rng.normal(0, 20, HZ)).astype("<i2").tobytes() for _ in range(60)]
        frames = batch_of(
            {
                "n": [minute * 60 + second for second in range(60)],
                "t0": [start + second * SECOND for second in range(60)],
                **{name: [value] * 60 for name, value in _SAME.items()},
            },
            samples,
        )
        await connection.execute(
            BLOCK, start, 60 * HZ, -1.2, 1.2, encode_block(frames), DEVICE, minute < 60
        )


_FILES = {"edf": 24, "wfdb": 24, "parquet": 24, "csv": 1}
"""Hours of ECG in a file of each format"""
_SAME = {
    "boot": 1, "stream": 1, "interval_ns": 4_000_000, "channels": 1, "format": 1, "place": 1,
    "scale": 0.001,
}  # fmt: skip


async def _partitions(connection: asyncpg.Connection, table: str, start: int, end: int) -> None:
    width = await connection.fetchval("select signal.partition_width_us($1)", table)
    starts = list(range(start // width * width, end + 1, width))
    await connection.execute("select signal.ensure_partitions($1, $2)", table, starts)


def questions(now_us: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """What is asked, by its name."""
    hot = now_us // HOUR * HOUR - 2 * HOUR
    day = hot - 26 * HOUR

    def vitals(start: int, points: int) -> tuple[str, dict[str, Any]]:
        span = {"from": to_text(start), "to": to_text(now_us)}
        return "vitals", {"measure": "heart_rate", "points": points, **span}

    def samples(start: int, end: int, points: int = 1_500) -> tuple[str, dict[str, Any]]:
        span = {"from": to_text(start), "to": to_text(end)}
        return "waveforms", {"stream": "ecg", "points": points, **span}

    return {
        "hour, 600 points": vitals(now_us - HOUR, 600),
        "day, 1,440 points": vitals(now_us - DAY, 1_440),
        "month, 600 points": vitals(now_us - 31 * DAY, 600),
        "month, 5,000 points": vitals(now_us - 31 * DAY, 5_000),
        "year, 600 points": vitals(now_us - 365 * DAY, 600),
        "10 s of ECG in frames": samples(hot + HOUR // 2, hot + HOUR // 2 + 10 * SECOND, 2_500),
        "hour of ECG in frames": samples(hot, hot + HOUR),
        "hour of ECG in blocks": samples(day, day + HOUR),
        "day of ECG in blocks": samples(day, day + DAY, 1_500),
        "day of ECG from far": samples(day, day + DAY, 600),
    }


async def measured(
    client: httpx.AsyncClient, pid: int, what: tuple[str, dict[str, Any]], *, rounds: int
) -> dict[str, float]:
    """Milliseconds of some rounds, after one that is not counted."""
    path, parameters = what
    took_ms, size, process = [], 0, psutil.Process(pid)
    before_s = _cpu_s(process)
    for index in range(rounds + 1):
        if index == 1:
            before_s = _cpu_s(process)
        began_s = time.perf_counter()
        answer = await client.get(f"/v1/patients/{PATIENT}/{path}", params=parameters)
        answer.raise_for_status()
        if index:
            took_ms.append((time.perf_counter() - began_s) * 1e3)
        size = len(answer.content)
        filled_in = answer.json()
        assert filled_in.get("points") or filled_in.get("segments"), (path, parameters)
    p50, p95 = np.percentile(took_ms, [50, 95]).tolist()
    cpu_ms = (_cpu_s(process) - before_s) / rounds * 1e3
    return {
        "p50_ms": round(p50, 1),
        "p95_ms": round(p95, 1),
        "cpu_ms": round(cpu_ms, 1),
        "kib": round(size / 1_024, 1),
    }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def exported(
    client: httpx.AsyncClient, pid: int, form: str, *, now_us: int
) -> dict[str, float]:
    """Some hours of ECG as a file: how long, how large, and what the process grew by."""
    day = now_us // HOUR * HOUR - 28 * HOUR
    process, began_s, size = psutil.Process(pid), time.perf_counter(), 0
    before, most = process.memory_info().rss, 0
    hours = _FILES[form]
    span = {"from": to_text(day), "to": to_text(day + hours * HOUR)}
    async with client.stream(
        "GET",
        f"/v1/patients/{PATIENT}/exports/samples",
        params={"stream": "ecg", "format": form, **span},
    ) as answer:
        answer.raise_for_status()
        async for data in answer.aiter_raw():
            size += len(data)
            most = max(most, process.memory_info().rss)
    return {
        "hours": hours,
        "seconds": round(time.perf_counter() - began_s, 1),
        "mib": round(size / 2**20, 1),
        "grew_mib": round((most - before) / 2**20, 1),
    }


async def run(folder: Path, *, devices: int, rounds: int) -> dict[str, Any]:
    """Everything; gives the figures."""
    now_us = int(datetime.now(UTC).timestamp()) * 1_000_000
    with ExitStack() as stack:
        postgres, rabbitmq = Postgres().start(), RabbitMq().start()
        for server in (postgres, rabbitmq):
            stack.callback(server.discard)
        await make_roles(postgres.database("postgres"))
        template = await postgres.create_template("history_template", fill)
        database = await postgres.create_database(template=template)
        await give_to_administrator(database)
        began_s = time.perf_counter()
        await filled(database, devices=devices, now_us=now_us)
        filled_s = round(time.perf_counter() - began_s, 1)
        virtual_host = await _virtual_host(rabbitmq)
        port, monitor = free_port(), free_port()
        (folder / "key").touch(0o600)
        (folder / "key").write_text("k" * 43)
        api = ServiceProcess.start(
            "api",
            number=0,
            folder=folder,
            virtual_host=virtual_host,
            database=database,
            settings={
                "DATABASE_USER": "vw_api",
                "API_PORT": str(port),
                "MONITOR_PORT": str(monitor),
                "API_TOKEN_KEY_FILE": str(folder / "key"),
                "API_PASSWORD_MEMORY_KIB": "8192",
                "API_PASSWORD_PASSES": "1",
                "API_ACCESS_TOKEN_S": "3600",
            },
        )
        try:
            return {"filled_s": filled_s, **await _asked(port, api, now_us, rounds)}
        finally:
            api.stop()


async def _virtual_host(rabbitmq: RabbitMq) -> VirtualHost:
    virtual_host = rabbitmq.create_virtual_host()
    rabbitmq.create_user("vw_api", ROLE_PASSWORD)
    right = permissions()["vw_api"]
    rabbitmq.allow(
        Permission(
            user="vw_api",
            virtual_host=virtual_host.name,
            configure=right.configure,
            write=right.write,
            read=right.read,
        )
    )
    async with Broker(
        broker_address(virtual_host), instance="bench", metrics=Metrics("test")
    ) as broker:
        await declare(broker.publishing, lanes=LANES, retention=SMALL)
    return VirtualHost(
        host=virtual_host.host,
        port=virtual_host.port,
        name=virtual_host.name,
        user="vw_api",
        password=ROLE_PASSWORD,
    )


async def _asked(port: int, api: ServiceProcess, now_us: int, rounds: int) -> dict[str, Any]:
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120
    ) as client:

        async def answers() -> bool:
            try:
                return (await client.get("/v1/measures")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(answers, within_s=60)
        form = {"username": USER, "password": PASSWORD}
        token = (await client.post("/v1/token", data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        print("| read | p50, ms | p95, ms | CPU of the api, ms | KiB |\n|---|---|---|---|---|")
        reads = {}
        for name, what in questions(now_us).items():
            reads[name] = one = await measured(client, api.process.pid, what, rounds=rounds)
            row = (one["p50_ms"], one["p95_ms"], one["cpu_ms"], one["kib"])
            print(f"| {name} | {' | '.join(map(str, row))} |", flush=True)
        pid = api.process.pid
        files = {form: await exported(client, pid, form, now_us=now_us) for form in _FILES}
    return {"reads": reads, "files": files}


def main(arguments: Sequence[str]) -> int:
    """Measure and tell; gives 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.performance.history")
    parser.add_argument("--devices", type=int, default=100, help="beside the one that is asked for")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vw-history-") as folder:
        figures = asyncio.run(run(Path(folder), devices=asked.devices, rounds=asked.rounds))
    print("\n| ECG as | hours | s | MiB | process grew by, MiB |\n|---|---|---|---|---|")
    for name, one in figures["files"].items():
        print(f"| {name} | {one['hours']} | {one['seconds']} | {one['mib']} | {one['grew_mib']} |")
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=1))
    missed = [name for name, goal in GOALS_MS.items() if figures["reads"][name]["p95_ms"] > goal]
    print(f"\nfilled in {figures['filled_s']} s; goals missed: {', '.join(missed) or 'none'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
