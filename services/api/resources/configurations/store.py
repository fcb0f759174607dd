"""Configurations in PostgreSQL."""

from collections.abc import Callable
from typing import Any

from services.api.core.sight import SeenDevice
from shared.database.pool import Database, Row, Session
from shared.database.statements import Statements


class ConfigurationStore:
    """Reads what is wished and reported; writes what is wished."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def configuration(self, device: SeenDevice) -> Row:
        """What is wished of a device, and what it reports."""
        async with self._database.session() as session:
            return await self._read(session, device)

    async def replace(
        self,
        device: SeenDevice,
        *,
        by: str,
        change: Callable[[Row], dict[str, Any]],
    ) -> tuple[Row, Row]:
        """Wish something else; gives what stood before, and what stands now.

        ``change`` gives what is wished from what was; it may refuse by raising. The same again
        is no new version.
        """
        async with self._database.transaction() as session:
            await session.fetch(self._statements["lock_configuration"], device.id)
            before = await self._read(session, device)
            wished = change(before)
            if wished == before["configuration"] and before["version"]:
                return before, before
            await session.execute(self._statements["put_configuration"], device.id, wished, by)
            return before, await self._read(session, device)

    async def _read(self, session: Session, device: SeenDevice) -> Row:
        row = await session.fetch_one(self._statements["configuration"], device.id)
        assert row is not None, "access has found the device, and devices are not deleted"
        return row
