"""Late data of one lane, computed again from storage in its own time.

What came late left the time that it touches to be done; the samples of that time are read back
from storage, go through the same estimators, and what comes out is given out in a higher
revision. So the last revision is what an undisturbed run would have given. What was told by now is
corrected at once, and each minute what was told since: live values go on to rest on the time that
was touched, for as long as their estimators remember. Of many that wait it is corrected once, at
the end of that. Computed is what lies before a time of which all that had arrived is stored, so
that nothing is taken for missing that is only on its way.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
import structlog

from services.dsp.application.late_notes import LOOP, merged
from services.dsp.application.ports import (
    Assignments,
    LateTable,
    Outlet,
    StoredSamples,
)
from services.dsp.core.circumstances import Circumstances, nothing_told
from services.dsp.core.estimators import ESTIMATORS, companions_of
from services.dsp.core.exchange import (
    Later,
    Reached,
    Span,
    Values,
    Waiting,
)
from services.dsp.core.lane import Computed
from services.dsp.core.patients import BY_MEASURE, FUSED_VALUES, fused_again
from services.dsp.core.recomputation import (
    AFTER_US,
    PIECE_US,
    Stretch,
    all_of,
    recompute_in_parts,
    revised,
    side_by_side,
    touched_before_us,
    touched_us,
    warm_up_us,
    withdrawn,
)
from services.dsp.core.summaries import BEATS_FIVE_MINUTES, summarised, windows_of
from services.dsp.core.wearers import NOBODY
from services.dsp.metrics import DspMetrics
from shared.contracts.beats import BeatKind
from shared.contracts.events import Event
from shared.contracts.identity import Lane
from shared.contracts.quality import ValueFlag
from shared.contracts.sample_block import join_frames
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.quarantine import Choked, attempt_twice
from shared.runtime.waiting import pause

log = structlog.get_logger()
SECOND_US = 1_000_000
SHOWN_EACH_US = 60 * SECOND_US  # on whole minutes: see `due_again_us`
MANY = 500  # times of a lane that wait: of more, each is worked in twice and not each minute
MAIN_STREAMS = frozenset(int(estimator.stream) for estimator in ESTIMATORS)
REST = 1.0  # after computing, of the time it took: live data and all others need the processor too


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePace:
    """How patient the late loop is, from settings."""

    interval_s: float
    quiet_s: float
    wait_s: float


def findings_of(computed: Computed) -> list[Event]:
    """What estimators found, marked as late. What was told live has the same id and stays.

    Electrodes and holes are told live only: an alarm of now must not rise from them.
    """
    return [
        msgspec.structs.replace(event, data={**event.data, "late": True})
        for event in computed.events
        if "has_ended" in event.data
    ]


class Correction(NamedTuple):
    """A time that is computed again, and what waited for it."""

    known: Span
    waiting: Sequence[Waiting]


@dataclass(slots=True, kw_only=True)
class LateLane:
    """Computes again what late data of one lane has touched.

    Parameters
    ----------
    turn : shared by all lanes of the process, of which one computes late data at a time: that
        bounds its memory and its share of the processor
    """

    lane: Lane
    reached: Callable[[], Reached]
    table: LateTable
    samples: StoredSamples
    assignments: Assignments
    outlet: Outlet
    pace: LatePace
    clock: Clock
    metrics: DspMetrics
    turn: asyncio.Lock
    circumstances: Callable[[], Circumstances] = nothing_told
    _asked: Reached | None = field(default=None, init=False)
    _stored_us: int | None = field(default=None, init=False)

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
        n_waiting = await self.table.waiting(self.lane)
        self.metrics.late_waiting.labels(str(self.lane)).set(n_waiting)
        stored_us = await self._stored_before()
        if stored_us is None or not n_waiting:
            return
        before_us = (stored_us - round(self.pace.wait_s * SECOND_US)) // SECOND_US * SECOND_US
        waiting = await self.table.stored(self.lane, quiet_s=self.pace.quiet_s, before_us=before_us)
        for stream in sorted({one.span.stream for one in waiting}):
            due = [one for one in waiting if one.span.stream == stream]
            await self._work_in(stream, due, before_us, n_waiting, stop)

    async def _stored_before(self) -> int | None:
        """All that arrived before this time is stored: what is read back is whole."""
        if self._asked is None:
            self._asked = self.reached()
        if await self.table.stored_offset(self.lane) >= self._asked.offset:
            self._stored_us, self._asked = self._asked.time_us, None
        return self._stored_us

    async def _work_in(
        self,
        stream: int,
        due: Sequence[Waiting],
        before_us: int,
        n_waiting: int,
        stop: asyncio.Event,
    ) -> None:
        if stream in MAIN_STREAMS:
            corrections = corrections_of(due, before_us)
            for part in side_by_side([one.known for one in corrections]):
                if stop.is_set():
                    return
                together = corrections[part]
                revisions = await self._compute_again(stream, [one.known for one in together], stop)
                for correction, revision in zip(together, revisions, strict=True):
                    await self._settle(correction, revision, before_us, is_many=n_waiting > MANY)
            return
        for span in merged([one.span for one in due]):
            if stop.is_set():
                return
            inside = [
                one for one in due
                if one.span.device == span.device and _lies_in(one.span, span)
            ]  # fmt: skip
            if stream == BEATS_FIVE_MINUTES:
                await self._summarise(span, inside)
            elif stream == FUSED_VALUES:
                await self._fuse(span, inside)

    async def _settle(
        self, correction: Correction, revision: int, before_us: int, *, is_many: bool
    ) -> None:
        """Forget what no live value rests on any more, put off the rest."""
        known = correction.known
        finished = [one for one in correction.waiting if _touched(one.span).end_us <= before_us]
        later = [
            Later(
                one,
                before_us,
                due_again_us(before_us, _touched(one.span).end_us, is_many=is_many),
            )
            for one in correction.waiting
            if one not in finished
        ]
        if _gives_beats(known.stream):
            windows = windows_of(known.start_us, known.end_us)
            await self.table.note(
                self.lane, [Span(known.device, BEATS_FIVE_MINUTES, *window) for window in windows]
            )
        await self.table.done(known, revision, finished=finished, later=later)
        self.metrics.corrections.inc(len(finished))
        log.info(
            "late_data_worked_in",
            device=known.device,
            stream=known.stream,
            revision=revision,
            finished=len(finished),
            later=len(later),
        )

    async def _compute_again(
        self, stream: int, spans: Sequence[Span], stop: asyncio.Event
    ) -> list[int]:
        """Compute times of one stream again and give them out; gives the revision of each."""
        revisions = [await self.table.revision(span) for span in spans]
        pieces = [
            (piece, revision)
            for span, revision in zip(spans, revisions, strict=True)
            for piece in _pieces(span)
        ]
        for part in side_by_side([piece for piece, _ in pieces]):
            async with self.turn:
                began_s = self.clock.monotonic_s()
                await self._compute_pieces(stream, pieces[part])
                took_s = self.clock.monotonic_s() - began_s
                self.metrics.compute_s.labels(LOOP).observe(took_s)
                await pause(stop, REST * took_s)
        return revisions

    async def _compute_pieces(self, stream: int, pieces: Sequence[tuple[Span, int]]) -> None:
        """Compute pieces of time side by side, each in its revision, and give them out."""
        read = [(piece, revision, await self._stretch(piece)) for piece, revision in pieces]
        there = [(piece, revision, one) for piece, revision, one in read if one is not None]
        if not there:
            return
        computed = await self._computed(stream, [one for *_, one in there])
        values = [
            await self._values(piece, one, revision)
            for (piece, revision, _), one in zip(there, computed, strict=True)
            if one is not None
        ]
        together = Values(
            all_of([one.vitals for one in values]),
            all_of([one.beats for one in values], beats=True),
            [event for one in values for event in one.events],
        )
        if len(together.vitals) or len(together.beats) or together.events:
            for device in sorted({piece.device for piece, *_ in there}):
                await self.assignments.look_up(device)
            await self.outlet.give(together, self.lane)
            self.metrics.values.labels(LOOP).inc(len(together.vitals))
            self.metrics.beats.labels(LOOP).inc(len(together.beats))

    async def _stretch(self, piece: Span) -> Stretch | None:
        """What a piece rests on, read back from storage; None where nothing is."""
        warm_up = warm_up_us(piece.stream)
        read = piece._replace(start_us=piece.start_us - warm_up, end_us=piece.end_us + AFTER_US)
        frames = await self.samples.frames(read)
        if frames is None:
            return None
        for companion in companions_of(piece.stream):
            beside = await self.samples.frames(read._replace(stream=companion))
            frames = join_frames([frames, beside]) if beside is not None else frames
            assert frames is not None
        return Stretch(frames, piece.start_us, piece.end_us)

    async def _computed(
        self, stream: int, stretches: Sequence[Stretch]
    ) -> Sequence[Computed | None]:
        """Each computed; None for one whose samples no estimator bears."""
        devices = [int(one.frames.table["device"][0]) for one in stretches]
        computed = await asyncio.to_thread(
            attempt_twice,
            lambda: recompute_in_parts(stretches, only=stream, circumstances=self.circumstances),
            loop=LOOP,
            identity=f"devices {sorted(set(devices))}",
        )
        if not isinstance(computed, Choked):
            return computed
        if len(stretches) > 1:  # one of them: the others must not suffer for it
            return [one for each in stretches for one in await self._computed(stream, [each])]
        self.metrics.choked.labels(LOOP).inc()
        return [None]

    async def _values(self, piece: Span, computed: Computed, revision: int) -> Values:
        """What was computed of [start, end) of a piece, in a revision."""
        bounds = {"start_us": piece.start_us, "end_us": piece.end_us, "revision": revision}
        vitals = revised(all_of(computed.vitals), **bounds)
        vitals["flags"] |= np.uint16(ValueFlag.LATE)
        beats = revised(all_of(computed.beats, beats=True), **bounds)
        if _gives_beats(piece.stream):
            stored = await self.samples.beats(piece.device, [BeatKind.R_PEAK], piece)
            gone = withdrawn(stored, beats, revision=revision)
            beats = all_of([beats, gone], beats=True)
        return Values(vitals, beats, findings_of(computed))

    async def _summarise(self, span: Span, waited: Sequence[Waiting]) -> None:
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
        await self.table.done(span, revision, finished=waited, later=[])
        self.metrics.summaries.inc()

    async def _fuse(self, span: Span, waited: Sequence[Waiting]) -> None:
        """Bring values of the wearers of a device together again, from what is stored."""
        await self.assignments.look_up(span.device)
        pieces = _pieces(span)
        device = np.full(len(pieces), span.device, dtype=np.int32)
        bounds = np.array([[piece.start_us, piece.end_us - 1] for piece in pieces]).T
        worn_by = np.stack([self.assignments.patients_at(device, at) for at in bounds], axis=1)
        for piece, patients in zip(pieces, worn_by.tolist(), strict=True):
            for patient in sorted(set(patients) - {NOBODY}):
                stored = await self.samples.values(patient, list(BY_MEASURE), piece)
                vitals = await asyncio.to_thread(fused_again, stored)
                if len(vitals):
                    await self.outlet.give(Values(vitals, all_of([], beats=True), []), self.lane)
                    self.metrics.values.labels(LOOP).inc(len(vitals))
        revision = await self.table.revision(span)
        await self.table.done(span, revision, finished=waited, later=[])
        self.metrics.summaries.inc()


def due_again_us(shown_us: int, end_us: int, *, is_many: bool) -> int:
    """When what was shown up to a time is due again, of what is touched up to a later one.

    On a whole minute, the same for all devices that wait: corrections of many are rows of one
    step, and a step of sixteen rows costs little more than one of a single row. The first is 30 to
    90 s away, so that none is made of a few seconds: each begins with a warm-up.

    Parameters
    ----------
    is_many : many at once are those of an outage: each minute for each of them is more than live
        data itself takes, and it would make more data late
    """
    after_us = end_us if is_many else min(shown_us + SHOWN_EACH_US // 2, end_us)
    return -(-after_us // SHOWN_EACH_US) * SHOWN_EACH_US


def corrections_of(due: Sequence[Waiting], before_us: int) -> list[Correction]:
    """What to compute again, each value once: of each from where it was shown up to a time.

    Parameters
    ----------
    due : of one stream, in the order of devices
    """
    found: list[Correction] = []
    for one in sorted(due, key=lambda one: (one.span.device, _from_us(one))):
        start_us = _from_us(one)
        end_us = min(_touched(one.span).end_us, before_us)
        last = found[-1] if found else None
        if (
            last is not None
            and last.known.device == one.span.device
            and start_us <= last.known.end_us + warm_up_us(one.span.stream)
        ):
            known = last.known._replace(end_us=max(last.known.end_us, end_us))
            found[-1] = Correction(known, [*last.waiting, one])
        else:
            found.append(Correction(one.span._replace(start_us=start_us, end_us=end_us), [one]))
    return found


def _from_us(one: Waiting) -> int:
    return _touched(one.span).start_us if one.shown_us is None else one.shown_us


def _touched(span: Span) -> Span:
    """The whole seconds whose values rest on samples of a span."""
    return span._replace(
        start_us=span.start_us // SECOND_US * SECOND_US - touched_before_us(span.stream),
        end_us=-(-span.end_us // SECOND_US) * SECOND_US + touched_us(span.stream),
    )


def _pieces(span: Span) -> list[Span]:
    return [
        span._replace(start_us=start_us, end_us=min(start_us + PIECE_US, span.end_us))
        for start_us in range(span.start_us, span.end_us, PIECE_US)
    ]


def _lies_in(inner: Span, outer: Span) -> bool:
    return outer.start_us <= inner.start_us < outer.end_us


def _gives_beats(stream: int) -> bool:
    return any(one.gives_beats and one.stream == stream for one in ESTIMATORS)
