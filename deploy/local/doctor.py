"""`vitalwire doctor`: looks at the private system of a folder, and says what to do about it.

Each check gives findings; it goes on where one fails, so that one look shows everything. Exit
status 1 when something is wrong, 0 when all is well or the system just does not run.
"""

import argparse
import asyncio
import fcntl
import json
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from deploy.local import database, prepare, processes
from deploy.local.layout import PROJECT, ROLES, Layout
from deploy.local.processes import RunOptions
from deploy.local.servers import mosquitto, postgres, rabbitmq
from deploy.local.servers.command import LOOPBACK, is_port_free
from services.administration.settings import AdministrationSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.topology import Retention, declarations, exists
from shared.database.migrate import load_migrations
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.errors import VitalwireError
from shared.telemetry.metrics import Metrics

GIB = 1024**3
DISK_LEAST_GIB = 2.0  # RabbitMQ stops its publishers when 1 GB is free
DISK_FEW_GIB = 10.0
# (end of a gauge's name, most, what it means when there is more)
GAUGES: tuple[tuple[str, float, str], ...] = (
    ("event_loop_lag_seconds", 0.25, "the machine or one loop is overloaded"),
    ("stream_lag_bytes", 256.0 * 1024**2, "storage is behind: look at its log and at PostgreSQL"),
)


class Verdict(StrEnum):
    """How it stands with one thing."""

    WELL = "ok"
    DOUBTFUL = "look"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    what : the thing, and what was seen
    advice : what to do, where it is not well
    """

    verdict: Verdict
    what: str
    advice: str = ""


def well_if(condition: object, what: str, advice: str) -> Finding:
    """Well, or wrong with advice."""
    return Finding(Verdict.WELL, what) if condition else Finding(Verdict.WRONG, what, advice)


def look_at_environment(layout: Layout) -> Iterator[Finding]:
    """What is installed and built, and the disk."""
    yield well_if(
        sys.version_info >= prepare.OLDEST_PYTHON,
        f"Python {sys.version.split()[0]}",
        "make clean, then make run PYTHON=/path/to/python3.11 or later",
    )
    locks = [PROJECT / "requirements" / f"{name}.txt" for name in ("runtime", "development")]
    yield well_if(
        any(prepare.is_current(lock) for lock in locks),
        "packages as the lock files say",
        "make run or make setup installs them",
    )
    for package in prepare.SERVERS:
        name = package.names[0]
        yield well_if(package.is_there(), f"{name} installed", f"as root: apt-get install {name}")
    page = PROJECT / "web" / "dist" / "index.html"
    yield well_if(page.exists(), "page built", "make run builds it")
    try:
        postgres.check_passable(layout.postgres)
    except postgres.FolderNotPassable as barred:
        yield Finding(Verdict.WRONG, "folder of the database", str(barred))
    free = shutil.disk_usage(layout.folder).free / GIB
    if free < DISK_FEW_GIB:
        verdict = Verdict.WRONG if free < DISK_LEAST_GIB else Verdict.DOUBTFUL
        yield Finding(verdict, f"{free:.1f} GiB free", "make room: streams and database need it")
    else:
        yield Finding(Verdict.WELL, f"{free:.0f} GiB free")


def look_at_secrets(layout: Layout) -> Iterator[Finding]:
    """Files that only their owner may read."""
    files = [path for folder in (layout.secrets, layout.devices) for path in folder.glob("*")]
    readable = [path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]
    yield well_if(
        not readable,
        f"{len(files)} secrets readable by their owner only",
        f"chmod 600 {layout.secrets}/* {layout.devices}/*; others could read {readable}",
    )


def is_running(layout: Layout) -> bool:
    """Whether a run holds the folder."""
    if not layout.run_lock.exists():
        return False
    with layout.run_lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def look_at_ports(ports: dict[str, int], *, running: bool) -> Iterator[Finding]:
    """The three servers: they answer when it runs; their ports are free when it does not."""
    probes: dict[str, Callable[[int], bool]] = {
        "mosquitto": mosquitto.is_ready,
        "rabbitmq": rabbitmq.is_ready,
        "postgres": postgres.is_ready,
    }
    for name, answers in probes.items():
        port = ports[name]
        if running:
            yield well_if(
                answers(port), f"{name} answers on port {port}", f"see .local/log/{name}.log"
            )
        elif not is_port_free(port):
            text = "another program has it; the next start takes another one"
            yield Finding(Verdict.DOUBTFUL, f"port {port} of {name}", text)


async def look_at_database(settings: AdministrationSettings) -> AsyncIterator[Finding]:
    """Migrations, deployment and the audit trail."""
    ours, theirs = load_statements("deploy.local"), load_statements("shared.database")
    async with (
        Database.of(settings, instance="doctor", metrics=Metrics("doctor")) as pool,
        pool.session() as session,
    ):
        applied = {row["number"] for row in await session.fetch(theirs["list_applied"])}
        missing = [each.name for each in load_migrations() if each.number not in applied]
        yield well_if(not missing, f"{len(applied)} migrations applied", f"make run: {missing}")
        row = await session.fetch_one(ours["deployment"])
        incarnation = row["incarnation"] if row is not None else 0
        lanes = row["lanes"] if row is not None else 0
        yield well_if(incarnation, f"{lanes} lanes, incarnation {incarnation}", "vitalwire migrate")
        broken = await session.fetch(ours["broken_links"])
        yield well_if(
            not broken,
            "audit trail whole",
            f"somebody has changed it: {[dict(row.items()) for row in broken[:3]]}",
        )
        missing_streams = await _missing_streams(settings, lanes)
        yield well_if(
            not missing_streams, "streams and queues there", f"vitalwire migrate: {missing_streams}"
        )


async def _missing_streams(settings: AdministrationSettings, lanes: int) -> list[str]:
    async with Broker(
        BrokerAddress.of(settings), instance="doctor", metrics=Metrics("doctor")
    ) as broker:
        names = [entry.name for entry in declarations(lanes, Retention())] if lanes else []
        return [name for name in names if not await exists(broker.consuming, name)]


async def look_at_users(layout: Layout, ports: dict[str, int]) -> AsyncIterator[Finding]:
    """Each service's own log-in to RabbitMQ and PostgreSQL."""
    barred: list[str] = []
    for role in ROLES:
        settings = processes.administration_settings(layout, ports, lanes=2).model_copy(
            update={
                "amqp_user": role,
                "amqp_password_file": layout.secret_file(f"amqp_{role}"),
                "database_user": role,
                "database_password_file": layout.secret_file(f"database_{role}"),
            }
        )
        metrics = Metrics("doctor")
        try:
            async with (
                Database.of(settings, instance="doctor", metrics=metrics) as pool,
                pool.session(),
            ):
                pass
            address = BrokerAddress.of(settings)
            async with Broker(address, instance="doctor", metrics=metrics) as broker:
                await (await broker.consuming.channel()).close()
        except VitalwireError as error:
            barred.append(f"{role}: {error}")
    yield well_if(
        not barred, f"{len(ROLES)} users log in", f"stop and start it again: {'; '.join(barred)}"
    )


async def look_at_services(layout: Layout, ports: dict[str, int]) -> AsyncIterator[Finding]:
    """Readiness and the gauges that tell of trouble, of each process."""
    replicas = max(
        [1, *(int(n.split("-")[1].split(".")[0]) for n in ports if n.startswith("dsp-"))]
    )
    programs = processes.service_programs(layout, ports, RunOptions(replicas=replicas))
    running = json.loads(layout.connection.read_text())["processes"] if (
        layout.connection.exists()
    ) else {program.name: 0 for program in programs}  # fmt: skip
    async with httpx.AsyncClient(timeout=3.0) as client:
        for program in programs:
            name, port = program.name, ports[f"{program.name}.monitor"]
            if name not in running and replicas > 1:
                continue  # of an earlier start with more replicas
            log = f".local/log/{name}.log"
            try:
                health = await client.get(f"http://{LOOPBACK}:{port}/health/ready")
                metrics = await client.get(f"http://{LOOPBACK}:{port}/metrics")
            except httpx.HTTPError as error:
                yield Finding(Verdict.WRONG, f"{name}: {type(error).__name__}", f"see {log}")
                continue
            yield well_if(
                health.is_success, f"{name} ready", f"{health.text.strip()[:300]}; see {log}"
            )
            for finding in _gauges(name, metrics.text):
                yield finding


def _gauges(name: str, exposition: str) -> Iterator[Finding]:
    for family in text_string_to_metric_families(exposition):
        for ending, most, means in GAUGES:
            if family.name.endswith(ending) and family.type == "gauge":
                value = max((sample.value for sample in family.samples), default=0.0)
                if value > most:
                    yield Finding(Verdict.DOUBTFUL, f"{name}: {family.name} = {value:g}", means)


async def examine(layout: Layout) -> list[Finding]:
    """All findings of a folder."""
    findings = [*look_at_environment(layout), *look_at_secrets(layout)]
    ports_file = layout.folder / "ports.json"
    if not ports_file.exists():
        return [*findings, Finding(Verdict.DOUBTFUL, "never started", "make run")]
    ports: dict[str, int] = json.loads(ports_file.read_text())
    running = is_running(layout)
    findings += look_at_ports(ports, running=running)
    if not running:
        return [*findings, Finding(Verdict.DOUBTFUL, "not running", "make run")]
    settings = processes.administration_settings(layout, ports, lanes=2)
    for look in (
        look_at_database(settings),
        look_at_users(layout, ports),
        look_at_services(layout, ports),
    ):
        try:
            findings += [finding async for finding in look]
        except VitalwireError as error:
            findings.append(Finding(Verdict.WRONG, str(error), f"see {layout.logs}"))
    return findings


def main() -> int:
    """Tell all findings; gives the exit status."""
    parser = argparse.ArgumentParser(prog="vitalwire doctor", description=__doc__)
    parser.add_argument("--folder", type=Path, default=PROJECT / ".local", help="the system's")
    layout = Layout(folder=parser.parse_args().folder.resolve())
    layout.make()
    database.log_to(layout.logs / "doctor.log")
    findings = asyncio.run(examine(layout))
    for finding in findings:
        advice = f"\n        {finding.advice}" if finding.advice else ""
        print(f"{finding.verdict:<6}  {finding.what}{advice}")
    wrong = sum(finding.verdict is Verdict.WRONG for finding in findings)
    print(f"\n{len(findings)} things looked at, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
