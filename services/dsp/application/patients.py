"""Values of one lane's patients, read back and brought together where several devices tell them.

As the live loop: after a restart it replays from the saved position and gives nothing out again
that was given out; what it gives out depends on the messages alone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from services.dsp.application.live import Pace
from services.dsp.application.ports import Frames, Outlet, Positions, Source, StreamMessage
from services.dsp.application.progress import NOTHING_GIVEN, Progress
from services.dsp.core.exchange import Noted, Values
from services.dsp.core.patients import Given, PatientValues, revised_sources
from services.dsp.metrics import DspMetrics
from shared.contracts.beats import BEAT
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, lane_queue
from shared.contracts.records import BadBatch
from shared.contracts.vitals import VITALS, decode_vitals
from shared.runtime.clock import Clock
from shared.runtime.quarantine import Choked, attempt_twice
from shared.runtime.retry import Retry
from shared.runtime.waiting import pause

LOOP = "patients"


@dataclass(slots=True, kw_only=True)
class PatientLane:
    """Brings together what devices of one patient say."""

    lane: Lane
    frames: Frames
    positions: Positions
    outlet: Outlet
    pace: Pace
    clock: Clock
    metrics: DspMetrics
    retry: Retry
    _patients: PatientValues = field(default_factory=PatientValues, init=False)
    _progress: Progress = field(init=False)
    _taken: int = field(default=NOTHING_GIVEN, init=False)
    _source: Source | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._progress = Progress.of(LOOP, self)

    @property
    def is_at_end(self) -> bool:
        """Whether all messages that there are were taken."""
        return self._source is not None and self._source.is_at_end

    @property
    def stream(self) -> str:
        """Name of the stream that is read, and written."""
        return lane_queue(Exchange.VITALS, self.lane)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until the stop.

        Cancel-safe: the position is saved only after what it stands for was confirmed, and what
        is given out a second time is the same.
        """
        position = await self._progress.load(stop)
        start = None if position is None else position.replay_offset
        async with self.frames.open(self.stream, start=start) as source:
            self._source = source
            async for batch in source.batches(until=stop):
                gap = batch.discontinuity
                if gap is not None and gap.found < gap.expected:  # the stream began anew
                    self._progress.begin_anew()
                    self._patients = PatientValues()
                for messages in self._progress.split(batch.messages):
                    await self._work(messages, stop)
                if self._progress.is_due:
                    await self._save()
                if len(batch.messages) < self.pace.messages_most:
                    await pause(stop, self.pace.compute_interval_s)
        await self._save()

    async def _work(self, messages: Sequence[StreamMessage], stop: asyncio.Event) -> None:
        """Take messages, judge, give out; cancel-safe as `run`."""
        last = messages[-1].offset
        outcome = attempt_twice(
            lambda: self._judged(messages), loop=LOOP, identity=f"{self.stream} to offset {last}"
        )
        self._taken = last
        if isinstance(outcome, Choked):
            self.metrics.choked.labels(LOOP).inc()
            self._patients = PatientValues()
            outcome = Given(np.empty(0, dtype=VITALS.record), [])
        if last <= self._progress.given:
            self.metrics.replayed.inc(len(messages))
            return
        given = Values(outcome.vitals, np.empty(0, BEAT), outcome.events)
        if len(given.vitals) or given.events:
            await self.retry.run(lambda: self.outlet.give(given, self.lane), until=stop)
            self.metrics.values.labels(LOOP).inc(len(given.vitals))
            self.metrics.events.labels(LOOP).inc(len(given.events))
        self._progress.given = last

    def _judged(self, messages: Sequence[StreamMessage]) -> Given:
        for message in messages:
            self._progress.marks.note(message.offset, self._patients.now)
            if bytes(message.body[:4]) != VITALS.magic:  # beats
                continue
            batch = decode_vitals(message.body)
            if isinstance(batch, BadBatch):  # storage parks it
                self.metrics.bad_batches.labels(LOOP).inc()
                continue
            self._patients.take(batch.table)
            if message.offset > self._progress.given:
                spans = revised_sources(batch.table)
                self._progress.noted += [
                    Noted(samples=span, offset=message.offset) for span in spans
                ]
        return self._patients.give()

    async def _save(self) -> None:
        await self._progress.save(self._taken, self._patients.now)
