"""CPU seconds of processes with all their children, read from the operating system."""

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


def _tree(pid: int) -> float:
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
