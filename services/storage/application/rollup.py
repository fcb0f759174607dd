"""Minutes and hours of vital signs, for all patients, and again for what changed.

Every step is one transaction and may be repeated: killed anywhere, the next one does it again.
"""

import asyncio
from dataclasses import dataclass, field

import numpy as np
import structlog

from services.storage.application.ports import Partitions, Rollups
from services.storage.core.partitions import Partitioned, partition_starts
from services.storage.core.rollup import (
    FIRST_STRETCH_US,
    LONG_STEP_S,
    NOT_OPEN,
    close_to,
    first_to_compute,
    fitting_stretch,
    hours_of,
    next_stretch,
    whole_hour,
)
from services.storage.metrics import StorageMetrics
from shared.errors import Invalid, Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

DIRTY_MOST = 500  # minutes of patients in one transaction: some 10 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupPolicy:
    """When.

    Attributes
    ----------
    settle_us : a minute is closed so long after its end
    every_s : between two looks for what there is to do
    """

    settle_us: int
    every_s: float


@dataclass(slots=True, kw_only=True)
class RollingUp:
    """The loop."""

    policy: RollupPolicy
    rollups: Rollups
    partitions: Partitions
    clock: Clock
    metrics: StorageMetrics
    _most_us: int = field(default=FIRST_STRETCH_US, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Roll up until the stop. Cancel-safe: each step is all or nothing."""
        while not stop.is_set():
            try:
                await self.catch_up(stop)
            except (Unavailable, Invalid) as error:
                self._most_us = fitting_stretch(self._most_us, 2 * LONG_STEP_S)
                self.metrics.rollup_failures.inc()
                log.warning("rollup_waits", error=str(error))
            await pause(stop, self.policy.every_s)

    async def catch_up(self, stop: asyncio.Event) -> None:
        """Compute what is closed and what has changed, until nothing is left or the stop."""
        await self._close()
        while not stop.is_set() and await self._next_minutes():
            pass
        while not stop.is_set() and await self._next_dirty():
            pass
        position = await self.rollups.position()
        self.metrics.rollup_lag_s.set((self.clock.now_us() - position.done_us) / 1e6)

    async def _close(self) -> None:
        now_us = self.clock.now_us()
        if (await self.rollups.position()).closed_us == NOT_OPEN:
            await self.rollups.open(first_to_compute(await self.rollups.first_values(), now_us))
        await self.rollups.close(close_to(now_us, self.policy.settle_us))

    async def _next_minutes(self) -> bool:
        """Compute the rest of an hour that is closed; whether there may be more."""
        stretch = next_stretch(await self.rollups.position(), self._most_us)
        if stretch is None:
            return False
        began_s = self.clock.monotonic_s()
        await self._ensure([stretch[0]])
        async with self.rollups.step() as step:
            if step is None:
                return False
            await step.make_minutes(*stretch)
            hour = whole_hour(stretch[1])
            if hour is not None:
                await step.make_hours(*hour)
            await step.finish(*stretch)
        self._most_us = fitting_stretch(self._most_us, self.clock.monotonic_s() - began_s)
        self.metrics.rolled_up.labels("closed").inc()
        return True

    async def _next_dirty(self) -> bool:
        """Compute minutes that changed again, with their hours; whether there may be more."""
        async with self.rollups.step() as step:
            if step is None:
                return False
            minutes = await step.take_dirty(DIRTY_MOST)
            if not minutes:
                return False
            await self._ensure([one.t for one in minutes])
            await step.make_minutes_of(minutes)
            await step.make_hours_of(hours_of(minutes))
        self.metrics.rolled_up.labels("changed").inc(len(minutes))
        return len(minutes) == DIRTY_MOST

    async def _ensure(self, times_us: list[int]) -> None:
        times = np.array(times_us, dtype=np.int64)
        for table in (Partitioned.VITAL_MINUTE, Partitioned.VITAL_HOUR):
            await self.partitions.ensure(table, partition_starts(table, times))
