"""CPU seconds and memory of processes with all their children, read from the operating system."""

from collections.abc import Mapping
from dataclasses import dataclass

import psutil


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
    """Memory by name, in MB: what processes share (PostgreSQL's buffers) counts once."""
    return {name: sum(map(_share_mb, _family(pid))) for name, pid in processes.items()}


def _family(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _share_mb(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def _tree(pid: int) -> float:
    total = 0.0
    for process in _family(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
