"""Clock maps in PostgreSQL: what was decided once about a boot's clock, for ever."""

from collections.abc import Iterable, Mapping, Sequence

from services.gateway.core.clock_map import Correction, Segment
from services.gateway.core.messages import BootKey, StoredClock
from shared.contracts.identity import DeviceKey
from shared.database.pool import Database, Row, Session
from shared.database.statements import Statements


class PostgresClockTable:
    """Implements `ClockTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def load(self, keys: Iterable[BootKey]) -> Mapping[BootKey, StoredClock]:
        """Give what is known of these boots; a boot without rows is known to have none."""
        wanted = list(keys)
        columns = _columns(wanted)
        async with self._database.session() as session:
            segments = await self._segments(session, wanted)
            corrections = await session.fetch(self._statements["load_corrections"], *columns)
        newest = {_key(row): int(row["correction_us"]) for row in corrections}
        return {key: StoredClock(segments.get(key, []), newest.get(key, 0)) for key in wanted}

    async def keep(
        self, segments: Sequence[tuple[BootKey, Segment]]
    ) -> Mapping[tuple[BootKey, int], Segment]:
        """Make segments durable; give what stands now, where another gateway was first."""
        keys = [key for key, _ in segments]
        async with self._database.transaction() as session:
            await session.execute(
                self._statements["keep_segments"],
                *_columns(keys),
                [segment.from_n for _, segment in segments],
                [segment.offset_us for _, segment in segments],
                [segment.flags for _, segment in segments],
            )
            stand = await self._segments(session, list(dict.fromkeys(keys)))
        return {(key, segment.from_n): segment for key, found in stand.items() for segment in found}

    async def correct(self, corrections: Sequence[tuple[BootKey, Correction]]) -> None:
        """Record drift."""
        async with self._database.session() as session:
            await session.execute(
                self._statements["keep_corrections"],
                *_columns([key for key, _ in corrections]),
                [correction.at_us for _, correction in corrections],
                [correction.correction_us for _, correction in corrections],
            )

    async def _segments(
        self, session: Session, keys: Sequence[BootKey]
    ) -> dict[BootKey, list[Segment]]:
        rows = await session.fetch(self._statements["load_segments"], *_columns(keys))
        found: dict[BootKey, list[Segment]] = {}
        for row in rows:
            segment = Segment(row["from_n"], row["offset_us"], row["flags"])
            found.setdefault(_key(row), []).append(segment)
        return found


def _columns(keys: Sequence[BootKey]) -> tuple[list[int], list[int]]:
    return [key.device for key in keys], [key.boot for key in keys]


def _key(row: Row) -> BootKey:
    return BootKey(DeviceKey(row["device_id"]), row["boot"])
