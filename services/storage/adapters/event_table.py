"""``signal.event``."""

from collections.abc import Iterable, Sequence

from services.storage.adapters.position_table import Step
from services.storage.core.event_rows import EventRow
from services.storage.core.positions import Advance
from shared.contracts.identity import Shard
from shared.database.pool import Database
from shared.database.statements import Statements


class EventRows:
    """Implements `EventTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._put = statements["put_events"]
        self._shards = statements["device_shards"]
        self._step = Step(database, statements)

    async def append(self, rows: Sequence[EventRow], advance: Advance) -> int:
        """Write rows and position in one transaction; gives how many were new."""
        async with self._step.transaction(advance) as session:
            if session is None or not rows:
                return 0
            columns = [list(column) for column in zip(*sorted(rows), strict=True)]
            return await session.execute(self._put, *columns)

    async def shards(self, devices: Iterable[int]) -> dict[int, Shard]:
        """Give the shards of those of these devices that the registry knows."""
        async with self._database.session() as session:
            rows = await session.fetch(self._shards, list(devices))
        return {row["id"]: Shard(row["shard"]) for row in rows}
