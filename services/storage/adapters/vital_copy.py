"""``signal.vital`` and ``signal.beat``: by COPY when all is new, else by merging."""

from collections.abc import Sequence

from services.storage.adapters.position_table import Step
from services.storage.core import beat_rows, vital_rows
from services.storage.core.positions import Advance
from services.storage.core.rollup import minutes_of
from services.storage.core.vital_rows import Emission, merge, stored_emission
from shared.contracts.records import Table
from shared.database.pool import Database, Session
from shared.database.statements import Statements
from shared.errors import Conflict

_BEAT_FIELDS = ("device", "t", "kind", "class", "revision", "rr_ms", "quality")


class VitalCopy:
    """Implements `VitalTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._statements = statements
        self._step = Step(database, statements)

    async def append(self, emissions: Sequence[Emission], beats: Table, advance: Advance) -> None:
        """Write rows and position in one transaction."""
        try:
            async with self._step.transaction(advance) as session:
                if session is not None:
                    await self._copy(session, emissions, beats)
        except Conflict:  # something is there already: the same once more, looking
            async with self._step.transaction(advance) as session:
                if session is not None:
                    await self._merge(session, emissions, beats)

    async def _copy(self, session: Session, emissions: Sequence[Emission], beats: Table) -> None:
        if emissions:
            await session.copy_payload(
                schema="signal",
                table="vital",
                columns=vital_rows.COLUMNS,
                payload=vital_rows.copy_payload(emissions),
            )
            await self._note_dirty(session, emissions)
        if len(beats):
            await session.copy_payload(
                schema="signal",
                table="beat",
                columns=beat_rows.COLUMNS,
                payload=beat_rows.copy_payload(beats),
            )

    async def _merge(self, session: Session, emissions: Sequence[Emission], beats: Table) -> None:
        keys = [emission.key for emission in emissions]
        rows = await session.fetch(
            self._statements["vitals_to_merge"],
            [key.patient for key in keys],
            [key.t for key in keys],
            [key.device for key in keys],
        )
        there = {row.key: row for row in (stored_emission(list(row.values())) for row in rows)}
        changed = [
            merged
            for emission in emissions
            if (merged := _merged(there.get(emission.key), emission)) is not None
        ]
        if changed:
            await session.execute_many(
                self._statements["put_vital"],
                list(zip(*vital_rows.columns_of(changed), strict=True)),
            )
            await self._note_dirty(session, changed)
        if len(beats):
            await session.execute(
                self._statements["put_beats"], *(beats[name].tolist() for name in _BEAT_FIELDS)
            )

    async def _note_dirty(self, session: Session, written: Sequence[Emission]) -> None:
        """Have minutes that are computed already computed again."""
        closed_us = await session.fetch_value(self._statements["hold_rollup_position"])
        minutes = minutes_of(((one.key.patient, one.key.t) for one in written), before_us=closed_us)
        if minutes:
            await session.execute(
                self._statements["note_dirty"],
                [one.patient for one in minutes],
                [one.t for one in minutes],
            )


def _merged(there: Emission | None, fresh: Emission) -> Emission | None:
    return fresh if there is None else merge(there, fresh)
