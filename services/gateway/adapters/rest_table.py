"""Rests of byte streams in PostgreSQL: how a message was cut once, for ever."""

from collections.abc import Iterable, Mapping, Sequence

from services.gateway.core.messages import RestRow, StreamKey
from shared.contracts.identity import DeviceKey
from shared.database.pool import Database, Row
from shared.database.statements import Statements


class PostgresRestTable:
    """Implements `RestTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def load(
        self, wanted: Iterable[tuple[StreamKey, int]]
    ) -> Mapping[tuple[StreamKey, int], bytes]:
        """Give the rests that these messages left, where there is a row."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["load_rests"], *_columns(wanted))
        return _by_message(rows)

    async def keep(self, rows: Sequence[RestRow]) -> Mapping[tuple[StreamKey, int], bytes]:
        """Make rests durable; give what stands now, where another gateway was first."""
        columns = _columns((row.stream, row.n) for row in rows)
        async with self._database.session() as session:
            stand = await session.fetch(
                self._statements["keep_rests"],
                *columns,
                [row.rest for row in rows],
                [row.received_us for row in rows],
            )
        return _by_message(stand)

    async def forget(self, devices: Iterable[DeviceKey], *, but_newest: int) -> None:
        """Remove the rests of devices but so many of each."""
        async with self._database.session() as session:
            await session.execute(self._statements["forget_rests"], list(devices), but_newest)

    async def forget_before(self, before_us: int) -> int:
        """Remove some of those that came before a time; give how many."""
        async with self._database.session() as session:
            return await session.execute(self._statements["forget_old_rests"], before_us)


def _columns(
    wanted: Iterable[tuple[StreamKey, int]],
) -> tuple[list[int], list[str], list[int], list[int]]:
    found = list(wanted)
    return (
        [stream.device for stream, _ in found],
        [stream.codec for stream, _ in found],
        [stream.boot for stream, _ in found],
        [n for _, n in found],
    )


def _by_message(rows: Iterable[Row]) -> dict[tuple[StreamKey, int], bytes]:
    return {
        (StreamKey(DeviceKey(row["device_id"]), row["codec"], row["boot"]), row["n"]): row["rest"]
        for row in rows
    }
