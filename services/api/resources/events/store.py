"""Stored events in PostgreSQL."""

from collections.abc import Sequence

from services.api.core.sight import SeenPatient
from shared.contracts.instants import Interval
from shared.database.pool import Database, Row
from shared.database.statements import Statements


class EventStore:
    """Reads events."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def events(
        self,
        patient: SeenPatient,
        interval: Interval,
        *,
        kinds: Sequence[str] | None,
        after: tuple[int, str] | None,
        limit: int,
    ) -> list[Row]:
        """Events of an interval, the newest first; of some kinds where these are named."""
        t, event_id = after if after is not None else (None, None)
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["events"],
                patient.id,
                interval.start,
                interval.end,
                t,
                event_id,
                None if kinds is None else list(kinds),
                limit,
            )
