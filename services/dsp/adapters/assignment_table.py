"""``registry.assignment``: who wears which device, looked at now and then."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from shared.database.pool import Database, Row
from shared.database.statements import Statements
from shared.errors import Unavailable
from shared.runtime.waiting import pause

log = structlog.get_logger()
NOBODY = 0


class _Worn(NamedTuple):
    patient: int
    starts_us: int
    ends_us: int


@dataclass(slots=True)
class AssignmentTable:
    """Implements `Assignments`. While PostgreSQL is away it knows what it knew."""

    database: Database
    statements: Statements
    interval_s: float
    _worn: dict[int, list[_Worn]] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until the stop. Cancel-safe: holds nothing."""
        while not await pause(stop, self.interval_s):
            try:
                await self.refresh()
            except Unavailable as error:
                log.warning("assignments_not_read", error=str(error))

    async def refresh(self) -> None:
        """Read the assignments of the last days."""
        async with self.database.session() as session:
            rows = await session.fetch(self.statements["recent_assignments"])
        self._worn = _by_device(rows)

    async def look_up(self, device: int) -> None:
        """Read all assignments of a device: its data may be years old."""
        async with self.database.session() as session:
            rows = await session.fetch(self.statements["assignments_of"], device)
        self._worn |= _by_device(rows)

    def patients_at(self, device: NDArray[np.int32], t: NDArray[np.int64]) -> NDArray[np.int32]:
        """The patient of each device at each moment, 0 for nobody."""
        found = np.full(len(device), NOBODY, dtype=np.int32)
        for one in np.unique(device).tolist():
            for worn in self._worn.get(one, ()):
                mine = (device == one) & (t >= worn.starts_us) & (t < worn.ends_us)
                found[mine] = worn.patient
        return found


def _by_device(rows: list[Row]) -> dict[int, list[_Worn]]:
    for_ever = np.iinfo(np.int64).max
    worn: dict[int, list[_Worn]] = {}
    for row in rows:
        ends_us = for_ever if row["ends_us"] is None else row["ends_us"]
        entry = _Worn(row["patient_id"], row["starts_us"], ends_us)
        worn.setdefault(row["device_id"], []).append(entry)
    return worn
