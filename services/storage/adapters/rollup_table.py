"""``signal.vital_minute`` and ``signal.vital_hour``, and what there is still to compute."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.storage.core.rollup import MinuteOfPatient, RollupPosition
from shared.database.pool import Database, Session
from shared.database.statements import Statements


class RollupStep:
    """Implements `RollupStep` of the ports: one transaction."""

    def __init__(self, session: Session, statements: Statements) -> None:
        self._session = session
        self._statements = statements

    async def make_minutes(self, start_us: int, end_us: int) -> None:
        """Compute the minutes of all patients in a time."""
        await self._session.execute(self._statements["make_minutes"], start_us, end_us)

    async def make_hours(self, start_us: int, end_us: int) -> None:
        """Compute the hours of all patients in a time from their minutes."""
        await self._session.execute(self._statements["make_hours"], start_us, end_us)

    async def finish(self, start_us: int, end_us: int) -> None:
        """Say that this time is computed."""
        await self._session.execute(self._statements["finish_minutes"], start_us, end_us)

    async def take_dirty(self, most: int) -> list[MinuteOfPatient]:
        """Minutes that changed, no longer noted when the transaction ends."""
        rows = await self._session.fetch(self._statements["take_dirty"], most)
        return sorted(MinuteOfPatient(row["patient_id"], row["t"]) for row in rows)

    async def make_minutes_of(self, minutes: Sequence[MinuteOfPatient]) -> None:
        """Compute single minutes again."""
        await self._each("make_minutes_of", minutes)

    async def make_hours_of(self, hours: Sequence[MinuteOfPatient]) -> None:
        """Compute single hours again, as far as their minutes are computed."""
        await self._each("make_hours_of", hours)

    async def _each(self, statement: str, times: Sequence[MinuteOfPatient]) -> None:
        await self._session.execute(
            self._statements[statement], [one.patient for one in times], [one.t for one in times]
        )


class RollupTable:
    """Implements `Rollups`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def position(self) -> RollupPosition:
        """How far minutes are closed and computed."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["rollup_position"])
        assert row is not None, "the migration made it"
        return RollupPosition(row["closed_to"], row["done_to"])

    async def first_values(self) -> int | None:
        """Where the oldest partition of vital signs begins."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["partition_starts"], "vital")
        return min((row["start_us"] for row in rows), default=None)

    async def open(self, start_us: int) -> None:
        """Say where the first minutes begin; once."""
        async with self._database.session() as session:
            await session.execute(self._statements["open_rollup"], start_us)

    async def close(self, to_us: int) -> None:
        """Close minutes, when the writers who do not know it have committed."""
        async with self._database.session() as session:
            await session.execute(self._statements["close_minutes"], to_us)

    @asynccontextmanager
    async def step(self) -> AsyncIterator[RollupStep | None]:
        """A transaction; None where another process is at it."""
        async with self._database.transaction() as session:
            mine = await session.fetch_value(self._statements["claim_rollup"])
            yield RollupStep(session, self._statements) if mine else None
