"""Orders to erase in PostgreSQL."""

from shared.database.pool import Database, Row
from shared.database.statements import Statements


class ErasureStore:
    """Writes orders; reads how far they are."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def find(self, key: str) -> int | None:
        """The id of a patient."""
        async with self._database.session() as session:
            found: int | None = await session.fetch_value(self._statements["patient_to_erase"], key)
        return found

    async def order(self, patient_id: int, *, reason: str, by: str) -> bool:
        """Order an erasure; whether it was not ordered before."""
        async with self._database.session() as session:
            written = await session.execute(
                self._statements["order_erasure"], patient_id, reason, by
            )
        return written == 1

    async def erasures(self, key: str | None = None) -> list[Row]:
        """Orders with how far they are: of one patient, or all."""
        async with self._database.session() as session:
            return await session.fetch(self._statements["erasures"], key)
