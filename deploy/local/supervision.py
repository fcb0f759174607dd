"""The supervisor of a private system: supervisord with one program a process, on its own socket.

It starts again what dies, waits a little longer each time, and is told what to start and stop in
which order. Everything it starts dies with it, whatever ends it.
"""

import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from deploy.local.layout import Layout
from deploy.local.servers.command import base_environment, find_program, write_private

RUNNING = "RUNNING"
MISCONFIGURED = 78  # a start with the same settings would end the same: not tried again
NO_WAIT = False  # an argument of the calls that start and stop
STOPPED_STATES = frozenset(["STOPPED", "EXITED", "FATAL", "UNKNOWN"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process that the supervisor keeps running.

    Parameters
    ----------
    stage : started after all of the lower ones, and stopped before them
    stop_signal : by which it ends in good order
    """

    name: str
    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stage: int = 0
    stop_signal: str = "TERM"
    stop_wait_s: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """What the supervisor knows of a process now."""

    name: str
    state: str
    pid: int
    since: float
    detail: str


def configuration(layout: Layout, programs: Iterable[Program]) -> str:
    """The text of supervisord.conf."""
    user = "root" if os.geteuid() == 0 else ""
    sections = [
        f"""
[supervisord]
logfile = {_escape(str(layout.logs / "supervisord.log"))}
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = {_escape(str(layout.folder / "supervisord.pid"))}
nodaemon = true
umask = 077
silent = true
identifier = vitalwire
{f"user = {user}" if user else ""}

[unix_http_server]
file = {_escape(str(layout.supervisor_socket))}
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    ]
    for program in programs:
        environment = ",".join(
            f'{name}="{_escape(value)}"' for name, value in program.environment.items()
        )
        argv = (*_dying_with_parent(program.stop_signal, program.argv),)
        sections.append(
            f"""
[program:{program.name}]
command = {_escape(" ".join(_quote(word) for word in argv))}
directory = {_escape(str(program.folder))}
environment = {environment}
autostart = false
autorestart = unexpected
exitcodes = {MISCONFIGURED}
startsecs = 1
startretries = 1000
stopsignal = {program.stop_signal}
stopwaitsecs = {program.stop_wait_s}
stdout_logfile = {_escape(str(layout.logs / f"{program.name}.log"))}
redirect_stderr = true
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 2
"""
        )
    return "".join(sections)


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def _quote(word: str) -> str:
    if word and not set(word) & set(" \t\"'\\;#"):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _dying_with_parent(stop_signal: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Have the kernel end the process when its supervisor dies; the process id stays its own."""
    if Path(argv[0]).name == "setpriv":
        return (argv[0], f"--pdeathsig={stop_signal}", *argv[1:])
    setpriv = find_program("setpriv", package="util-linux")
    return (str(setpriv), f"--pdeathsig={stop_signal}", "--", *argv)


class Supervisor:
    """supervisord, from its start to its end."""

    def __init__(self, layout: Layout, programs: Iterable[Program]) -> None:
        self._layout = layout
        self.programs = {program.name: program for program in programs}
        self._process: subprocess.Popen[bytes] | None = None

    def _rpc(self, method: str, *arguments: object) -> Any:
        """One call to supervisord, on a connection of its own: a failed one stays unusable."""
        address = f"unix://{self._layout.supervisor_socket}"
        transport = SupervisorTransport(None, None, serverurl=address)
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)

    def start(self, *, within_s: float = 60.0) -> None:
        """Start the supervisor itself; no program runs yet.

        Raises
        ------
        TimeoutError : it does not answer in time
        """
        write_private(
            self._layout.supervisor_config, configuration(self._layout, self.programs.values())
        )
        self._layout.supervisor_socket.unlink(missing_ok=True)
        executable = Path(sys.executable).parent / "supervisord"
        self._process = subprocess.Popen(
            [
                str(find_program("setpriv", package="util-linux")),
                "--pdeathsig=TERM",
                "--",
                str(executable),
                "-c",
                str(self._layout.supervisor_config),
            ],
            env=base_environment() | {"HOME": os.environ.get("HOME", "/")},
            cwd=self._layout.folder,
            umask=0o077,
            start_new_session=True,  # Ctrl-C reaches us, and we stop it in order
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + within_s
        while True:
            try:
                self._rpc("getState")
            except OSError as error:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise TimeoutError(
                        f"the supervisor does not answer: see {self._layout.logs}/supervisord.log"
                    ) from error
                time.sleep(0.02)
            else:
                return

    @property
    def alive(self) -> bool:
        """Whether the supervisor itself runs."""
        return self._process is not None and self._process.poll() is None

    def start_program(self, name: str) -> None:
        """Have a program started; does not wait for it."""
        self._rpc("startProcess", name, NO_WAIT)

    def states(self) -> dict[str, ProcessState]:
        """What each process does now, by name."""
        infos = self._rpc("getAllProcessInfo")
        return {
            str(info["name"]): ProcessState(
                name=str(info["name"]),
                state=str(info["statename"]),
                pid=int(info["pid"]),
                since=float(info["start"]),
                detail=str(info["spawnerr"] or info["description"]),
            )
            for info in infos
        }

    def stop_all(self) -> None:
        """Stop all programs, the highest stage first, and then the supervisor."""
        if self._process is None:
            return
        if self.alive:
            for stage in sorted({p.stage for p in self.programs.values()}, reverse=True):
                self._stop([p for p in self.programs.values() if p.stage == stage])
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _stop(self, programs: list[Program]) -> None:
        """Stop some programs side by side, and wait until they have ended."""
        states = self.states()
        asked = [
            program for program in programs if states[program.name].state not in STOPPED_STATES
        ]
        for program in asked:
            try:
                self._rpc("stopProcess", program.name, NO_WAIT)
            except xmlrpc.client.Fault:
                continue  # it ended at this moment
        deadline = time.monotonic() + max((p.stop_wait_s for p in asked), default=0) + 5
        while time.monotonic() < deadline:
            states = self.states()
            if all(states[program.name].state in STOPPED_STATES for program in asked):
                return
            time.sleep(0.05)
