"""``dsp.late_interval`` and ``dsp.correction``: late data that waits, and what was made of it."""

from collections.abc import Sequence

from services.dsp.core.exchange import Later, Span, Waiting
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

    async def stored_offset(self, lane: Lane) -> int:
        """The newest message of a lane's frames that storage has; -1 for none."""
        stream = lane_queue(Exchange.FRAMES, lane)
        async with self._database.session() as session:
            offset: int | None = await session.fetch_value(
                self._statements["stored_offset"], self._incarnation, stream
            )
        return -1 if offset is None else offset

    async def stored(self, lane: Lane, *, quiet_s: float, before_us: int) -> list[Waiting]:
        """What storage has, with no more of it coming: those that wait longest."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["stored_late"], lane, quiet_s, self._incarnation, before_us
            )
        return [
            Waiting(Span(*list(row.values())[:4]), row["shown_us"], row["noted_at"]) for row in rows
        ]

    async def revision(self, span: Span) -> int:
        """One more than was given out for any part of it."""
        async with self._database.session() as session:
            highest: int = await session.fetch_value(self._statements["highest_revision"], *span)
        return highest + 1

    async def done(
        self, corrected: Span, revision: int, *, finished: Sequence[Waiting], later: Sequence[Later]
    ) -> None:
        """Remember the correction, forget what waited for it or put it off."""
        forgotten = [(*one.span, one.noted_at) for one in finished]
        put_off = [
            (*one.waiting.span, one.waiting.noted_at, one.shown_us, one.due_us) for one in later
        ]
        async with self._database.transaction() as session:
            await session.execute_many(self._statements["forget_late"], forgotten)
            await session.execute_many(self._statements["put_off_late"], put_off)
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
