"""One server process that the caller starts, kills and starts again by its own id."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.servers.command import ServerCommand

PR_SET_PDEATHSIG = 1  # Linux, prctl(2)


class NotReady(Exception):
    """A server ended, or did not answer in time; the text has the end of its log."""


class ServerProcess:
    """A server under its own process id.

    It dies with the thread that started it (Linux), so that a killed test run leaves nothing
    behind: start and restart it from the main thread.

    Parameters
    ----------
    command : what to start
    is_ready : asks the server in its own protocol whether it takes clients
    input_open : keep a pipe to its standard input
    """

    def __init__(
        self, command: ServerCommand, *, is_ready: Callable[[], bool], input_open: bool = False
    ) -> None:
        self.command = command
        self._is_ready = is_ready
        self._input_open = input_open
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """All that it wrote, over all its starts."""
        return self.command.folder / f"{self.command.name}.log"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None, f"{self.command.name} was never started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, and return before it is ready."""
        assert not self.running, f"{self.command.name} is running"
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                _with_parent_death(self.command.argv),
                env=dict(self.command.environment),
                cwd=self.command.folder,
                stdin=subprocess.PIPE if self._input_open else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  only prctl and setsid happen in it
            )

    def is_ready(self) -> bool:
        """Whether it takes clients now.

        Raises
        ------
        NotReady : it has ended
        """
        if not self.running:
            raise NotReady(f"{self.command.name} ended ({self.process.returncode}): {self._tail()}")
        return self._is_ready()

    def wait_ready(self, *, within_s: float = 120.0) -> None:
        """Wait until it takes clients. Blocks; an event loop polls `is_ready` instead.

        Raises
        ------
        NotReady : it ended, or is not ready in time
        """
        deadline = time.monotonic() + within_s
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise NotReady(f"{self.command.name} not ready in {within_s} s: {self._tail()}")
            time.sleep(0.02)

    def send_signal(self, number: int) -> None:
        """Signal it, if it runs."""
        if self.running:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it with SIGKILL and wait until it is gone."""
        self.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, *, number: int = signal.SIGTERM, within_s: float = 15.0) -> None:
        """End it in good order, with SIGKILL when it takes too long."""
        if self._process is None:
            return
        self.send_signal(number)
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]


def _with_parent_death(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Repeat the wish to die with the parent where a change of user forgets it."""
    if Path(argv[0]).name == "setpriv":
        return (argv[0], "--pdeathsig=KILL", *argv[1:])
    return argv


def _die_with_parent() -> None:
    os.setsid()  # Ctrl-C in a terminal reaches the test run, which stops its servers itself
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
