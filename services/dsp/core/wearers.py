"""Who wore which device when, looked up for all values of a moment at once.

Hot path: asked for every value and beat, so the answer is a few array operations for all of them.
"""

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

NOBODY = 0
FOR_EVER_US = int(np.iinfo(np.int64).max)


class Worn(NamedTuple):
    """A patient wears a device from `starts_us` until before `ends_us`, us UTC."""

    device: int
    patient: int
    starts_us: int
    ends_us: int


class Wearers:
    """Assignments by device. Where two of one device overlap, the later in their order counts."""

    def __init__(self, worn: Iterable[Worn] = ()) -> None:
        self._worn = sorted(worn, key=_device)
        columns = np.array(self._worn, dtype=np.int64).reshape(-1, len(Worn._fields)).T.copy()
        self._device, self._patient, self._starts_us, self._ends_us = columns

    def with_all_of(self, device: int, worn: Iterable[Worn]) -> Self:
        """The same with other assignments of one device."""
        others = (one for one in self._worn if one.device != device)
        return type(self)([*others, *worn])

    def at(self, device: NDArray[np.int32], t: NDArray[np.int64]) -> NDArray[np.int32]:
        """The patient of each device at each moment, `NOBODY` where there is none."""
        found = np.full(len(device), NOBODY, dtype=np.int32)
        first = np.searchsorted(self._device, device, side="left")
        count = np.searchsorted(self._device, device, side="right") - first
        for number in range(int(count.max(initial=0))):
            asked = np.flatnonzero(count > number)
            row = first[asked] + number
            worn = (t[asked] >= self._starts_us[row]) & (t[asked] < self._ends_us[row])
            found[asked[worn]] = self._patient[row[worn]]
        return found


def _device(one: Worn) -> int:
    return one.device
