"""What is not let in any more: patients and times of devices that were erased."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from services.storage.core.retention import DeviceTime
from shared.contracts.records import Table


class Erased:
    """The fence of all erasures, as it was read last.

    Parameters
    ----------
    patients : nothing of them is stored
    times : what these devices sent in these times is settled and not stored
    """

    def __init__(self, patients: Iterable[int] = (), times: Iterable[DeviceTime] = ()) -> None:
        self.patients = frozenset(patients)
        self._times = tuple(times)
        self._devices = np.unique(np.array([one.device for one in self._times], dtype=np.int64))

    def of_devices(self, device: NDArray[np.int32], t: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows, given as columns, fall into an erased time of their device."""
        mask = np.zeros(len(device), dtype=np.bool_)
        if not self._times or not np.isin(device, self._devices).any():
            return mask
        for one in self._times:
            mask |= (device == one.device) & (t >= one.start_us) & (t < one.end_us)
        return mask

    def of_event(self, patient: int, device: int, t: int) -> bool:
        """Whether an event is of an erased patient, or of a device in an erased time."""
        return patient in self.patients or any(
            one.device == device and one.start_us <= t < one.end_us for one in self._times
        )

    def of_patients(self, table: Table) -> NDArray[np.bool_]:
        """Which vital signs (of `VITAL`) belong to an erased patient."""
        if not self.patients:
            return np.zeros(len(table), dtype=np.bool_)
        mask: NDArray[np.bool_] = np.isin(table["patient"], sorted(self.patients))
        return mask


class Fence:
    """Holds the newest `Erased` for all writers of a process."""

    def __init__(self) -> None:
        self.erased = Erased()
