"""The live loop of one lane: frames in, values out; newest first, it never waits for late data.

After a restart it goes on from the saved state of its windows, or replays the frames from the
saved position where there is none; it gives nothing out that was given out before, and goes on
with the same numbers: what comes out after a message depends on the messages up to it alone (see
`services.dsp.core.lane`).
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog

from services.dsp.application.ports import (
    Discontinuity,
    Frames,
    Outlet,
    Positions,
    SavedStates,
    Source,
    StreamMessage,
)
from services.dsp.application.progress import NOTHING_GIVEN, Progress
from services.dsp.application.saved_state import BadState, SavedState, decode, encode
from services.dsp.core.circumstances import Circumstances, nothing_told
from services.dsp.core.exchange import Noted, Position, Reached, Values
from services.dsp.core.lane import Computed, LaneSignals
from services.dsp.core.summaries import Windows
from services.dsp.metrics import DspMetrics
from shared.contracts.beats import BEAT
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.frames import decode_frames
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, lane_queue
from shared.contracts.records import BadBatch
from shared.contracts.vitals import VITAL
from shared.runtime.clock import Clock
from shared.runtime.quarantine import Choked, attempt_twice
from shared.runtime.retry import Retry
from shared.runtime.waiting import pause

log = structlog.get_logger()
LOOP = "live"
EARLY = 0.05  # of the time between two computations; timers of the loop count in milliseconds
STATE_REST = 100.0  # of the time that keeping the windows took: a hundredth of the processor
STATE_REST_MOST_S = 60.0  # so much is replayed after a restart, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a lane computes and saves, from settings."""

    compute_interval_s: float
    messages_most: int
    save_interval_s: float
    state_interval_s: float


@dataclass(slots=True, kw_only=True)
class LiveLane:
    """Computes one lane as it comes.

    Parameters
    ----------
    states : where the windows are kept over a restart; None: nowhere, the frames are replayed
    identity : of the code that reads them
    """

    lane: Lane
    incarnation: int
    frames: Frames
    positions: Positions
    outlet: Outlet
    pace: Pace
    clock: Clock
    metrics: DspMetrics
    retry: Retry
    circumstances: Callable[[], Circumstances] = nothing_told
    states: SavedStates | None = None
    identity: bytes = b""
    _signals: LaneSignals = field(init=False)
    _windows: Windows = field(default_factory=Windows, init=False)
    _progress: Progress = field(init=False)
    _watermark_us: int = field(default=0, init=False)
    _taken: Reached = field(default=Reached(NOTHING_GIVEN, 0), init=False)
    _read: int = field(default=NOTHING_GIVEN, init=False)
    _state_saved_s: float = field(default=0.0, init=False)
    _state_rest_s: float = field(default=0.0, init=False)
    _source: Source | None = field(default=None, init=False)
    is_leaving: bool = field(default=False, init=False)
    """Set before the stop when other lanes follow this one, and their windows begin anew."""

    def __post_init__(self) -> None:
        self._signals = LaneSignals(circumstances=self.circumstances)
        self._progress = Progress.of(LOOP, self)

    @property
    def is_at_end(self) -> bool:
        """Whether all messages that there are were taken."""
        return self._source is not None and self._source.is_at_end

    def reached(self) -> Reached:
        """What was taken by now; all that arrived before now, when nothing more is there."""
        is_all = self.is_at_end and self._taken.offset == self._read
        return self._taken._replace(time_us=self.clock.now_us()) if is_all else self._taken

    @property
    def stream(self) -> str:
        """Name of the stream that is read."""
        return lane_queue(Exchange.FRAMES, self.lane)

    async def run(self, stop: asyncio.Event) -> None:
        """Compute until the stop.

        Cancel-safe: the position is saved only after what it stands for was confirmed, and what
        is given out a second time is the same.
        """
        position = await self._progress.load(stop)
        if position is not None:
            self._watermark_us = position.watermark_us
        start = None if position is None else position.replay_offset
        has_state = position is not None and await self._restore(position)
        if has_state:
            start = self._taken.offset + 1
        log.info(
            "lane_replays",
            lane=self.lane,
            start=start,
            given=self._progress.given,
            has_state=has_state,
        )
        self._state_saved_s = self.clock.monotonic_s()
        async with self.frames.open(self.stream, start=start) as source:
            self._source = source
            async for batch in source.batches(until=stop):
                self._read = batch.messages[-1].offset
                began_s = self.clock.monotonic_s()
                if batch.discontinuity is not None:
                    await self._report(batch.discontinuity, stop)
                for messages in self._progress.split(batch.messages):
                    await self._work(messages, stop)
                await self._save_when_due()
                if (
                    len(batch.messages) < self.pace.messages_most
                    and self._taken.offset >= self._progress.given
                ):
                    until_s = next_turn_s(began_s, self.pace.compute_interval_s)
                    await pause(stop, max(0.0, until_s - self.clock.monotonic_s()))
        if self.is_leaving:
            in_windows = self._signals.in_windows()
            self._progress.noted += [
                Noted(samples=span, offset=self._taken.offset) for span in in_windows
            ]
        self._state_saved_s = -math.inf
        await self._save()

    async def _work(self, messages: Sequence[StreamMessage], stop: asyncio.Event) -> None:
        """Take messages, compute, give out; cancel-safe as `run`."""
        for message in messages:
            self._take(message)
        last = messages[-1].offset
        began_s = self.clock.monotonic_s()
        computed = await asyncio.to_thread(self._compute, last)
        self.metrics.compute_s.labels(LOOP).observe(self.clock.monotonic_s() - began_s)
        self.metrics.streams_followed.labels(str(self.lane)).set(self._signals.n_streams)
        self._taken = Reached(last, self._signals.now)
        values = gathered(computed)
        windows = self._windows.passed(values.beats)
        if last <= self._progress.given:
            self.metrics.replayed.inc(len(messages))
            return
        self._progress.noted += [
            Noted(samples=late, offset=last) for late in (*computed.late, *windows)
        ]
        self.metrics.late_noted.inc(len(computed.late))
        if len(values.vitals) or len(values.beats) or values.events:
            await self.retry.run(lambda: self.outlet.give(values, self.lane), until=stop)
            self._count(values)
        self._progress.given = last

    def _take(self, message: StreamMessage) -> None:
        self._progress.marks.note(message.offset, self._signals.now)
        self.metrics.messages.labels(LOOP).inc()
        batch = decode_frames(message.body)
        if isinstance(batch, BadBatch):  # storage parks it
            self.metrics.bad_batches.labels(LOOP).inc()
            log.warning("batch_refused", stream=self.stream, reason=batch.fault)
            return
        self.metrics.frames.labels(LOOP).inc(len(batch))
        is_replayed = message.offset <= self._progress.given and self._watermark_us > 0
        given_until = self._watermark_us if is_replayed else None
        outcome = attempt_twice(
            lambda: self._signals.take(batch, given_until=given_until),
            loop=LOOP,
            identity=f"offset {message.offset}",
        )
        if isinstance(outcome, Choked):
            self.metrics.choked.labels(LOOP).inc()

    def _compute(self, offset: int) -> Computed:
        """Runs in a thread, one at a time: the loop waits for it before it takes more."""
        outcome = attempt_twice(
            self._signals.compute, loop=LOOP, identity=f"lane {self.lane} to offset {offset}"
        )
        if isinstance(outcome, Choked):
            # The windows may be half stepped: none of them can be trusted any more.
            self.metrics.choked.labels(LOOP).inc()
            self._signals = LaneSignals(circumstances=self.circumstances)
            return Computed()
        return outcome

    def _count(self, values: Values) -> None:
        self.metrics.values.labels(LOOP).inc(len(values.vitals))
        self.metrics.beats.labels(LOOP).inc(len(values.beats))
        self.metrics.events.labels(LOOP).inc(len(values.events))
        if len(values.vitals):
            newest = int(values.vitals["received"].max())
            self.metrics.lag_s.labels(LOOP).observe(max(0, self.clock.now_us() - newest) / 1e6)

    async def _save_when_due(self) -> None:
        """Save now and then; what came late at once, as the stream may fall silent after it."""
        progress = self._progress
        if progress.is_due or (progress.noted and self._taken.offset >= progress.given):
            await self._save()

    async def _save(self) -> None:
        """Save the position, and the windows where it is time for them too."""
        is_saved = await self._progress.save(self._taken.offset, self._signals.now)
        waited_s = self._progress.saved_s - self._state_saved_s
        if is_saved and waited_s >= max(self.pace.state_interval_s, self._state_rest_s):
            await self._keep()

    async def _keep(self) -> None:
        """Keep the windows, just after the position: all that rests on them was given out."""
        self._state_saved_s = self._progress.saved_s
        if self.states is None or self._progress.noted:
            return
        state = SavedState(self._signals, self._windows, self._progress.marks, self._taken)
        began_s = self.clock.monotonic_s()
        try:
            content = await asyncio.to_thread(
                encode, state, self._identity(), circumstances=self.circumstances
            )
            await self.states.save(self.lane, content)
        except OSError as error:
            self.metrics.state_save_failures.inc()
            log.warning("state_not_saved", lane=self.lane, error=str(error))
            return
        self.metrics.state_saves.inc()
        self.metrics.state_bytes.labels(str(self.lane)).set(len(content))
        took_s = self.clock.monotonic_s() - began_s
        self.metrics.state_s.observe(took_s)
        self._state_rest_s = min(STATE_REST * took_s, STATE_REST_MOST_S)

    async def _restore(self, position: Position) -> bool:
        """Go on from the windows that were kept, if they are not older than a replay begins."""
        content = None if self.states is None else await self.states.load(self.lane)
        if content is None:
            return False
        try:
            state = await asyncio.to_thread(
                decode, content, self._identity(), circumstances=self.circumstances
            )
        except BadState as error:
            log.info("state_passed_over", lane=self.lane, reason=str(error))
            return False
        if not position.replay_offset <= state.taken.offset + 1 <= position.given_offset + 1:
            log.info("state_passed_over", lane=self.lane, reason="it is of another time")
            return False
        self._signals, self._windows, self._progress.marks, self._taken = state
        return True

    def _identity(self) -> bytes:
        return b"%b %d %d" % (self.identity, self.incarnation, self.lane)

    async def _report(self, gap: Discontinuity, stop: asyncio.Event) -> None:
        """Tell that messages are gone that were never computed, or that the stream began anew."""
        if gap.expected < gap.found <= self._progress.given + 1:
            return  # only the replay is shorter
        if gap.found < gap.expected:
            self._progress.begin_anew()
            self._signals = LaneSignals(circumstances=self.circumstances)
        self.metrics.gaps.labels(LOOP).inc()
        event = Event(
            id=event_id(
                EventKind.STREAM_TRUNCATED, LOOP, self.incarnation, self.stream, gap.expected,
                gap.found,
            ),
            t=self.clock.now_us(),
            kind=EventKind.STREAM_TRUNCATED,
            severity=Severity.HIGH,
            source="dsp",
            text_key="stream_truncated",
            data={
                "stream": self.stream, "fault": str(gap.fault), "expected": gap.expected,
                "found": gap.found,
            },
        )  # fmt: skip
        values = Values(np.empty(0, VITAL), np.empty(0, BEAT), [event])
        await self.retry.run(lambda: self.outlet.give(values, self.lane), until=stop)


def next_turn_s(began_s: float, interval_s: float) -> float:
    """The next of the moments at which all lanes compute: so they give at the same time.

    Who began a little before such a moment, as a timer may, has used it.
    """
    if not interval_s:
        return began_s
    return (math.floor(began_s / interval_s + EARLY) + 1) * interval_s


def gathered(computed: Computed) -> Values:
    """All tables of a computation as one of each kind, by time."""
    vitals = np.concatenate([np.empty(0, VITAL), *computed.vitals])
    beats = np.concatenate([np.empty(0, BEAT), *computed.beats])
    return Values(
        vitals[np.lexsort((vitals["measure"], vitals["device"], vitals["t"]))],
        beats[np.lexsort((beats["device"], beats["t"]))],
        computed.events,
    )
