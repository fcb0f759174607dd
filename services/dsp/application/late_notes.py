"""Late data of one lane as it comes: the time that it touches is left to be computed again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from services.dsp.application.ports import Frames, Positions, Source, StreamMessage
from services.dsp.core.estimators import MOST_CHANNELS, mains_of
from services.dsp.core.exchange import Noted, Position, Span
from services.dsp.core.lane import LateSamples
from services.dsp.core.recomputation import touched_us
from services.dsp.metrics import DspMetrics
from shared.contracts.frames import FrameBatch, decode_frames
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, lane_queue
from shared.contracts.records import BadBatch
from shared.runtime.retry import Retry

LOOP = "late"
COMPUTED_STREAMS = frozenset(MOST_CHANNELS)


@dataclass(slots=True, kw_only=True)
class LateNotes:
    """Reads the late frames of a lane and notes the time that they touch."""

    lane: Lane
    frames: Frames
    positions: Positions
    metrics: DspMetrics
    retry: Retry
    _source: Source | None = field(default=None, init=False)

    @property
    def is_at_end(self) -> bool:
        """Whether everything that there is was taken."""
        return self._source is not None and self._source.is_at_end

    async def run(self, stop: asyncio.Event) -> None:
        """Note until the stop. Cancel-safe: the position is saved together with the notes."""
        stream = lane_queue(Exchange.LATE, self.lane)
        position = await self.retry.run(lambda: self.positions.load(stream), until=stop)
        start = None if position is None else position.replay_offset
        async with self.frames.open(stream, start=start) as source:
            self._source = source
            async for batch in source.batches(until=stop):
                if batch.discontinuity is not None:
                    self.metrics.gaps.labels(LOOP).inc()  # storage tells of it
                await self._note(stream, batch.messages, stop)

    async def _note(
        self, stream: str, messages: Sequence[StreamMessage], stop: asyncio.Event
    ) -> None:
        last = messages[-1].offset
        spans: list[LateSamples] = []
        now_us = 0
        for message in messages:
            self.metrics.messages.labels(LOOP).inc()
            batch = decode_frames(message.body)
            if isinstance(batch, BadBatch):  # storage parks it
                self.metrics.bad_batches.labels(LOOP).inc()
                continue
            self.metrics.frames.labels(LOOP).inc(len(batch))
            spans += touched(batch)
            now_us = max(now_us, int(batch.table["received"].max()))
        noted = [Noted(samples=LateSamples(*span), offset=last) for span in merged(spans)]
        position = Position(last + 1, last, now_us)
        await self.retry.run(
            lambda: self.positions.save(stream, self.lane, position, noted), until=stop
        )
        self.metrics.saves.labels(LOOP).inc()
        self.metrics.late_noted.inc(len(noted))


def touched(batch: FrameBatch) -> list[LateSamples]:
    """The time of each frame from which something is computed, for each stream it matters to."""
    found = []
    table = batch.table
    for index in np.flatnonzero(np.isin(table["stream"], list(COMPUTED_STREAMS))).tolist():
        row = table[index]
        width = 2 if row["format"] == 1 else 4
        n = int(row["size"]) // (width * int(row["channels"]))
        start = int(row["t0"])
        end = start + max(1, n * int(row["interval_ns"]) // 1000)
        device = int(row["device"])
        found += [LateSamples(device, main, start, end) for main in mains_of(int(row["stream"]))]
    return found


def merged(spans: Sequence[LateSamples | Span]) -> list[Span]:
    """Spans of one stream that are near each other as one: they touch the same values."""
    out: list[Span] = []
    for device, stream, start, end in sorted(spans):
        last = out[-1] if out else None
        near = last is not None and last[:2] == (device, stream)
        if last is not None and near and start <= last.end_us + touched_us(stream):
            out[-1] = last._replace(end_us=max(last.end_us, end))
        else:
            out.append(Span(device, stream, start, end))
    return out
