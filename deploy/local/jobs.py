"""Runs the jobs of `make check` and `make test`, side by side or in order, with their times."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from deploy.local.layout import PROJECT


@dataclass(slots=True)
class Job:
    """One command.

    Parameters
    ----------
    name : as people call it
    argv : what is run, in the project's folder
    """

    name: str
    argv: Sequence[str]
    status: int = 0
    seconds: float = 0.0
    output: str = field(default="", repr=False)

    def run(self) -> None:
        """Run it and keep what it says."""
        begin = time.monotonic()
        answer = subprocess.run(
            self.argv,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.status, self.output = answer.returncode, answer.stdout
        self.seconds = time.monotonic() - begin

    def tell(self) -> None:
        """One line, and all that it said if it failed."""
        verdict = "ok" if self.status == 0 else "FAILED"
        print(f"{self.name:<24} {verdict:<7} {self.seconds:6.1f} s", flush=True)
        if self.status != 0:
            print(self.output, flush=True)


def run_side_by_side(lanes: Sequence[Sequence[Job]]) -> bool:
    """Run each lane's jobs in order, the lanes beside each other; gives whether all went well."""
    telling = threading.Lock()

    def run_lane(jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.run()
            with telling:
                job.tell()

    threads = [threading.Thread(target=run_lane, args=[lane]) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return all(job.status == 0 for lane in lanes for job in lane)


def python(*arguments: str) -> list[str]:
    """A command under the Python of the virtual environment."""
    return [sys.executable, *arguments]
