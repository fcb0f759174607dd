"""``signal.event``."""

from collections.abc import Sequence

from services.storage.adapters.position_table import Step
from services.storage.core.event_rows import EventRow
from services.storage.core.positions import Advance
from shared.database.pool import Database
from shared.database.statements import Statements


class EventRows:
    """Implements `EventTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._put = statements["put_events"]
        self._step = Step(database, statements)

    async def append(self, rows: Sequence[EventRow], advance: Advance) -> int:
        """Write rows and position in one transaction; gives how many were new."""
        async with self._step.transaction(advance) as session:
            if session is None or not rows:
                return 0
            columns = [list(column) for column in zip(*sorted(rows), strict=True)]
            return await session.execute(self._put, *columns)
