"""Stored samples of a patient: which there are, and their frames in the order of time.

Of a device a patient is shown only what it sent while the patient wore it. Memory is bounded by
a window of samples a reader and by the number of readers at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

import numpy as np
import structlog

from services.api.core.sample_runs import batch_of
from services.api.core.sight import SeenPatient
from shared.contracts.frames import FRAME, FrameBatch
from shared.contracts.instants import HOUR, MINUTE, Interval, Microseconds
from shared.contracts.records import BadBatch
from shared.contracts.sample_block import LONGEST_FRAME_US, decode_block, join_frames
from shared.contracts.streams import Stream
from shared.database.pool import Database, Row
from shared.database.statements import Statements

log = structlog.get_logger()

_WINDOW_SAMPLES = 1_000_000  # at once: 2 MB as counted, 8 MB a channel as numbers
_WINDOW_MINUTES = 360  # at most, of slow streams: a frame a second is 21,600 rows
_READERS = 4  # windows in memory at the same time
_COLUMN_TYPES = {
    "t0": ">i8", "boot": ">i8", "n": ">i8", "part": ">i2", "interval_ns": ">i8",
    "channels": ">i2", "format": ">i2", "scale": ">f4", "add_offset": ">f4", "size": ">i4",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSource:
    """One device, place, interval and number of channels that sent a stream while it was worn."""

    device_id: int
    device: str
    model: str
    stream: Stream
    place: int
    interval_ns: int
    channels: int
    n_samples: int
    worn: Interval
    """The part of the time asked for in which the patient wore it: what is outside is not theirs"""
    filled: Interval
    """From the first to the last stored sample of it, about"""
    hot: Interval
    """The same of those samples that are in no block yet"""

    def within(self, interval: Interval) -> Interval:
        """The part of an interval in which the patient wore it."""
        start = max(int(interval.start), int(self.worn.start))
        return _interval(start, min(int(interval.end), int(self.worn.end)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """Extremes of a stored minute, or its frames where it reaches beyond the interval."""

    t0_us: int
    low: Sequence[float | None]
    high: Sequence[float | None]
    frames: FrameBatch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """Rows of a window, of which one may be asked for alone."""

    frames: Row | None
    blocks: Row | None


class SampleReader:
    """Reads frames and blocks as one."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements
        self._places = asyncio.Semaphore(_READERS)

    async def sources(
        self, patient: SeenPatient, stream: Stream, interval: Interval
    ) -> list[TraceSource]:
        """What there is of a stream, the source with most samples first."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["sources"], patient.id, interval.start, interval.end, int(stream)
            )
        return _sources(stream, rows)

    async def batches(
        self, source: TraceSource, interval: Interval
    ) -> AsyncGenerator[FrameBatch, None]:
        """Frames that reach into an interval, each once, window by window in the order of time."""
        for window in _windows(source, interval, source.filled):
            async with self._places:
                stored = await self._read(source, window)
                batch = await asyncio.to_thread(_joined, source, stored)
            if batch is not None:
                yield batch

    async def take(
        self, source: TraceSource, interval: Interval, taken: Callable[[FrameBatch], None]
    ) -> None:
        """The same, each batch given to a function in the thread that has joined it."""
        for window in _windows(source, interval, source.filled):
            async with self._places:
                stored = await self._read(source, window)
                await asyncio.to_thread(_give, source, stored, taken)

    async def take_hot(
        self, source: TraceSource, interval: Interval, taken: Callable[[FrameBatch], None]
    ) -> None:
        """The same of frames that are in no block yet. Read them before the minutes."""
        for window in _windows(source, interval, source.hot):
            async with self._places:
                row = await self._fetch("frames", source, window)
                await asyncio.to_thread(_give, source, _Stored(frames=row, blocks=None), taken)

    async def minutes(
        self, source: TraceSource, interval: Interval
    ) -> AsyncGenerator[list[Minute], None]:
        """Extremes of the minutes that are in blocks, a day at a time."""
        start = int(interval.start) // MINUTE * MINUTE - LONGEST_FRAME_US
        while start < interval.end:
            end = min(start + 24 * HOUR, int(interval.end))
            async with self._places:
                async with self._database.session() as session:
                    rows = await session.fetch(
                        self._statements["minutes"],
                        source.device_id,
                        int(source.stream),
                        source.place,
                        start,
                        end,
                        interval.start,
                        interval.end,
                    )
                found = await asyncio.to_thread(_minutes, source, rows)
            yield found
            start = end

    async def _read(self, source: TraceSource, window: Interval) -> _Stored:
        if window.end <= source.hot.start or source.hot.end <= window.start:
            return _Stored(frames=None, blocks=await self._fetch("blocks", source, window))
        row = await self._fetch("frames_and_blocks", source, window)
        return _Stored(frames=row, blocks=row)

    async def _fetch(self, statement: str, source: TraceSource, window: Interval) -> Row:
        async with self._database.session() as session:
            row = await session.fetch_one(
                self._statements[statement],
                source.device_id,
                int(source.stream),
                source.place,
                window.start,
                window.end,
            )
        assert row is not None, "an aggregate has one row"
        return row


def _windows(source: TraceSource, interval: Interval, filled: Interval) -> list[Interval]:
    """Whole minutes one behind the other, from a longest frame before the interval to its end."""
    start = max(int(interval.start) - LONGEST_FRAME_US, int(filled.start)) // MINUTE * MINUTE
    end = min(int(interval.end), int(filled.end))
    minutes = _WINDOW_SAMPLES * source.interval_ns // 1_000 // source.channels // MINUTE
    width = max(1, min(minutes, _WINDOW_MINUTES)) * MINUTE
    return [_interval(at, min(at + width, end)) for at in range(start, end, width)]


def _interval(start: int, end: int) -> Interval:
    return Interval(start=Microseconds(start), end=Microseconds(max(start, end)))


def _give(source: TraceSource, stored: _Stored, taken: Callable[[FrameBatch], None]) -> None:
    batch = _joined(source, stored)
    if batch is not None:
        taken(batch)


def _joined(source: TraceSource, stored: _Stored) -> FrameBatch | None:
    hot = [] if stored.frames is None else [_unpacked(stored.frames)]
    cold = []
    if stored.blocks is not None and stored.blocks["t0s"] is not None:
        for t0_us, content in zip(stored.blocks["t0s"], stored.blocks["contents"], strict=True):
            batch = _decoded(source, t0_us, content)
            batch.table["device"] = 0  # as of the frames above: an identity of this one device
            cold.append(batch)
    return join_frames([*hot, *cold])


def _unpacked(row: Row) -> FrameBatch:
    table = np.zeros(row["n_frames"], dtype=FRAME)
    for name, kind in _COLUMN_TYPES.items():
        field = "offset" if name == "add_offset" else name
        table[field] = np.frombuffer(row[name] or b"", dtype=kind)
    table["start"] = np.cumsum(table["size"], dtype=np.int64) - table["size"]
    return FrameBatch(table, memoryview(row["samples"] or b""))


def _decoded(source: TraceSource, t0_us: int, content: bytes) -> FrameBatch:
    batch = decode_block(content)
    if isinstance(batch, BadBatch):
        # What cannot be read is a gap to who asks, and a page of the runbook to who runs it.
        log.error(
            "block_unreadable",
            device=source.device,
            stream=source.stream.name.lower(),
            t0=t0_us,
            fault=batch.fault.value,
        )
        return batch_of({}, [])
    return batch


def _minutes(source: TraceSource, rows: Sequence[Row]) -> list[Minute]:
    return [
        Minute(
            t0_us=row["t0"],
            low=row["low"],
            high=row["high"],
            frames=(
                _decoded(source, row["t0"], row["content"]) if row["content"] is not None else None
            ),
        )
        for row in rows
    ]


def _sources(stream: Stream, rows: Sequence[Row]) -> list[TraceSource]:
    kinds: dict[tuple[int, int, int, int, int], list[Row]] = {}
    for row in rows:
        key = (row["device_id"], row["start_us"], row["place"], row["interval_ns"], row["channels"])
        kinds.setdefault(key, []).append(row)
    found = [
        TraceSource(
            device_id=device_id,
            device=of_one[0]["device"],
            model=of_one[0]["model"],
            stream=stream,
            place=place,
            interval_ns=interval_ns,
            channels=channels,
            n_samples=sum(row["n_samples"] for row in of_one),
            worn=_interval(of_one[0]["start_us"], of_one[0]["end_us"]),
            filled=_extent(of_one),
            hot=_extent([row for row in of_one if row["is_hot"]]),
        )
        for (device_id, _, place, interval_ns, channels), of_one in kinds.items()
    ]
    return sorted(
        found,
        key=lambda one: (
            -one.n_samples,
            one.device_id,
            one.worn.start,
            one.place,
            one.interval_ns,
            one.channels,
        ),
    )


def _extent(rows: Sequence[Row]) -> Interval:
    if not rows:
        return _interval(0, 0)
    return _interval(min(row["first_us"] for row in rows), max(row["last_us"] for row in rows) + 1)
