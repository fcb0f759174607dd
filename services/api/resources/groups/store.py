"""Groups of devices in PostgreSQL."""

from services.api.core.sight import SeenDevice
from shared.database.pool import Database, Row
from shared.database.statements import Statements


class GroupStore:
    """Reads and writes groups."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def groups(self, *, after: str, only: str | None, limit: int) -> list[Row]:
        """Groups in the order of their keys."""
        async with self._database.session() as session:
            return await session.fetch(self._statements["groups"], after, only, limit)

    async def add(self, key: str, name: str) -> None:
        """Make a group.

        Raises
        ------
        Duplicate : there is a group of that key
        """
        async with self._database.session() as session:
            await session.execute(self._statements["add_group"], key, name)

    async def remove(self, key: str) -> bool:
        """End a group; tells if there was one."""
        async with self._database.session() as session:
            return await session.execute(self._statements["remove_group"], key) > 0

    async def change_member(self, key: str, device: SeenDevice, *, belongs: bool) -> None:
        """Have a device belong to a group, or not; twice is harmless."""
        name = "add_member" if belongs else "remove_member"
        async with self._database.session() as session:
            await session.execute(self._statements[name], key, device.id)
