"""What is stored of a patient, a window of time at once."""

from collections.abc import Sequence
from enum import StrEnum

from services.api.core.sight import SeenPatient
from shared.contracts.instants import Interval
from shared.database.pool import Database, Row
from shared.database.statements import Statements


class Resolution(StrEnum):
    """How coarse vital signs are given."""

    VALUES = "values"
    MINUTES = "minutes"
    HOURS = "hours"


class ExportStore:
    """Reads rows for files."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def marks(self, device_id: int, kind: int, start_us: int, end_us: int) -> list[Row]:
        """Beats of a device, oldest first."""
        async with self._database.session() as session:
            return await session.fetch(self._statements["marks"], device_id, kind, start_us, end_us)

    async def vitals(
        self,
        patient: SeenPatient,
        window: Interval,
        resolution: Resolution,
        measures: Sequence[int] | None,
    ) -> list[Row]:
        """Values, minutes or hours of some measures (of all: None), oldest first."""
        async with self._database.session() as session:
            return await session.fetch(
                self._statements[f"vital_{resolution.value}"],
                patient.id,
                window.start,
                window.end,
                None if measures is None else list(measures),
            )

    async def beats(self, patient: SeenPatient, window: Interval) -> list[Row]:
        """Beats and pulses, oldest first."""
        return await self._of("beats", patient, window)

    async def events(self, patient: SeenPatient, window: Interval) -> list[Row]:
        """Events, oldest first."""
        return await self._of("events", patient, window)

    async def _of(self, statement: str, patient: SeenPatient, window: Interval) -> list[Row]:
        async with self._database.session() as session:
            return await session.fetch(
                self._statements[statement], patient.id, window.start, window.end
            )
