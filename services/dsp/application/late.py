"""Late data of one lane: noted as it comes, computed again from storage in its own time.

What came late leaves the time that it touches to be done; the samples of that time are read back
from storage, go through the same estimators, and what comes out is given out in a higher
revision. So the last revision is what an undisturbed run would have given. What was told by now is
corrected at once, and each minute what was told since; as live values go on to rest on the time
that was touched, for as long as their estimators remember, all of it is computed once more when
they do not any longer.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import structlog

from services.dsp.application.ports import (
    Assignments,
    Frames,
    LateTable,
    Outlet,
    Positions,
    Source,
    StoredSamples,
    StreamMessage,
)
from services.dsp.core.estimators import ESTIMATORS, MOST_CHANNELS, companions_of, mains_of
from services.dsp.core.exchange import Noted, Position, Span, Values
from services.dsp.core.lane import Computed, LateSamples
from services.dsp.core.patients import BY_MEASURE, FUSED_VALUES, fused_again
from services.dsp.core.recomputation import (
    AFTER_US,
    BEFORE_US,
    PIECE_US,
    all_of,
    recompute_in_parts,
    revised,
    touched_us,
    warm_up_us,
    withdrawn,
)
from services.dsp.core.summaries import BEATS_FIVE_MINUTES, summarised, windows_of
from services.dsp.core.wearers import NOBODY
from services.dsp.metrics import DspMetrics
from shared.contracts.beats import BeatKind
from shared.contracts.events import Event
from shared.contracts.frames import FrameBatch, decode_frames
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, lane_queue
from shared.contracts.quality import ValueFlag
from shared.contracts.records import BadBatch
from shared.contracts.sample_block import join_frames
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.quarantine import Choked, attempt_twice
from shared.runtime.retry import Retry
from shared.runtime.waiting import pause

log = structlog.get_logger()
LOOP = "late"
SECOND_US = 1_000_000
SHOWN_EACH_US = 60 * SECOND_US
COMPUTED_STREAMS = frozenset(MOST_CHANNELS)
MAIN_STREAMS = frozenset(int(estimator.stream) for estimator in ESTIMATORS)
LEAST_TOUCHED_US = min(touched_us(stream) for stream in MAIN_STREAMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePace:
    """How patient the late loop is, from settings."""

    interval_s: float
    quiet_s: float
    wait_s: float


@dataclass(slots=True, kw_only=True)
class LateNotes:
    """Reads the late frames of a lane and notes the time that they touch."""

    lane: Lane
    frames: Frames
    positions: Positions
    clock: Clock
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


def findings_of(computed: Computed) -> list[Event]:
    """What estimators found, marked as late. What was told live has the same id and stays.

    Electrodes and holes are told live only: an alarm of now must not rise from them.
    """
    return [
        msgspec.structs.replace(event, data={**event.data, "late": True})
        for event in computed.events
        if "has_ended" in event.data
    ]


@dataclass(slots=True, kw_only=True)
class LateLane:
    """Computes again what late data of one lane has touched."""

    lane: Lane
    table: LateTable
    samples: StoredSamples
    assignments: Assignments
    outlet: Outlet
    pace: LatePace
    clock: Clock
    metrics: DspMetrics
    retry: Retry
    _shown: dict[Span, int] = field(default_factory=dict, init=False)
    """What waits, and the time up to which it was worked into what was told."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work in what is due, until the stop.

        Cancel-safe: what was noted is forgotten only after the values are confirmed; done again
        it gives the same values in the same revision.
        """
        while not stop.is_set():
            try:
                await self._turn(stop)
            except Unavailable as error:
                self.metrics.failures.labels(error.dependency).inc()
                log.warning("late_data_waits", lane=self.lane, error=str(error))
            await pause(stop, self.pace.interval_s)

    async def _turn(self, stop: asyncio.Event) -> None:
        before_us = self.clock.now_us() - round(self.pace.wait_s * SECOND_US)
        stored = await self.table.stored(
            self.lane, quiet_s=self.pace.quiet_s, before_us=before_us - LEAST_TOUCHED_US
        )
        self._shown = {span: self._shown[span] for span in stored if span in self._shown}
        for span in merged(stored):
            if stop.is_set():
                return
            inside = [
                one for one in stored
                if one[:2] == span[:2] and span.start_us <= one.start_us < span.end_us
            ]  # fmt: skip
            if span.end_us + touched_us(span.stream) > before_us:
                await self._correct_for_now(inside, before_us)  # live values still rest on it
            elif span.stream == BEATS_FIVE_MINUTES:
                await self._summarise(span, inside)
            elif span.stream == FUSED_VALUES:
                await self._fuse(span, inside)
            else:
                await self._correct(span, inside)
        self.metrics.late_waiting.labels(str(self.lane)).set(await self.table.waiting(self.lane))

    async def _correct_for_now(self, waiting: Sequence[Span], before_us: int) -> None:
        """Compute again what was told before a time: at once what is new, the rest each minute."""
        if waiting[0].stream not in MAIN_STREAMS:
            return
        before_us = before_us // SECOND_US * SECOND_US
        is_due = False
        starts, ends = [], []
        for one in waiting:
            whole = _touched(one)
            until_us = self._shown.get(one, whole.start_us)
            end_us = min(whole.end_us, before_us)
            if end_us > until_us:
                starts.append(until_us)
                ends.append(end_us)
                is_due |= one not in self._shown or before_us - until_us >= SHOWN_EACH_US
        if not is_due:
            return
        known = waiting[0]._replace(start_us=min(starts), end_us=max(ends))
        revision = await self._compute_again(known)
        await self.table.done([], known, revision)
        self._shown.update(dict.fromkeys(waiting, known.end_us))
        log.info("late_data_shown", device=known.device, stream=known.stream, revision=revision)

    async def _correct(self, span: Span, waited: Sequence[Span]) -> None:
        """Compute one span again, give it out, remember it."""
        whole_seconds = _touched(span)
        revision = await self._compute_again(whole_seconds)
        if _gives_beats(span.stream):
            windows = windows_of(whole_seconds.start_us, whole_seconds.end_us)
            await self.table.note(
                self.lane, [Span(span.device, BEATS_FIVE_MINUTES, *window) for window in windows]
            )
        await self.table.done(waited, whole_seconds, revision)
        self.metrics.corrections.inc()
        log.info("late_data_worked_in", device=span.device, stream=span.stream, revision=revision)

    async def _compute_again(self, whole_seconds: Span) -> int:
        """Compute a time again and give it out; gives the revision."""
        revision = await self.table.revision(whole_seconds)
        began_s = self.clock.monotonic_s()
        for start_us in range(whole_seconds.start_us, whole_seconds.end_us, PIECE_US):
            end_us = min(start_us + PIECE_US, whole_seconds.end_us)
            piece = whole_seconds._replace(start_us=start_us, end_us=end_us)
            values = await self._compute(piece, revision)
            if values is not None and (len(values.vitals) or len(values.beats) or values.events):
                await self.assignments.look_up(piece.device)
                await self.outlet.give(values, self.lane)
                self.metrics.values.labels(LOOP).inc(len(values.vitals))
                self.metrics.beats.labels(LOOP).inc(len(values.beats))
        self.metrics.compute_s.labels(LOOP).observe(self.clock.monotonic_s() - began_s)
        return revision

    async def _summarise(self, span: Span, waited: Sequence[Span]) -> None:
        """Compute windows from stored beats; the first time as revision 0."""
        revision = await self.table.revision(span)
        for start_us, end_us in windows_of(span.start_us, span.end_us):
            window = span._replace(start_us=start_us, end_us=end_us)
            beats = await self.samples.beats(span.device, [BeatKind.R_PEAK], window)
            vitals = summarised(beats, span.device, end_us)
            vitals["revision"] = revision - 1
            if revision > 1:
                vitals["flags"] |= np.uint16(ValueFlag.LATE)
            if len(vitals):
                await self.assignments.look_up(span.device)
                await self.outlet.give(Values(vitals, all_of([], beats=True), []), self.lane)
                self.metrics.values.labels(LOOP).inc(len(vitals))
        await self.table.done(waited, span, revision)
        self.metrics.summaries.inc()

    async def _fuse(self, span: Span, waited: Sequence[Span]) -> None:
        """Bring values of the wearers of a device together again, from what is stored."""
        await self.assignments.look_up(span.device)
        starts = np.arange(span.start_us, span.end_us, PIECE_US)
        device = np.full(len(starts), span.device, dtype=np.int32)
        ends = np.minimum(starts + PIECE_US, span.end_us)
        worn_by = np.stack(
            [self.assignments.patients_at(device, at) for at in (starts, ends - 1)], axis=1
        )
        for start, end, patients in zip(
            starts.tolist(), ends.tolist(), worn_by.tolist(), strict=True
        ):
            piece = span._replace(start_us=start, end_us=end)
            for patient in sorted(set(patients) - {NOBODY}):
                stored = await self.samples.values(patient, list(BY_MEASURE), piece)
                vitals = await asyncio.to_thread(fused_again, stored)
                if len(vitals):
                    await self.outlet.give(Values(vitals, all_of([], beats=True), []), self.lane)
                    self.metrics.values.labels(LOOP).inc(len(vitals))
        await self.table.done(waited, span, await self.table.revision(span))
        self.metrics.summaries.inc()

    async def _compute(self, piece: Span, revision: int) -> Values | None:
        """Values of [start, end) of a piece in a revision."""
        warm_up = warm_up_us(piece.stream)
        read = piece._replace(start_us=piece.start_us - warm_up, end_us=piece.end_us + AFTER_US)
        frames = await self.samples.frames(read)
        if frames is None:
            return None
        for companion in companions_of(piece.stream):
            beside = await self.samples.frames(read._replace(stream=companion))
            frames = join_frames([frames, beside]) if beside is not None else frames
            assert frames is not None
        computed = await asyncio.to_thread(
            attempt_twice,
            lambda: recompute_in_parts(
                frames, only=piece.stream, start_us=piece.start_us, end_us=piece.end_us
            ),
            loop=LOOP,
            identity=f"device {piece.device}",
        )
        if isinstance(computed, Choked):
            self.metrics.choked.labels(LOOP).inc()
            return None
        bounds = {"start_us": piece.start_us, "end_us": piece.end_us, "revision": revision}
        vitals = revised(all_of(computed.vitals), **bounds)
        vitals["flags"] |= np.uint16(ValueFlag.LATE)
        beats = revised(all_of(computed.beats, beats=True), **bounds)
        if _gives_beats(piece.stream):
            stored = await self.samples.beats(piece.device, [BeatKind.R_PEAK], piece)
            gone = withdrawn(stored, beats, revision=revision)
            beats = all_of([beats, gone], beats=True)
        return Values(vitals, beats, findings_of(computed))


def _touched(span: Span) -> Span:
    """The whole seconds whose values rest on samples of a span."""
    return span._replace(
        start_us=span.start_us // SECOND_US * SECOND_US - BEFORE_US,
        end_us=-(-span.end_us // SECOND_US) * SECOND_US + touched_us(span.stream),
    )


def _gives_beats(stream: int) -> bool:
    return any(one.gives_beats and one.stream == stream for one in ESTIMATORS)
