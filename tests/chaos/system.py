"""A whole private system whose processes can be killed by name and brought back."""

import asyncio
import http.client
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from deploy.local import processes
from deploy.local.database import create_roles_and_database
from deploy.local.layout import DATABASE, PROJECT, ROLES, Layout, take_ports
from deploy.local.processes import RunOptions
from deploy.local.servers import mosquitto, postgres, rabbitmq
from deploy.local.servers.command import LOOPBACK, ServerCommand
from deploy.local.servers.mosquitto import password_hash
from deploy.local.servers.process import NotReady, ServerProcess
from deploy.local.supervision import Program
from shared.contracts.identity import DeviceId, shard_of

SERVERS = ("mosquitto", "rabbitmq", "postgres")
ADD_DEVICE = """
    with device as (
        insert into registry.device (device, shard, model, simulated) values ($1, $2, $3, true)
        returning id
    ), patient as (
        insert into registry.patient (key, initials) values ($4, 'CK') returning id
    ), assignment as (
        insert into registry.assignment (device_id, patient_id)
        select device.id, patient.id from device, patient
    )
    insert into registry.device_credential (device_id, password_hash)
    select id, $5 from device
"""


class System:
    """Brokers, database and services on loopback in a folder of their own.

    Parameters
    ----------
    devices : device ids that are registered
    settings : more environment of a service, by its name
    models : of devices that are no senders of this test
    broken : a control: the service that is started through `tests.chaos.broken`, and how
    """

    def __init__(
        self,
        devices: Sequence[str],
        *,
        settings: Mapping[str, Mapping[str, str]] | None = None,
        broken: Mapping[str, str] | None = None,
        models: Mapping[str, str] | None = None,
    ) -> None:
        self.secrets = {device: f"secret-of-{device}" for device in devices}
        self._settings = dict(settings or {})
        self._models = dict(models or {})
        self.broken = dict(broken or {})
        self._folder = Path(tempfile.mkdtemp(prefix="vw-chaos-"))
        self._folder.chmod(0o711)
        self.layout = Layout(folder=self._folder / "local")
        self.layout.make()
        self._page = self._folder / "page"
        self._page.mkdir()
        (self._page / "index.html").write_text("<!doctype html>\n")
        self._options = RunOptions(patients=0)
        self.ports = take_ports(self.layout, processes.port_names(self._options))
        self.processes: dict[str, ServerProcess] = {}

    @property
    def folder(self) -> Path:
        """Its own folder, removed at the end."""
        return self._folder

    @property
    def services(self) -> list[str]:
        """Our own processes."""
        return [name for name in self.processes if name not in SERVERS]

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            self._end(keep=True)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(keep=error is not None)

    async def connect(self) -> asyncpg.Connection:
        """A connection to the database as the superuser."""
        return await asyncpg.connect(
            host=LOOPBACK,
            port=self.ports["postgres"],
            user=postgres.SUPERUSER,
            password=self.layout.secret("database_superuser"),
            database=DATABASE,
            timeout=60,
        )

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.processes[name].kill()

    async def bring_back(self, name: str, *, within_s: float = 240.0) -> None:
        """Start a killed process again, and again if it gives up, until it is ready.

        A PostgreSQL that was killed refuses to start while back ends of the dead one live.

        Raises
        ------
        NotReady : with its last words
        """
        process = self.processes[name]
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if not process.running:
                process.start()
            try:
                if await asyncio.to_thread(process.is_ready):
                    return
            except NotReady:
                await asyncio.sleep(0.3)
            await asyncio.sleep(0.05)
        raise NotReady(f"{name} is not ready after {within_s} s: {self.log_of(name)[-3_000:]}")

    def restart_as(self, service: str, how: str | None) -> None:
        """Start a service anew, broken as `tests.chaos.broken` says, or whole."""
        process = self.processes.get(service)
        if process is not None:
            process.kill()
        if how is None:
            self.broken.pop(service, None)
        else:
            self.broken[service] = how
        program = next(p for p in self._service_programs() if p.name == service)
        self.processes[service] = self._service(program)
        self.processes[service].start()

    def log_of(self, name: str) -> str:
        """The last words of a process."""
        return self.processes[name].log.read_text(errors="replace")[-30_000:]

    def why_ended(self, name: str) -> str:
        """The last error in the log of a process that ended by itself."""
        errors = [line for line in self.log_of(name).splitlines() if '"exc_value"' in line]
        said = re.findall(r'"exc_type": "(\w+)", "exc_value": "([^"]*)"', "".join(errors[-1:]))
        return "; ".join(f"{kind} {text}" for kind, text in said[-2:])

    async def _start(self) -> None:
        checks = {
            "mosquitto": mosquitto.is_ready,
            "rabbitmq": rabbitmq.is_ready,
            "postgres": postgres.is_ready,
        }
        for program in processes.server_programs(self.layout, self.ports):
            port, check = self.ports[program.name], checks[program.name]
            self.processes[program.name] = ServerProcess(
                _command(program, program.folder), is_ready=partial(check, port)
            )
            self.processes[program.name].start()
        await self._until_ready("postgres")
        await self._database()
        await self._until_ready("mosquitto")
        await self._until_ready("rabbitmq")
        await asyncio.to_thread(self._migrate)
        await self._register()
        for program in self._service_programs():
            self.processes[program.name] = self._service(program)
            self.processes[program.name].start()
        for name in self.services:
            await self._until_ready(name)

    async def _until_ready(self, name: str) -> None:
        await self.bring_back(name)

    async def _database(self) -> None:
        await create_roles_and_database(
            host=LOOPBACK,
            port=self.ports["postgres"],
            superuser_password=self.layout.secret("database_superuser"),
            passwords={role: self.layout.secret(f"database_{role}") for role in ROLES},
        )

    def _migrate(self) -> None:
        answer = subprocess.run(
            [sys.executable, "-m", "services.administration.migrate"],
            cwd=PROJECT,
            env=processes.administrator_environment(self.layout, self.ports),
            capture_output=True,
            check=False,
            timeout=240,
        )
        assert answer.returncode == 0, answer.stderr.decode()[-2_000:]

    async def _register(self) -> None:
        connection = await self.connect()
        try:
            rows = [
                (
                    device,
                    shard_of(DeviceId(device)),
                    self._models.get(device, "chaos-sender"),
                    f"p-{number:05d}",
                    password_hash(secret),
                )
                for number, (device, secret) in enumerate(self.secrets.items())
            ]
            await connection.executemany(ADD_DEVICE, rows)
        finally:
            await connection.close()

    def _service_programs(self) -> list[Program]:
        return processes.service_programs(self.layout, self.ports, self._options)

    def _service(self, program: Program) -> ServerProcess:
        argv = program.argv
        if program.name in self.broken:
            how = self.broken[program.name]
            argv = (sys.executable, "-m", "tests.chaos.broken", how, program.name)
        environment = {
            **program.environment,
            **self._settings.get(program.name, {}),
            "PYTHONPATH": str(PROJECT),
        }
        if program.name == "api":
            environment["VITALWIRE_API_WEB_FOLDER"] = str(self._page)  # nobody looks at a page
        command = _command(replace(program, argv=argv, environment=environment), self.layout.logs)
        port = self.ports[f"{program.name}.monitor"]
        return ServerProcess(command, is_ready=lambda: _is_ready(port))

    def _end(self, *, keep: bool = False) -> None:
        for name in [*self.services, *SERVERS]:
            if name in self.processes:
                self.processes[name].kill() if name != "postgres" else self.processes[name].stop(
                    number=postgres.FAST_SHUTDOWN
                )
        if keep:
            print(f"the logs are kept in {self.layout.logs}")
        else:
            shutil.rmtree(self._folder, ignore_errors=True)


class Sender:
    """The process that sends and keeps the ledger; see `tests.chaos.sender`."""

    def __init__(self, system: System, **task: object) -> None:
        self.ledger_path = system.folder / f"ledger-{time.monotonic_ns()}"
        self._task = {
            "host": LOOPBACK,
            "port": system.ports["mosquitto"],
            "secrets": system.secrets,
            "journals": str(system.folder / "journals"),
            "ledger": str(self.ledger_path),
            **task,
        }
        self._process: asyncio.subprocess.Process | None = None
        self._log = system.layout.logs / "sender.log"

    async def __aenter__(self) -> Self:
        self.ledger_path.touch()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.chaos.sender",
                cwd=PROJECT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._task).encode())
        self._process.stdin.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def until_connected(self, *, within_s: float = 240.0) -> None:
        """Wait until every device is connected; it begins to send two seconds later."""
        await self._until(b"connected\n", within_s)

    async def until_sent(self, *, within_s: float) -> None:
        """Wait until all is published."""
        await self._until(b"sent\n", within_s)

    async def _until(self, said: bytes, within_s: float) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            line = await self._process.stdout.readline()
        assert line == said, self._log.read_text()[-3_000:]

    async def until_done(self, *, within_s: float) -> int:
        """Wait until it ends; gives its exit status."""
        assert self._process is not None
        async with asyncio.timeout(within_s):
            return await self._process.wait()


def _command(program: Program, folder: Path) -> ServerCommand:
    return ServerCommand(
        name=program.name, argv=program.argv, folder=folder, environment=program.environment
    )


def _is_ready(port: int) -> bool:
    # Asked twenty times a second: httpx would load certificates for each.
    link = http.client.HTTPConnection(LOOPBACK, port, timeout=3.0)
    try:
        link.request("GET", "/health/ready")
        return link.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()
