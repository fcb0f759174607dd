"""Clock maps of a lane: held in memory, durable before they are used."""

import asyncio
from collections.abc import Iterable, Sequence

import structlog

from services.gateway.application.ports import ClockTable
from services.gateway.core.clock_map import ClockMap, Correction, Segment
from services.gateway.core.messages import BootKey
from services.gateway.metrics import GatewayMetrics
from shared.contracts.quality import FrameFlag
from shared.errors import Unavailable
from shared.runtime.clock import Clock

log = structlog.get_logger()

MOST_HELD = 50_000
"""Boots held by a lane, about 1 KiB each; others are loaded again when they speak."""
TABLE_TIMEOUT_S = 2.0
AWAY_S = 3.0
"""After a failure PostgreSQL is left alone so long: a lane must not wait for it each time."""


class Clocks:
    """The clock maps of the boots that speak on one lane."""

    def __init__(self, table: ClockTable, clock: Clock, metrics: GatewayMetrics, lane: str) -> None:
        self._table = table
        self._clock = clock
        self._metrics = metrics
        self._lane = lane
        self._away_until_s = 0.0
        self.held: dict[BootKey, ClockMap] = {}
        """By boot; the hot loop looks here itself."""

    async def load(self, keys: Iterable[BootKey]) -> None:
        """Have the maps of these boots held, if PostgreSQL answers."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.held]
        if not missing or self._is_away():
            return
        try:
            async with asyncio.timeout(TABLE_TIMEOUT_S):
                found = await self._table.load(missing)
        except (Unavailable, TimeoutError) as error:
            self._note_away(error)
            return
        for key, stored in found.items():
            self.hold(key, ClockMap(stored.segments, stored.correction_us))
        self._metrics.known_boots.labels(self._lane).set(len(self.held))

    def hold(self, key: BootKey, clock: ClockMap) -> None:
        """Hold the map of a boot; the oldest goes where there are too many."""
        self.held[key] = clock
        while len(self.held) > MOST_HELD:
            del self.held[next(iter(self.held))]

    async def keep(
        self, proposed: Sequence[tuple[BootKey, Segment]]
    ) -> dict[tuple[BootKey, int], Segment] | None:
        """Make segments durable that are installed already; give what stands, None if they cannot.

        Where another gateway was first, its segment replaces ours; where nothing could be
        written, ours are taken out again.
        """
        stand = None
        if not self._is_away():
            try:
                async with asyncio.timeout(TABLE_TIMEOUT_S):
                    stand = dict(await self._table.keep(proposed))
            except (Unavailable, TimeoutError) as error:
                self._note_away(error)
        for key, segment in proposed:
            held = self.held[key]
            if stand is None:
                held.uninstall(segment)
                continue
            kept = stand[key, segment.from_n]
            if kept != segment:
                held.replace(segment, kept)
            kind = FrameFlag(kept.flags & (FrameFlag.CLOCK_JUMP | FrameFlag.CLOCK_ABSURD))
            self._metrics.segments.labels((kind.name or "first").lower()).inc()
        return stand

    async def correct(self, corrections: Sequence[tuple[BootKey, Correction]]) -> None:
        """Record drift; one that cannot be recorded now is found again later."""
        if self._is_away():
            return
        try:
            async with asyncio.timeout(TABLE_TIMEOUT_S):
                await self._table.correct(corrections)
        except (Unavailable, TimeoutError) as error:
            self._note_away(error)

    def _is_away(self) -> bool:
        return self._clock.monotonic_s() < self._away_until_s

    def _note_away(self, error: Exception) -> None:
        self._away_until_s = self._clock.monotonic_s() + AWAY_S
        self._metrics.loop_errors.labels("clocks").inc()
        log.warning("clock_table_unavailable", lane=self._lane, error=str(error))
