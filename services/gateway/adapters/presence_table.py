"""The newest status of each device in PostgreSQL."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from services.gateway.core.presence import Presence
from shared.contracts.identity import DeviceKey
from shared.database.pool import Database
from shared.database.statements import Statements

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgresPresenceTable:
    """Implements `PresenceTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def load(self, shards: range) -> Mapping[DeviceKey, Presence]:
        """Give the newest status of each device of these shards."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["load_presences"], shards[0], shards[-1])
        return {
            DeviceKey(row["device_id"]): Presence(
                online=row["online"],
                boot=row["boot"],
                t_us=row["device_t_us"],
                changed_us=_to_us(row["changed_at"]),
                seen_us=_to_us(row["seen_at"]),
                firmware=row["firmware"],
                battery_percent=row["battery_percent"],
                rssi_dbm=row["rssi_dbm"],
                buffered=row["buffered"],
                reported=row["reported"],
            )
            for row in rows
        }

    async def keep(self, presences: Mapping[DeviceKey, Presence]) -> None:
        """Keep the newest status of these devices."""
        columns = zip(
            *(
                (
                    device,
                    presence.online,
                    presence.boot,
                    presence.t_us,
                    _to_time(presence.changed_us),
                    _to_time(presence.seen_us),
                    presence.firmware,
                    presence.battery_percent,
                    presence.rssi_dbm,
                    presence.buffered,
                    presence.reported,
                )
                for device, presence in sorted(presences.items())
            ),
            strict=True,
        )
        async with self._database.session() as session:
            await session.execute(
                self._statements["keep_presences"], *(list(column) for column in columns)
            )


def _to_us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _to_time(t_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=t_us)
