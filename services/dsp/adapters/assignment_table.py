"""``registry.assignment``: who wears which device, looked at now and then."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
import structlog
from numpy.typing import NDArray

from services.dsp.core.wearers import FOR_EVER_US, Wearers, Worn
from shared.database.pool import Database, Row
from shared.database.statements import Statements
from shared.errors import Unavailable
from shared.runtime.waiting import pause

log = structlog.get_logger()


@dataclass(slots=True)
class AssignmentTable:
    """Implements `Assignments`. While PostgreSQL is away it knows what it knew."""

    database: Database
    statements: Statements
    interval_s: float
    _wearers: Wearers = field(default_factory=Wearers)

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
        self._wearers = Wearers(map(_worn, rows))

    async def look_up(self, device: int) -> None:
        """Read all assignments of a device: its data may be years old."""
        async with self.database.session() as session:
            rows = await session.fetch(self.statements["assignments_of"], device)
        self._wearers = self._wearers.with_all_of(device, map(_worn, rows))

    def patients_at(self, device: NDArray[np.int32], t: NDArray[np.int64]) -> NDArray[np.int32]:
        """The patient of each device at each moment, 0 for nobody."""
        return self._wearers.at(device, t)


def _worn(row: Row) -> Worn:
    ends_us = FOR_EVER_US if row["ends_us"] is None else row["ends_us"]
    return Worn(row["device_id"], row["patient_id"], row["starts_us"], ends_us)
