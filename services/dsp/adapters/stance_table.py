"""``registry.stance`` and ``dsp.stance``: how sensors sit on their wearers, looked at now and then.

Whose wearer stood is told by people; how chest and thigh sit is read from the samples stored of
those seconds, once, and holds from a moment that all who compute know of before it comes.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from services.dsp.adapters.sample_reader import SampleReader
from services.dsp.core.exchange import Span
from services.dsp.core.motion.stances import Sitting, Stances, ToldStance, Unread, sitting_of
from services.dsp.core.motion.wearing import STAND_S
from services.dsp.core.wearers import FOR_EVER_US
from services.dsp.core.windows import SECOND_US
from shared.contracts.streams import Stream
from shared.database.pool import Database, Row
from shared.database.statements import Statements
from shared.errors import Invalid

log = structlog.get_logger()

STARTS_AFTER_S = 15.0  # as maps of places: by then all who compute know of it
WAITED_US = 60 * SECOND_US  # for samples to be stored: devices may send half a minute late


@dataclass(slots=True)
class StanceTable:
    """Gives `Stances`."""

    database: Database
    statements: Statements
    samples: SampleReader
    _stances: Stances = field(default_factory=Stances)
    _rows: list[tuple[Any, ...]] = field(default_factory=list)

    def stances(self) -> Stances:
        """What was known at the last look."""
        return self._stances

    async def refresh(self) -> bool:
        """Read what was told and what was found; gives whether anything changed."""
        async with self.database.session() as session:
            waiting = await session.fetch(self.statements["stances_told"])
        for row in waiting:
            await self._look(row)
        async with self.database.session() as session:
            rows = await session.fetch(self.statements["stances"])
        known = [tuple(row.values()) for row in rows]
        if known == self._rows:
            return False
        self._rows, self._stances = known, Stances(map(_told, rows))
        log.info("stances_changed", known=len(known))
        return True

    async def _look(self, row: Row) -> None:
        """Read the samples of a told stance, when they are there."""
        end_us = row["at_us"]
        span = Span(row["device_id"], Stream.ACCELEROMETER, end_us - STAND_S * SECOND_US, end_us)
        try:
            frames = await self.samples.frames(span)
        except Invalid:
            log.exception("stance_not_read", stance=row["id"])
            frames = None
        found = await asyncio.to_thread(sitting_of, frames, end_us)
        if found is Unread.NO_SAMPLES and row["age_us"] < WAITED_US:
            return
        known = found if isinstance(found, Sitting) else None
        async with self.database.session() as session:
            await session.execute(
                self.statements["keep_stance"], row["id"], STARTS_AFTER_S,
                None if known is None else known.chest.tolist(),
                None if known is None else known.thigh.tolist(),
                found.value if isinstance(found, Unread) else None,
            )  # fmt: skip


def _told(row: Row) -> ToldStance:
    until_us = FOR_EVER_US if row["until_us"] is None else row["until_us"]
    sitting = Sitting(np.array(row["chest"]), np.array(row["thigh"]))
    return ToldStance(row["device_id"], row["from_us"], until_us, sitting)
