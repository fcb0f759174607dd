"""Frames: each identity once in ``signal.frame``, and a receipt for all that came.

Order of things: what cannot be read is parked, conflicts are told as events (both may be told
twice, never not at all); then rows and position in one transaction; then the receipts, also for
repeats and refused ones, which settles them for the device.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from services.storage.application.ports import (
    EventStream,
    FrameTable,
    Parking,
    Partitions,
    Receipts,
)
from services.storage.core.erased import Fence
from services.storage.core.frame_rows import (
    FrameRows,
    RefusedFrames,
    Repeated,
    StoredFrames,
    first_of_each,
    gather,
)
from services.storage.core.known_messages import KnownMessages, shares_a_message
from services.storage.core.partitions import Partitioned, admitted, partition_starts
from services.storage.core.positions import Advance, StreamMessage
from services.storage.core.receipt_ranges import receipt_ranges
from services.storage.metrics import StorageMetrics
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.formats import FRAMES_V1
from shared.contracts.frames import FrameBatch, decode_frames
from shared.contracts.names import Header
from shared.contracts.parking import Reason
from shared.contracts.records import BadBatch, BatchFault, Table
from shared.errors import Invalid
from shared.runtime.clock import Clock

log = structlog.get_logger()

CONFLICT_EVENTS_MOST = 16  # of one commit: a device that repeats itself wrongly floods nobody
REPEATED_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBounds:
    """Times of frames that are let in, around now."""

    back_us: int
    ahead_us: int


class LaneKnowledge:
    """What the two frame writers of a lane share: known messages, and those being written.

    A frame on its way in one writer is not in the table yet: the other one waits for it before
    it looks there.

    Parameters
    ----------
    table : tells what is not known
    """

    def __init__(self, known: KnownMessages, table: FrameTable) -> None:
        self._known = known
        self._table = table
        self._in_flight: dict[str, Table] = {}
        self._changed = asyncio.Event()

    async def claim(self, writer: str, rows: FrameRows) -> NDArray[np.bool_]:
        """Say that the writer writes these rows (sorted by identity); which are surely new.

        The others must be looked up. Cancel-safe: cancelled, nothing is claimed.
        """
        table = rows.table
        while True:
            generation = self._known.generation
            unknown = self._known.unknown(table)
            if unknown:
                self._known.learn(await self._table.highest(unknown), generation=generation)
                continue
            new = self._known.surely_new(table)
            if not self._writes_one_of(table[~new], writer):
                self._known.claim(table)  # nothing was awaited since `surely_new`
                self._in_flight[writer] = table
                return new
            self._changed.clear()
            await self._changed.wait()

    def settle(self, writer: str, *, written: bool) -> None:
        """Say that the claimed rows are written, or not going to be."""
        if not written:
            self._known.forget()
        self._in_flight.pop(writer, None)
        self._changed.set()

    def _writes_one_of(self, suspects: Table, writer: str) -> bool:
        """Whether another writer is writing one of these messages."""
        return len(suspects) > 0 and any(
            shares_a_message(suspects, table)
            for other, table in self._in_flight.items()
            if other != writer
        )


@dataclass(slots=True)
class FrameWork:
    """Writes the frames of ``frames.{lane}`` or ``late.{lane}``.

    Parameters
    ----------
    kind : `frames` or `late`, for metrics
    bounds : times that are let in
    """

    kind: str
    bounds: TimeBounds
    table: FrameTable
    partitions: Partitions
    knowledge: LaneKnowledge
    receipts: Receipts
    parking: Parking
    events: EventStream
    clock: Clock
    metrics: StorageMetrics
    fence: Fence

    async def commit(self, messages: Sequence[StreamMessage], advance: Advance) -> None:
        """Make the frames durable with the position, then send their receipts."""
        stream = advance.position.stream
        batches: list[FrameBatch] = []
        for message in messages:
            read = _read(message)
            if isinstance(read, FrameBatch):
                batches.append(read)
            else:
                reason, detail = read
                await self.parking.park(message, stream=stream, reason=reason, detail=detail)
                self.metrics.parked.labels(self.kind, reason).inc()
        everything = gather(batches) if batches else None
        if everything is None:
            await self.table.append(_NONE, [], advance)
            return
        await self._store(everything, advance)
        self._count(everything)
        await self._send_receipts(everything, messages, advance)

    async def _store(self, everything: FrameRows, advance: Advance) -> None:
        """Tell new, repeated, conflicting and absurd frames apart, and write."""
        timely = admitted(
            everything.table["t0"],
            now_us=self.clock.now_us(),
            back_us=self.bounds.back_us,
            ahead_us=self.bounds.ahead_us,
        )
        refused: list[RefusedFrames] = []
        if not timely.all():
            refused.append(RefusedFrames(everything.take(~timely), Reason.BAD_TIME))
        rows = everything.take(timely)
        gone = self.fence.erased.of_devices(rows.table["device"], rows.table["t0"])
        if gone.any():  # settled, and nothing else
            self.metrics.fenced.labels("frame").inc(int(gone.sum()))
            rows = rows.take(~gone)
        first = first_of_each(rows)
        candidates, repeats = rows.take(first), rows.take(~first) if not first.all() else _NONE
        await self.partitions.ensure(
            Partitioned.FRAME, partition_starts(Partitioned.FRAME, candidates.table["t0"])
        )
        for attempt in range(REPEATED_ATTEMPTS):
            try:
                await self._write(candidates, repeats, refused, advance)
            except Repeated:
                log.info("repeats_found", stream=advance.position.stream, attempt=attempt)
            except Invalid as error:
                if not await self._made_partitions_again(candidates, error):
                    raise
            else:
                return
        raise Invalid(f"{advance.position.stream}: rows are new by look-up and repeated by COPY")

    async def _write(
        self,
        candidates: FrameRows,
        repeats: FrameRows,
        refused: Sequence[RefusedFrames],
        advance: Advance,
    ) -> None:
        new = await self.knowledge.claim(self.kind, candidates)
        written = False
        try:
            fresh, conflicts = await self._tell_apart(candidates, repeats, new)
            if conflicts:
                await self._tell_conflicts(conflicts)
            await self.table.append(fresh, [*refused, *conflicts], advance)
            written = True
        finally:
            self.knowledge.settle(self.kind, written=written)
        self.metrics.rows.labels("frame").inc(len(fresh))
        self.metrics.rows_a_commit.labels(self.kind).observe(len(fresh))
        for one in (*refused, *conflicts):
            self.metrics.refused.labels(self.kind, one.reason).inc(len(one.rows))
        n_conflicts = sum(len(one.rows) for one in conflicts)
        n_known = len(candidates) - len(fresh) + len(repeats) - n_conflicts
        self.metrics.duplicates.labels(self.kind).inc(n_known)

    async def _tell_apart(
        self, candidates: FrameRows, repeats: FrameRows, new: NDArray[np.bool_]
    ) -> tuple[FrameRows, list[RefusedFrames]]:
        """The rows to write, and those whose identity is taken by other content."""
        if new.all() and not len(repeats):
            return candidates, []
        stored = StoredFrames({}, set(), set())
        if not new.all():
            suspects = candidates.take(~new)
            self.metrics.looked_up.labels(self.kind).inc(len(suspects))
            stored = await self.table.stored(suspects)
        keys = candidates.keys()
        there = np.array([stored.holds(key) for key in keys], dtype=np.bool_)
        conflicts = _conflicts(candidates.take(there), stored)
        if len(repeats):
            for key, content in zip(keys, candidates.contents(), strict=True):
                if not stored.holds(key):
                    stored.contents[key] = content
            conflicts += _conflicts(repeats, stored)
        return candidates.take(~there), conflicts

    async def _tell_conflicts(self, conflicts: Sequence[RefusedFrames]) -> None:
        events = []
        for one in conflicts:
            keys = sorted({key[:3] for key in one.rows.keys()})  # noqa: SIM118 - no mapping
            for device, boot, n in keys[:CONFLICT_EVENTS_MOST]:
                log.warning("identity_conflict", device=device, boot=boot, n=n)
                events.append(
                    Event(
                        id=event_id(EventKind.IDENTITY_CONFLICT, device, boot, n),
                        t=self.clock.now_us(),
                        kind=EventKind.IDENTITY_CONFLICT,
                        severity=Severity.MEDIUM,
                        source="storage",
                        text_key="identity_conflict",
                        device=device,
                        data={"boot": boot, "n": n, "reason": one.reason.value},
                    )
                )
        await self.events.tell(events)

    async def _made_partitions_again(self, rows: FrameRows, error: Invalid) -> bool:
        """Whether the error was a partition that went away, which is there again now."""
        if "no partition" not in str(error):
            return False
        self.partitions.forget()
        await self.partitions.ensure(
            Partitioned.FRAME, partition_starts(Partitioned.FRAME, rows.table["t0"])
        )
        return True

    async def _send_receipts(
        self, rows: FrameRows, messages: Sequence[StreamMessage], advance: Advance
    ) -> None:
        table = rows.table
        receipts = receipt_ranges(
            *(table[name].astype(np.int64) for name in ("device", "boot", "n"))
        )
        headers: dict[str, str | int] = {Header.INCARNATION: advance.position.incarnation}
        n_bytes = messages[-1].headers.get(Header.BYTES)
        if isinstance(n_bytes, int):
            headers[Header.BYTES] = n_bytes
            headers["stream"] = advance.position.stream
        await self.receipts.send(receipts, headers)

    def _count(self, rows: FrameRows) -> None:
        newest = int(rows.table["received"].max())
        self.metrics.lag_s.labels(self.kind).observe(
            max(0.0, (self.clock.now_us() - newest) / 1_000_000)
        )


def _conflicts(rows: FrameRows, stored: StoredFrames) -> list[RefusedFrames]:
    """Rows whose identity is taken by other content. Of what was removed nobody can tell."""
    other = np.array(
        [
            key not in stored.removed and stored.contents.get(key) != content
            for key, content in zip(rows.keys(), rows.contents(), strict=True)
        ],
        dtype=np.bool_,
    )
    return [RefusedFrames(rows.take(other), Reason.CONFLICT)] if other.any() else []


def _read(message: StreamMessage) -> FrameBatch | tuple[Reason, str]:
    if message.type != FRAMES_V1.name:
        return Reason.UNSUPPORTED_VERSION, f"format {message.type!r}"
    read = decode_frames(message.body)
    if isinstance(read, BadBatch):
        version = read.fault is BatchFault.UNSUPPORTED_VERSION
        reason = Reason.UNSUPPORTED_VERSION if version else Reason.BAD_BATCH
        return reason, f"{read.fault}: {read.detail}"
    return read


_NONE = gather([])
