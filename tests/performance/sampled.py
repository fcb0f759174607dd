"""Runs a service and samples where its CPU time goes, for a profile of the unchanged program.

``python -m tests.performance.sampled OUT SERVICE``: at SIGUSR1 sampling begins, at SIGUSR2 it ends
and OUT gets the functions in which samples fell (innermost, and all of ours on the stack), most
first. The kernel's timer of used CPU time (SIGPROF) takes a sample each tick (4 ms
at 250 Hz); time within
a library written in C falls on the Python function that called it.
"""

import asyncio
import collections
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import FrameType

INTERVAL_S = 0.001
ROOT = str(Path(__file__).resolve().parents[2])
LINES = 30
WAITING_FILES = ("/concurrent/futures/thread.py", "/threading.py")
"""Where a thread stands that has nothing to do."""


class Sampler:
    """Counts where the threads use their time.

    Parameters
    ----------
    out : file that gets the result
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._inner: collections.Counter[str] = collections.Counter()
        self._ours: collections.Counter[str] = collections.Counter()
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR1, self._begin)
        signal.signal(signal.SIGUSR2, self._end)

    def _begin(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None:
            frame = _working(frame)
            self._inner[_name(frame)] += 1
            self._ours.update({_name(one) for one in _stack(frame) if _is_ours(one)})

    def _end(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        total = self._inner.total()
        lines = [f"{total} samples by CPU time", ""]
        for title, counter in (
            ("innermost", self._inner),
            ("in or below, our own code", self._ours),
        ):
            lines.append(title)
            lines += [
                f"{100 * n / max(total, 1):6.1f} %  {name}"
                for name, n in counter.most_common(LINES)
            ]
            lines.append("")
        self._out.write_text("\n".join(lines))


def _working(frame: FrameType) -> FrameType:
    """Where the time goes: in another thread while the main one is in the loop itself.

    The loop is C, so that its own work (and the kernel's for it) is told apart from waiting only by
    nobody else working.
    """
    if frame.f_code is not asyncio.Runner.run.__code__:
        return frame
    for thread, other in sys._current_frames().items():
        waits = other.f_code.co_filename.endswith(WAITING_FILES)
        if thread != threading.get_ident() and not waits:
            return other
    return frame


def _stack(frame: FrameType | None) -> list[FrameType]:
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def _is_ours(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith(ROOT) and "/.venv/" not in name and "sampled" not in name


def _name(frame: FrameType) -> str:
    path = frame.f_code.co_filename.removeprefix(ROOT + "/")
    path = path.partition("site-packages/")[2] or path
    return f"{frame.f_code.co_qualname} ({path})"


def main() -> int:
    """Start the sampler, then the service as it is."""
    out, service = sys.argv[1:3]
    Sampler(Path(out))
    del sys.argv[1:]
    module = import_module(f"services.{service}.__main__")
    status: int = module.main()
    return status


if __name__ == "__main__":
    sys.exit(main())
