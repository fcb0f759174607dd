"""``dsp.late_interval`` and ``dsp.correction``: late data that waits, and what was made of it."""

from collections.abc import Sequence

from services.dsp.core.exchange import Span
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, lane_queue
from shared.database.pool import Database
from shared.database.statements import Statements

STORED_ALREADY = -1


class LateIntervals:
    """Implements `LateTable`."""

    def __init__(self, database: Database, statements: Statements, incarnation: int) -> None:
        self._database = database
        self._statements = statements
        self._incarnation = incarnation

    async def stored(self, lane: Lane, *, quiet_s: float, before_us: int) -> list[Span]:
        """What storage has, with no more of it coming: those that wait longest."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["stored_late"], lane, quiet_s, self._incarnation, before_us
            )
        return [Span(*row.values()) for row in rows]

    async def revision(self, span: Span) -> int:
        """One more than was given out for any part of it."""
        async with self._database.session() as session:
            highest: int = await session.fetch_value(self._statements["highest_revision"], *span)
        return highest + 1

    async def done(self, waited: Sequence[Span], corrected: Span, revision: int) -> None:
        """Forget what waited, remember the correction."""
        async with self._database.transaction() as session:
            await session.execute_many(self._statements["forget_late"], waited)
            await session.execute(self._statements["remember_correction"], *corrected, revision)

    async def note(self, lane: Lane, spans: Sequence[Span]) -> None:
        """Leave times to be computed; nothing more has to be stored for them."""
        stream = lane_queue(Exchange.FRAMES, lane)
        rows = [(*span, lane, self._incarnation, stream, STORED_ALREADY) for span in spans]
        async with self._database.transaction() as session:
            await session.execute_many(self._statements["note_late"], rows)

    async def waiting(self, lane: Lane) -> int:
        """How many wait."""
        async with self._database.session() as session:
            n: int = await session.fetch_value(self._statements["waiting_late"], lane)
        return n
