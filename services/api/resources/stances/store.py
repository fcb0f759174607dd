"""Stances in PostgreSQL."""

from services.api.core.sight import SeenDevice
from shared.database.pool import Database, Row
from shared.database.statements import Statements


class StanceStore:
    """Keeps what was told, and reads what was found."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def add(self, device: SeenDevice, *, by: str) -> bool:
        """Keep that the wearer stood until now; gives whether somebody wears it."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["add_stance"], device.id, by)
        return row is not None

    async def take_back(self, device: SeenDevice, *, after_s: float, by: str) -> None:
        """What was told of its wearer holds no longer, from so long from now on."""
        async with self._database.session() as session:
            await session.execute(self._statements["take_back_stances"], device.id, after_s, by)

    async def newest(self, device: SeenDevice) -> Row | None:
        """The newest stance of a device; None where nothing was told."""
        async with self._database.session() as session:
            return await session.fetch_one(self._statements["newest_stance"], device.id)
