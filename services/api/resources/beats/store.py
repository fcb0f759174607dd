"""Stored beats in PostgreSQL."""

from services.api.core.sight import SeenPatient
from shared.contracts.instants import Interval
from shared.database.pool import Database, Row
from shared.database.statements import Statements

Place = tuple[int, int, int]
"""Time, device and kind of the beat that a page ended with."""


class BeatStore:
    """Reads beats."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def beats(
        self,
        patient: SeenPatient,
        interval: Interval,
        *,
        device: str | None,
        kind: int | None,
        after: Place | None,
        limit: int,
    ) -> list[Row]:
        """Beats of an interval, oldest first; of one device and kind where these are named."""
        after_t, after_device, after_kind = after if after is not None else (None, None, None)
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["beats"],
                patient.id,
                interval.start,
                interval.end,
                after_t,
                after_device,
                after_kind,
                device,
                kind,
                limit,
            )
