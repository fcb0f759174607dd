"""``dsp.position``: where replays begin and what was given out, with the late data they leave."""

from collections.abc import Sequence

from services.dsp.core.exchange import Noted, Position
from shared.contracts.identity import Lane
from shared.database.pool import Database
from shared.database.statements import Statements


class PositionTable:
    """Implements `Positions` for one incarnation of the streams."""

    def __init__(self, database: Database, statements: Statements, incarnation: int) -> None:
        self._database = database
        self._load = statements["load_position"]
        self._save = statements["save_position"]
        self._note = statements["note_late"]
        self._incarnation = incarnation

    async def load(self, stream: str) -> Position | None:
        """The saved position, None where there is none."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._load, self._incarnation, stream)
        if row is None:
            return None
        return Position(row["replay_offset"], row["given_offset"], row["watermark_us"])

    async def save(
        self, stream: str, lane: Lane, position: Position, noted: Sequence[Noted]
    ) -> None:
        """Save both in one transaction."""
        rows = [(*late.samples, lane, self._incarnation, stream, late.offset) for late in noted]
        async with self._database.transaction() as session:
            if rows:
                await session.execute_many(self._note, rows)
            await session.execute(self._save, self._incarnation, stream, *position)
