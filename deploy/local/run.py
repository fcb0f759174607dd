"""`make run`: prepares and starts a whole private system, shows its state, and stops it again.

The order is by what takes longest: RabbitMQ boots first, beside it the database's cluster and the
page are made; then migrations and streams, the demonstration's patients, services, simulators.
Ready means: a vital sign came over the live socket of the api to a client like the page.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from deploy.local import page, processes
from deploy.local.layout import (
    PROJECT,
    ROLES,
    AlreadyRunning,
    Layout,
    take_ports,
    take_run_lock,
)
from deploy.local.people import User, users
from deploy.local.processes import RunOptions
from deploy.local.servers import mosquitto, postgres, rabbitmq
from deploy.local.servers.command import LOOPBACK, MissingServer, write_private
from deploy.local.servers.postgres import FolderNotPassable
from deploy.local.supervision import RUNNING, Supervisor
from devices.simulators.systems import read_systems

WATCH_EVERY_S = 0.5
READY_WITHIN_S = 180.0
GIVEN_UP = "EXITED"  # what the supervisor does not start again: a wrong setting
ENDED = frozenset(["BACKOFF", "EXITED", "FATAL"])
STARTED_AT = "VITALWIRE_RUN_STARTED"  # seconds since 1970, from the Makefile: counts preparation


class Stopped(Exception):
    """Somebody asked for the end while things were still starting."""


class StartFailed(Exception):
    """A step of the start failed; the text says which, and where its words are."""


class LocalSystem:
    """One private system from its first process to its last.

    Parameters
    ----------
    layout : where it keeps everything
    options : what the person chose
    """

    def __init__(self, layout: Layout, options: RunOptions) -> None:
        self._layout = layout
        self._options = options
        self._begin = float(os.environ.pop(STARTED_AT, "0")) or time.time()
        self._stopping = False
        self._running: dict[str, int] = {}
        self._states: dict[str, str] = {}
        self._connection: dict[str, Any] | None = None
        layout.make()
        layout.connection.unlink(missing_ok=True)  # of a run that was killed
        self.ports = take_ports(layout, processes.port_names(options))
        self._supervisor: Supervisor | None = None

    def ask_to_stop(self, *_: object) -> None:
        """End soon; also from a signal handler."""
        self._stopping = True

    def run(self, *, until_ready: bool) -> int:
        """Start, stay until asked to stop, stop; gives the exit status."""
        status = 0
        try:
            self._start()
            if not until_ready:
                self.tell("Ctrl-C stops it")
            while not (self._stopping or until_ready):
                self._watch()
                time.sleep(WATCH_EVERY_S)
        except Stopped:
            status = 130
        except StartFailed as failure:
            self.tell(f"failed: {failure}")
            status = 1
        finally:
            self._layout.connection.unlink(missing_ok=True)
            if self._supervisor is not None:
                self.tell("stopping")
                self._supervisor.stop_all()
                self.tell("stopped")
        return status

    def tell(self, text: str) -> None:
        """A line on the terminal with the seconds since the start."""
        print(f"[{time.time() - self._begin:5.1f} s] {text}", flush=True)

    def _start(self) -> None:
        layout, ports = self._layout, self.ports
        with ThreadPoolExecutor(max_workers=2) as side_by_side:
            built = side_by_side.submit(self._build_page)
            programs = [
                *processes.server_programs(layout, ports, with_cluster=False),
                *processes.service_programs(layout, ports, self._options),
                *processes.patient_programs(layout, ports, self._options),
            ]
            self._supervisor = Supervisor(layout, programs)
            self._supervisor.start()
            self._supervisor.start_program("rabbitmq")  # takes longest by far
            processes.make_cluster(layout)
            self._supervisor.start_program("postgres")
            self._wait_for("PostgreSQL", lambda: postgres.is_ready(ports["postgres"]))
            asyncio.run(self._make_ready())
            self._result_of(built, "the page")
        self._wait_until_live()

    async def _make_ready(self) -> None:
        """Database, registry and streams; each process is started as soon as it can work.

        The registry needs no broker, and devices keep what they send until it is stored: so the
        patients begin before anybody listens. The services begin while RabbitMQ boots, unless
        there are no streams yet.
        """
        # Late, because they take a second to import, in which RabbitMQ is already booting.
        from deploy.local import database, seed
        from services.administration.migrate import Migration
        from shared.database.pool import Database
        from shared.errors import VitalwireError
        from shared.runtime.clock import SystemClock
        from shared.telemetry.metrics import Metrics

        layout, ports = self._layout, self.ports
        settings = processes.administration_settings(layout, ports, lanes=self._options.lanes)
        metrics = Metrics(settings.service)
        migration = Migration(settings, clock=SystemClock(), metrics=metrics)
        database.log_to(layout.logs / "migrate.log")
        try:
            await database.create_roles_and_database(
                host=LOOPBACK,
                port=ports["postgres"],
                superuser_password=layout.secret("database_superuser"),
                passwords={role: layout.secret(f"database_{role}") for role in ROLES},
            )
            async with Database.of(settings, instance="run", metrics=metrics) as pool:
                before = await migration.of_database(pool)
                hashes = await seed.plant(pool, layout, self._options)
                mosquitto.add_devices(mosquitto.MosquittoFiles(folder=layout.mosquitto), hashes)
                self._start_program("mosquitto")
                self._start_stage(processes.STAGE_PATIENTS)
                has_streams = before.incarnation > 0
                if has_streams:
                    self._start_stage(processes.STAGE_SERVICES)
                await asyncio.to_thread(
                    self._wait_for, "RabbitMQ", lambda: rabbitmq.is_ready(ports["rabbitmq"])
                )
                await migration.of_streams(pool, before)
                if not has_streams:
                    self._start_stage(processes.STAGE_SERVICES)
        except VitalwireError as error:
            raise StartFailed(f"{error}; see {layout.logs}") from error

    def _build_page(self) -> None:
        page.build(PROJECT, self.tell)

    def _start_program(self, name: str) -> None:
        assert self._supervisor is not None
        self._supervisor.start_program(name)

    def _start_stage(self, stage: int) -> None:
        assert self._supervisor is not None
        for program in self._supervisor.programs.values():
            if program.stage == stage:
                self._start_program(program.name)

    def _wait_for(self, what: str, is_ready: Callable[[], bool], within_s: float = 180.0) -> None:
        deadline = time.monotonic() + within_s
        while not is_ready():
            self._watch()
            if self._stopping:
                raise Stopped
            if time.monotonic() > deadline:
                raise StartFailed(f"{what} not ready in {within_s:.0f} s: see {self._layout.logs}")
            time.sleep(0.05)

    def _result_of(self, future: Future[None], what: str) -> None:
        while not future.done():
            self._watch()
            if self._stopping:
                raise Stopped
            time.sleep(0.05)
        try:
            future.result()
        except page.PageNotBuilt as error:
            raise StartFailed(f"{what}: {error}") from error

    def _wait_until_live(self) -> None:
        from deploy.local import live

        address = f"http://{LOOPBACK}:{self.ports['api']}"
        accounts = users(self._layout)
        with ThreadPoolExecutor(max_workers=1) as beside:
            first = beside.submit(
                live.wait_for_vital_sign,
                address,
                accounts[0],
                self._supervisor_asked_to_stop,
                READY_WITHIN_S,
            )
            while not first.done():
                self._watch()
                time.sleep(0.1)
            try:
                vital = first.result()
            except live.NothingLive as error:
                if self._stopping:
                    raise Stopped from error
                raise StartFailed(f"{error}: see {self._layout.logs}") from error
        ready_after_s = time.time() - self._begin
        self.tell(f"first vital sign on the live feed: {vital}")
        self._write_connection(address, accounts, ready_after_s)
        print(f"\n  page      {address}")
        for user in accounts:
            print(f"  log-in    {user.username} / {user.password}   ({user.role})")
        print(f"  devices   mqtt://{LOOPBACK}:{self.ports['mosquitto']}")
        print(f"  logs      {self._layout.logs}")
        print(f"  ready     after {ready_after_s:.1f} s\n", flush=True)

    def _supervisor_asked_to_stop(self) -> bool:
        return self._stopping

    def _write_connection(self, address: str, accounts: list[User], ready_after_s: float) -> None:
        assert self._supervisor is not None
        self._connection = {
            "page": address,
            "api": f"{address}/v1",
            "users": [user.as_dict() for user in accounts],
            "mqtt": {"host": LOOPBACK, "port": self.ports["mosquitto"]},
            "ready_after_s": round(ready_after_s, 2),
        }
        self._update_connection()

    def _update_connection(self) -> None:
        """Write the process ids anew, once the system is ready."""
        if self._connection is None:
            return
        assert self._supervisor is not None
        pids = {s.name: s.pid for s in self._supervisor.states().values() if s.state == RUNNING}
        write_private(
            self._layout.connection, json.dumps({**self._connection, "processes": pids}, indent=1)
        )

    def _watch(self) -> None:
        """Tell what has changed since the last look; a process that came back has a new id."""
        assert self._supervisor is not None
        if not self._supervisor.alive:
            raise StartFailed("the supervisor has ended, and with it everything")
        changed = False
        for state in self._supervisor.states().values():
            if state.state == RUNNING and self._running.get(state.name) != state.pid:
                again = "runs again" if state.name in self._running else "runs"
                self.tell(f"{state.name} {again} (process {state.pid})")
                self._running[state.name] = state.pid
                changed = True
            if state.state in ENDED and self._states.get(state.name) != state.state:
                log = self._layout.logs / f"{state.name}.log"
                why = state.detail.replace("Bad exit code 0", "by itself, to begin anew")
                self.tell(f"{state.name} has ended: {why}; see {log}")
                changed = True
                if state.state == GIVEN_UP and self._connection is None:
                    raise StartFailed(f"{state.name}: {_last_line(log)}")
            self._states[state.name] = state.state
        if changed:
            self._update_connection()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1][:1_000] if lines else "it said nothing"


def main() -> int:
    """Run as the command line says; gives the exit status."""
    options, until_ready, folder = _arguments()
    layout = Layout(folder=folder)
    layout.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    try:
        lock = take_run_lock(layout)
    except AlreadyRunning as running:
        print(running, file=sys.stderr)
        return 1
    with contextlib.closing(lock):
        try:
            system = LocalSystem(layout, options)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, system.ask_to_stop)
            return system.run(until_ready=until_ready)
        except (MissingServer, FolderNotPassable) as error:
            print(error, file=sys.stderr)
            return 1


def _arguments() -> tuple[RunOptions, bool, Path]:
    parser = argparse.ArgumentParser(prog="vitalwire run", description=__doc__)
    parser.add_argument("--patients", type=int, default=8, help="simulated patients; 0 for none")
    parser.add_argument("--recordings", type=Path, help="folder of recordings to replay instead")
    parser.add_argument("--systems", default="", help="device systems to simulate besides, or all")
    parser.add_argument("--of-each", type=int, default=1, help="patients of each of these systems")
    parser.add_argument("--replicas", type=int, default=1, help="processes of each service")
    parser.add_argument("--lanes", type=int, default=2, help="lanes of a new system")
    parser.add_argument("--until-ready", action="store_true", help="stop when it is ready")
    parser.add_argument("--folder", type=Path, default=PROJECT / ".local", help="where to keep all")
    given = parser.parse_args()
    try:
        read_systems(given.systems)
    except ValueError as error:
        parser.error(str(error))
    options = RunOptions(
        patients=given.patients,
        recordings=given.recordings.resolve() if given.recordings else None,
        replicas=given.replicas,
        lanes=given.lanes,
        systems=given.systems,
        of_each=given.of_each,
    )
    return options, given.until_ready, given.folder.resolve()


if __name__ == "__main__":
    sys.exit(main())
