"""What history costs: month views and hours of ECG over REST, on data of many devices.

``python -m tests.performance.history`` makes private servers, fills the real tables, starts the
api as a process of its own and asks it one question after the other. With ``--devices 1000`` it
needs six gigabytes below the temporary folder and about four minutes.

The questions that have a goal are also asked of another patient each time, so that nothing is warm.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from deploy.local.servers.command import free_port
from deploy.local.servers.rabbitmq import Permission
from shared.broker.connection import Broker
from shared.broker.topology import declare, permissions
from shared.contracts.instants import DAY, HOUR, SECOND, to_text
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
from tests.integration.api.system import PASSWORD
from tests.performance.history_data import PATIENT, USER, as_in_production, filled

OTHER = ", another patient each time"
GOALS_MS = {
    name + whose: goal_ms
    for name, goal_ms in (
        ("month, 600 points", 300.0),
        ("hour of ECG in frames", 200.0),
        ("hour of ECG in blocks", 200.0),
    )
    for whose in ("", OTHER)
}

_FILES = {"edf": 24, "wfdb": 24, "parquet": 24, "csv": 1}
"""Hours of ECG in a file of each format"""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Whose CPU is counted."""

    api: int
    postgresql: int

    def cpu_s(self) -> tuple[float, float]:
        """Seconds of CPU so far: of the api, of PostgreSQL with its children."""
        server = psutil.Process(self.postgresql)
        return (
            _cpu_s(psutil.Process(self.api)),
            _cpu_s(server) + sum(map(_cpu_s, server.children(recursive=True))),
        )


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # a connection that has ended meanwhile
        return 0.0
    return float(times.user + times.system)


async def measured(
    client: httpx.AsyncClient,
    processes: Processes,
    what: tuple[str, dict[str, Any]],
    *,
    rounds: int,
    patients: Sequence[str] = (PATIENT,),
) -> dict[str, float]:
    """Milliseconds of some rounds, one patient after the other; the first is not counted."""
    path, parameters = what
    took_ms, size, before = [], 0, processes.cpu_s()
    for index in range(rounds + 1):
        if index == 1:
            before = processes.cpu_s()
        began_s = time.perf_counter()
        patient = patients[index % len(patients)]
        answer = await client.get(f"/v1/patients/{patient}/{path}", params=parameters)
        answer.raise_for_status()
        if index:
            took_ms.append((time.perf_counter() - began_s) * 1e3)
        size = len(answer.content)
        filled_in = answer.json()
        assert filled_in.get("points") or filled_in.get("segments"), (path, parameters)
    p50, p95 = np.percentile(took_ms, [50, 95]).tolist()
    cpu_ms = [
        round((after_s - before_s) / rounds * 1e3, 1)
        for before_s, after_s in zip(before, processes.cpu_s(), strict=True)
    ]
    return {
        "p50_ms": round(p50, 1),
        "p95_ms": round(p95, 1),
        "api_cpu_ms": cpu_ms[0],
        "postgresql_cpu_ms": cpu_ms[1],
        "kib": round(size / 1_024, 1),
    }


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


async def run(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Everything; gives the figures."""
    devices = asked.devices
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
        await as_in_production(postgres, database)
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
            of_data = {"devices": devices, "filled_s": filled_s, **await _sizes(database)}
            print(json.dumps(of_data), flush=True)
            others = [f"p-bench{number}" for number in range(1, devices + 1)]
            processes = Processes(api=api.process.pid, postgresql=postgres.process.process.pid)
            return {**of_data, **await _asked(port, processes, now_us, others, asked)}
        finally:
            api.stop()


async def _sizes(database: Database) -> dict[str, float]:
    """Gigabytes of the database, and the load of the machine."""
    connection = await database.connect()
    try:
        size = await connection.fetchval("select pg_database_size(current_database())")
    finally:
        await connection.close()
    return {"database_gb": round(size / 1e9, 2), "load": round(psutil.getloadavg()[0], 1)}


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


async def _asked(
    port: int, processes: Processes, now_us: int, others: Sequence[str], options: argparse.Namespace
) -> dict[str, Any]:
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
        print(
            "| read | p50, ms | p95, ms | CPU of api, PostgreSQL, ms | KiB |\n|---|---|---|---|---|"
        )
        reads = {}
        asked = questions(now_us)
        for name in (*asked, *(goal for goal in GOALS_MS if goal not in asked)):
            reads[name] = one = await measured(
                client,
                processes,
                asked[name.removesuffix(OTHER)],
                rounds=options.rounds,
                patients=others if name.endswith(OTHER) else (PATIENT,),
            )
            cpu = f"{one['api_cpu_ms']}, {one['postgresql_cpu_ms']}"
            row = (one["p50_ms"], one["p95_ms"], cpu, one["kib"])
            print(f"| {name} | {' | '.join(map(str, row))} |", flush=True)
        pid = processes.api
        forms = () if options.no_files else _FILES
        files = {form: await exported(client, pid, form, now_us=now_us) for form in forms}
    return {"reads": reads, "files": files}


def main(arguments: Sequence[str]) -> int:
    """Measure and tell; gives 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.performance.history")
    parser.add_argument("--devices", type=int, default=100, help="beside the one with a year")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--no-files", action="store_true", help="reads only")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vw-history-") as folder:
        figures = asyncio.run(run(Path(folder), asked))
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
