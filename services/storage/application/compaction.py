"""Compaction: hours of frames that are no longer hot become compressed minutes.

One transaction an hour: writers of that hour wait, readers do not; the frames of one device and
stream after the other are read, encoded in a thread and written as blocks; the identities go to
``signal.received``; the hour is emptied. Killed anywhere, the hour is as it was. An hour that
gets late frames afterwards is compacted again, into the blocks that there are.
"""

import asyncio
from dataclasses import dataclass

import structlog

from services.storage.application.ports import FrameHours, HeldHour, Partitions
from services.storage.core.block_rows import encode_rows, identities
from services.storage.core.compaction import BEFORE_ALL, StreamKey, rest_s
from services.storage.core.partitions import Partitioned, compactable
from services.storage.core.receipt_ranges import receipt_ranges
from services.storage.metrics import StorageMetrics
from shared.contracts.instants import DAY, HOUR
from shared.contracts.records import Table
from shared.contracts.sample_block import warm_up
from shared.errors import Conflict, Invalid, Unavailable, VitalwireError
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

EMPTY_ATTEMPTS = 20
EMPTY_AGAIN_S = 0.5
REST_MOST_S = 5.0


class Stopped(VitalwireError):
    """The service stops in the middle of an hour, which stays as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionPolicy:
    """When and how hard.

    Attributes
    ----------
    hot_us : an hour is compacted so long after its end
    every_s : between two looks for such hours
    share : of the time that compaction works while it has work, 0 to 1
    """

    hot_us: int
    every_s: float
    share: float


@dataclass(slots=True, kw_only=True)
class Compaction:
    """The loop."""

    policy: CompactionPolicy
    hours: FrameHours
    partitions: Partitions
    clock: Clock
    metrics: StorageMetrics

    async def run(self, stop: asyncio.Event) -> None:
        """Compact what has become old, until the stop. Cancel-safe: an hour is all or nothing."""
        if await pause(stop, self.policy.every_s):
            return
        await asyncio.to_thread(warm_up)
        while not stop.is_set():
            try:
                await self.compact_all(stop)
            except Stopped:
                return
            except Unavailable as error:
                self.metrics.compaction_failures.inc()
                log.warning("compaction_waits", error=str(error))
            await pause(stop, self.policy.every_s)

    async def compact_all(self, stop: asyncio.Event) -> None:
        """Compact each hour that is no longer hot, the oldest first, and remove those left empty.

        Raises
        ------
        Stopped : in the middle of an hour
        """
        now_us = self.clock.now_us()
        old = compactable(await self.hours.starts(), now_us=now_us, hot_us=self.policy.hot_us)
        self.metrics.compaction_waiting.set(len(old))
        empty = []
        for start_us in old:
            if stop.is_set():
                return
            if await self.hours.is_filled(start_us):
                try:
                    await self.compact(start_us, stop)
                except (Invalid, Conflict) as error:  # harms no other hour
                    self.metrics.compaction_failures.inc()
                    log.error("hour_not_compacted", start_us=start_us, error=str(error))  # noqa: TRY400 - the text says it
            else:
                empty.append(start_us)
            self.metrics.compaction_waiting.dec()
        for start_us in empty:
            try:
                await self.hours.drop(start_us)
            except Unavailable as error:  # somebody reads: the next turn will do
                log.info("hour_not_removed", start_us=start_us, error=str(error))
                return

    async def compact(self, start_us: int, stop: asyncio.Event) -> None:
        """Compact one hour.

        Raises
        ------
        Stopped : nothing is changed
        """
        began_s = self.clock.monotonic_s()
        await self.partitions.ensure(Partitioned.BLOCK, [start_us // DAY * DAY])
        async with self.hours.hold(start_us) as hour:
            if hour is None:
                return
            n_frames, n_blocks, n_before, n_after = await self._all_streams(hour, stop)
            await self._empty(hour, stop)
        took_s = self.clock.monotonic_s() - began_s
        self.metrics.compacted_hours.inc()
        self.metrics.compacted_frames.inc(n_frames)
        self.metrics.compaction_bytes.labels("before").inc(n_before)
        self.metrics.compaction_bytes.labels("after").inc(n_after)
        self.metrics.compaction_s.observe(took_s)
        self.metrics.compaction_lag_s.set((self.clock.now_us() - start_us - HOUR) / 1e6)
        log.info(
            "hour_compacted", start_us=start_us, frames=n_frames, blocks=n_blocks,
            bytes_before=n_before, bytes_after=n_after, took_s=round(took_s, 3),
        )  # fmt: skip

    async def _all_streams(self, hour: HeldHour, stop: asyncio.Event) -> tuple[int, int, int, int]:
        """Write the blocks of the hour and note their identities; gives what it was."""
        n_frames = n_blocks = n_before = n_after = 0
        of_device: list[Table] = []
        before = BEFORE_ALL
        key = await hour.next_stream(before)
        while key is not None:
            began_s = self.clock.monotonic_s()
            if of_device and key.device != before.device:
                await self._note(hour, of_device)
                of_device = []
            batch = await hour.frames(key)
            there = await hour.blocks(key)
            encoded = await asyncio.to_thread(encode_rows, batch, there)
            await hour.put(encoded.fresh, encoded.changed)
            of_device.append(batch.table)
            rows = (*encoded.fresh, *encoded.changed)
            n_frames += len(batch)
            n_blocks += len(rows)
            n_before += encoded.n_bytes_before
            n_after += sum(len(row.content) for row in rows)
            before, key = key, await self._next(hour, key, began_s, stop)
        if of_device:
            await self._note(hour, of_device)
        return n_frames, n_blocks, n_before, n_after

    async def _next(
        self, hour: HeldHour, key: StreamKey, began_s: float, stop: asyncio.Event
    ) -> StreamKey | None:
        """The stream behind one, after a rest that leaves the machine to live data."""
        following = await hour.next_stream(key)
        rest = rest_s(self.clock.monotonic_s() - began_s, self.policy.share)
        if await pause(stop, min(rest, REST_MOST_S)):
            raise Stopped("in the middle of an hour")
        return following

    async def _note(self, hour: HeldHour, tables: list[Table]) -> None:
        await hour.note_received(receipt_ranges(*identities(tables)))

    async def _empty(self, hour: HeldHour, stop: asyncio.Event) -> None:
        """Take the frames out as soon as no reader is in the way."""
        for attempt in range(EMPTY_ATTEMPTS):
            try:
                await hour.empty()
            except Unavailable:
                if attempt + 1 == EMPTY_ATTEMPTS:
                    raise
                if await pause(stop, EMPTY_AGAIN_S):
                    raise Stopped("before an hour was empty") from None
            else:
                return
