"""Partitions of ``signal``: made through the one function that may."""

from collections.abc import Sequence

from services.storage.core.partitions import Partitioned
from shared.database.pool import Database
from shared.database.statements import Statements

REMEMBERED_MOST = 50_000


class PartitionTable:
    """Implements `Partitions`; remembers which exist, so that most calls ask nothing."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._ensure = statements["ensure_partitions"]
        self._there: set[tuple[Partitioned, int]] = set()

    async def ensure(self, table: Partitioned, starts_us: Sequence[int]) -> None:
        """Make those that are missing, in a transaction of their own."""
        missing = [start for start in starts_us if (table, start) not in self._there]
        if not missing:
            return
        async with self._database.session() as session:
            await session.fetch_value(self._ensure, table.value, missing)
        if len(self._there) > REMEMBERED_MOST:
            self._there.clear()
        self._there.update((table, start) for start in missing)

    def forget(self) -> None:
        """Ask again for each."""
        self._there.clear()
