"""CPU seconds and memory of processes with all their children, read from the operating system."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

BUFFERS = " buffers"
BUFFERS_LEAST_MB = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """CPU seconds of some named processes since each was started."""

    seconds: Mapping[str, float]

    def since(self, before: "Cpu") -> dict[str, float]:
        """Seconds used between the two looks."""
        return {name: self.seconds[name] - before.seconds[name] for name in self.seconds}


def look(processes: Mapping[str, int]) -> Cpu:
    """CPU seconds by name, for process ids by name; children of each are added to it.

    A child that has ended counts with its parent, which has waited for it.
    """
    return Cpu(seconds={name: _tree(pid) for name, pid in processes.items()})


def memory_mb(processes: Mapping[str, int]) -> dict[str, float]:
    """Memory by name, in MB; what is shared by many processes counts once.

    Shared memory stands apart, as "NAME buffers": PostgreSQL's fills up to the size that it was
    given, whatever the queries do.
    """
    found: dict[str, float] = {}
    for name, pid in processes.items():
        shares = [_share_mb(process.pid) for process in _family(pid)]
        found[name] = sum(own for own, _ in shares)
        buffers = sum(shared for _, shared in shares)
        if buffers >= BUFFERS_LEAST_MB:
            found[f"{name}{BUFFERS}"] = buffers
    return found


def _family(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _share_mb(pid: int) -> tuple[float, float]:
    """Its own memory and its share of shared memory (proportional set size)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    shared = kib.get("Pss_Shmem", 0)
    return (kib.get("Pss", 0) - shared) * 1.024e-3, shared * 1.024e-3


def _tree(pid: int) -> float:
    total = 0.0
    for process in _family(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
