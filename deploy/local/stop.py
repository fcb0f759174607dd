"""`make stop`: ends the system that runs in a folder, and nothing else. Standard library only."""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

STOP_WITHIN_S = 90.0


def main() -> int:
    """Ask the run that holds the folder to end, and wait for it; gives the exit status."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".local")
    lock = folder / "run.pid"
    if not lock.exists():
        print(f"nothing runs in {folder}")
        return 0
    with lock.open("r+") as file:
        pid = file.read().strip()
        if _is_free(file):
            print(f"nothing runs in {folder}")
            return 0
        # The lock is held, so the id in it is that of a living run.
        os.kill(int(pid), signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN_S
        while not _is_free(file):
            if time.monotonic() > deadline:
                print(f"process {pid} has not ended in {STOP_WITHIN_S:.0f} s", file=sys.stderr)
                return 1
            time.sleep(0.1)
    print("stopped")
    return 0


def _is_free(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
