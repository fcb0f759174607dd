"""``signal.stream_position``: who writes which stream, and up to where it is stored."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.storage.core.positions import Advance, LaneLost, Position
from shared.database.pool import Database, Session
from shared.database.statements import Statements


class PositionTable:
    """Implements `Positions` for one incarnation of the streams."""

    def __init__(self, database: Database, statements: Statements, incarnation: int) -> None:
        self._database = database
        self._claim = statements["claim_positions"]
        self._incarnation = incarnation

    async def claim(self, streams: Sequence[str]) -> list[Position]:
        """Take the streams over; in the order asked for."""
        async with self._database.session() as session:
            rows = await session.fetch(self._claim, self._incarnation, sorted(streams))
        found = {
            row["stream"]: Position(
                incarnation=self._incarnation,
                stream=row["stream"],
                epoch=row["epoch"],
                last_offset=row["last_offset"],
            )
            for row in rows
        }
        return [found[stream] for stream in streams]


class Step:
    """Transactions that move a position and write its rows together."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._advance = statements["advance_position"]
        self._position = statements["position"]

    @asynccontextmanager
    async def transaction(self, advance: Advance) -> AsyncIterator[Session | None]:
        """A transaction in which the position has moved; None where it had moved before.

        That is so when the answer to an earlier commit was lost: its rows are there.
        The lock on the position keeps any other writer of the stream waiting until the end.

        Raises
        ------
        LaneLost : the position belongs to another owner
        """
        held, to_offset, _ = advance
        key = (held.incarnation, held.stream)
        async with self._database.transaction() as session:
            moved = await session.execute(
                self._advance, *key, held.epoch, held.last_offset, to_offset
            )
            if moved:
                yield session
                return
            row = await session.fetch_one(self._position, *key)
            if row is None or (row["epoch"], row["last_offset"]) != (held.epoch, to_offset):
                raise LaneLost(f"{held.stream}: another process writes it since")
            yield None
