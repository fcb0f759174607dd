"""A private system with simulated patients, started as `make run` starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROJECT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 400.0
STOPPED_WITHIN_S = 60.0
LOOK_EACH_S = 0.2
BESIDE = "BROWSER_TESTS_SYSTEM"  # connection.json of a system that runs already, to develop against


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSystem:
    """Where a system is reached, and who may log in."""

    host: str
    port: int
    passwords: dict[str, str]
    processes: dict[str, int]
    mqtt: tuple[str, int] | None = None  # where devices send, if any do

    @classmethod
    def of(cls, connection: Path) -> Self:
        """The system that `connection.json` speaks of."""
        told = json.loads(connection.read_text())
        host, _, port = told["page"].removeprefix("http://").partition(":")
        passwords = {user["username"]: user["password"] for user in told["users"]}
        return cls(
            host=host,
            port=int(port),
            passwords=passwords,
            processes=told["processes"],
            mqtt=(told["mqtt"]["host"], told["mqtt"]["port"]),
        )

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://{self.host}:{self.port}"


class SystemProcess:
    """`python -m deploy.local.run` in a folder of its own, until it is stopped.

    Parameters
    ----------
    recordings : a folder of files that are replayed in the place of simulated patients
    """

    def __init__(self, folder: Path, *, patients: int = 8, recordings: Path | None = None) -> None:
        whom = ("--patients", str(patients))
        if recordings is not None:
            whom = ("--recordings", str(recordings.resolve()))
        self._folder = folder
        self._log = (folder.parent / f"{folder.name}.log").open("w+")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "deploy.local.run"),
                *("--folder", str(folder), *whom),
            ],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_until_ready(self) -> RunningSystem:
        """The running system, once its first vital sign is live.

        Raises
        ------
        AssertionError : it ended, or was not ready in time; the text has what it said
        """
        connection = self._folder / "connection.json"
        deadline = time.monotonic() + READY_WITHIN_S
        while not connection.exists():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self._log.seek(0)
                raise AssertionError(f"the system is not there:\n{self._log.read()[-4_000:]}")
            time.sleep(LOOK_EACH_S)
        return RunningSystem.of(connection)

    def stop(self) -> None:
        """End it and all that it started."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOPPED_WITHIN_S)
        self._log.close()
