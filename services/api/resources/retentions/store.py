"""Retentions of single patients in PostgreSQL."""

from shared.database.pool import Database, Row
from shared.database.statements import Statements


class RetentionStore:
    """Reads and writes how long the data of a patient is kept."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def find(self, key: str) -> int | None:
        """The id of a patient who is not erased."""
        async with self._database.session() as session:
            found: int | None = await session.fetch_value(
                self._statements["find_patient_to_keep"], key
            )
        return found

    async def retention(self, patient_id: int) -> Row | None:
        """The row of a patient; None where the settings of storage hold."""
        async with self._database.session() as session:
            return await session.fetch_one(self._statements["patient_retention"], patient_id)

    async def set(self, patient_id: int, *, keep_days: int, by: str) -> Row | None:
        """Write the row of a patient, as it is then."""
        async with self._database.session() as session:
            return await session.fetch_one(
                self._statements["set_patient_retention"], patient_id, keep_days, by
            )

    async def remove(self, patient_id: int) -> None:
        """Remove the row of a patient."""
        async with self._database.session() as session:
            await session.execute(self._statements["remove_patient_retention"], patient_id)
