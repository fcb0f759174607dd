"""Which of several sources of a measure is judged: the best one that gave a valid value lately."""

from functools import lru_cache
from typing import NamedTuple

from services.alarms.core.alarm_state import SECOND_US
from services.alarms.core.memory import Reading
from shared.contracts.measures import Measure
from shared.contracts.quality import ValueFlag

STALE_US = 10 * SECOND_US  # then the next best is judged
FORGET_US = 60 * SECOND_US
_DEVICE = int(ValueFlag.DEVICE)


class _Source(NamedTuple):
    measure: int
    from_device: int
    method: int
    device: int

    @classmethod
    def of(cls, reading: Reading) -> "_Source":
        from_device = int(int(reading.flags) & _DEVICE != 0)
        return cls(int(reading.measure), from_device, reading.method, reading.device)

    @property
    def name(self) -> str:
        """Key in the memory."""
        return _name(self)

    def rank(self, measures: tuple[Measure, ...]) -> tuple[int, int, int, int]:
        """Order of preference, the least first: by measure, our own before the device's."""
        return measures.index(Measure(self.measure)), *self[1:]


@lru_cache(maxsize=16_384)
def _name(source: _Source) -> str:
    return ".".join(map(str, source))


def governs(
    usable: dict[str, int], measures: tuple[Measure, ...], reading: Reading, *, is_usable: bool
) -> bool:
    """Whether this reading is the one to judge.

    A valid one is, unless a better source gave a valid value lately; another one is, unless any
    other source did: it then says that there is nothing to judge by.
    """
    mine = _Source.of(reading)
    own_name = mine.name
    for name, t in usable.items():
        if name == own_name or reading.t - t >= STALE_US:
            continue
        other = _Source(*(int(part) for part in name.split(".")))
        if other.measure not in measures:
            continue
        if not is_usable or other.rank(measures) < mine.rank(measures):
            return False
    return True


def note(usable: dict[str, int], reading: Reading) -> None:
    """Remember that the source of this reading gave a valid value."""
    name = _Source.of(reading).name
    usable[name] = max(reading.t, usable.get(name, 0))
    if len(usable) > 1:
        for other in [name for name, t in usable.items() if reading.t - t > FORGET_US]:
            del usable[other]
