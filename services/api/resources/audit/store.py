"""The audit trail in PostgreSQL."""

from shared.contracts.instants import Interval
from shared.database.pool import Database, Row
from shared.database.statements import Statements

Place = tuple[int, str, int]
"""Time, chain and number of the entry that a page ended with."""


class EntryStore:
    """Reads entries."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def entries(
        self,
        interval: Interval,
        *,
        patient: str | None,
        actor: str | None,
        after: Place | None,
        limit: int,
    ) -> list[Row]:
        """Entries of an interval, the newest first."""
        at_us, chain, number = after if after is not None else (None, None, None)
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["entries"],
                interval.start,
                interval.end,
                patient,
                actor,
                at_us,
                chain,
                number,
                limit,
            )
