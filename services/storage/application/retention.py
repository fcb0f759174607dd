"""Retention: what has outlived its time goes, partition by partition, and of single patients.

The erasing of a patient's time uses the same steps (`erase_time`). Each step is one short
transaction; killed anywhere, the next turn goes on.
"""

import asyncio
from dataclasses import dataclass

import structlog

from services.storage.application.ports import ErasingStep, Erasures, Removals
from services.storage.core.partitions import Partitioned
from services.storage.core.retention import DeviceTime, Keeping, added, steps, without
from services.storage.metrics import StorageMetrics
from shared.errors import Invalid, Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Retention:
    """The loop."""

    keeping: Keeping
    every_s: float
    removals: Removals
    erasures: Erasures
    clock: Clock
    metrics: StorageMetrics

    async def run(self, stop: asyncio.Event) -> None:
        """Remove what is old, until the stop. Cancel-safe: each step is all or nothing."""
        while not await pause(stop, self.every_s):
            try:
                await self.turn(stop)
            except (Unavailable, Invalid) as error:
                self.metrics.retention_failures.inc()
                log.warning("retention_waits", error=str(error))

    async def turn(self, stop: asyncio.Event) -> None:
        """Remove everything that has outlived its time."""
        now_us = self.clock.now_us()
        for table in Partitioned:
            starts = await self.removals.starts(table)
            for start_us in self.keeping.is_outlived(table, starts, now_us):
                if stop.is_set():
                    return
                await self._drop(table, start_us)
        await self._rows(now_us, stop)
        for patient, times, until_us in await self.removals.own(now_us):
            for time in times:
                await erase_time(self.erasures, time, stop)
            async with self.erasures.step() as step:
                if step is not None:
                    await step.erase_rows(patient, until_us)

    async def _drop(self, table: Partitioned, start_us: int) -> None:
        try:
            dropped = await self.removals.drop(table, start_us)
        except Unavailable as error:  # somebody reads: the next turn will do
            log.info("partition_not_removed", table=table.value, error=str(error))
            return
        if dropped:
            self.metrics.removed.labels(table.value).inc()
            log.info("partition_removed", table=table.value, start_us=start_us)

    async def _rows(self, now_us: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            n = await self.removals.drop_events(now_us - self.keeping.events_us)
            n += await self.removals.drop_conflicts(now_us - self.keeping.conflicts_us)
            n += await self.removals.drop_commands(now_us - self.keeping.commands_us)
            n += await self.removals.drop_files(now_us - self.keeping.commands_us)
            self.metrics.removed.labels("rows").inc(n)
            if n == 0:
                return


async def erase_time(erasures: Erasures, time: DeviceTime, stop: asyncio.Event) -> dict[str, int]:
    """Remove all that a device sent in a time, day by day; gives the counts by table.

    Identities are remembered, so that a repeat adds nothing.
    """
    removed: dict[str, int] = {}
    oldest_us = await erasures.oldest_us()
    for start_us, end_us in steps(max(time.start_us, oldest_us), time.end_us):
        if stop.is_set():
            break
        async with erasures.step() as step:
            if step is not None:
                day = DeviceTime(time.device, start_us, end_us)
                removed = added(removed, await erase_day(step, day))
    async with erasures.step() as step:
        if step is not None:
            removed = added(removed, await step.erase_texts(time, and_later_state=False))
    return removed


async def erase_day(step: ErasingStep, time: DeviceTime) -> dict[str, int]:
    """Remove all that a device sent in a part of a day: hot first, then the blocks."""
    removed = await step.erase_device(time)
    n_blocks = await step.remove_blocks(time)
    for key, content in await step.blocks_at_ends(time):
        left = await asyncio.to_thread(without, key, content, time)
        n_blocks += 1
        if left is None:
            await step.remove_block(key)
        else:
            await step.put_block(left)
    return added(removed, {"signal.block": n_blocks} if n_blocks else {})
