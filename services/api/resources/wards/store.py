"""Wards and beds in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database.pool import Database, Row
from shared.database.statements import Statements


@dataclass(frozen=True, slots=True, kw_only=True)
class WardRow:
    """A ward with its number of beds."""

    key: str
    name: str
    beds: int


class WardStore:
    """Reads wards, beds and what a bed shows."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def wards(self, keys: Sequence[str]) -> list[WardRow]:
        """The wards of these keys."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["wards"], list(keys))
        return [WardRow(key=row["key"], name=row["name"], beds=row["beds"]) for row in rows]

    async def beds(self, ward: str) -> list[tuple[str, str]]:
        """Key and label of each bed of a ward."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["beds"], ward)
        return [(row["key"], row["label"]) for row in rows]

    async def details(self, patients: Sequence[int]) -> dict[int, Row]:
        """Birth date and sex of these patients."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["patient_details"], list(patients))
        return {row["id"]: row for row in rows}

    async def recent_streams(
        self, devices: Sequence[int], *, start_us: int, end_us: int
    ) -> dict[int, set[int]]:
        """The streams of each of these devices in an interval."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["recent_streams"], list(devices), start_us, end_us
            )
        found: dict[int, set[int]] = {}
        for row in rows:
            found.setdefault(row["device_id"], set()).add(row["stream"])
        return found
