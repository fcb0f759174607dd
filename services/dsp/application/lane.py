"""One lane: live, late notes and late corrections, while it is ours."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from services.dsp.application.late import LateLane, LatePace
from services.dsp.application.late_notes import LateNotes
from services.dsp.application.live import LiveLane, Pace
from services.dsp.application.patients import PatientLane
from services.dsp.application.ports import (
    Assignments,
    Frames,
    LateTable,
    Outlet,
    Positions,
    SavedStates,
    StoredSamples,
)
from services.dsp.core.circumstances import Circumstances, nothing_told
from services.dsp.metrics import DspMetrics
from shared.contracts.identity import Lane
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.retry import Retry

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Lanes:
    """Runs the loops of lanes as they are given to this process."""

    incarnation: int
    frames: Frames
    positions: Positions
    assignments: Assignments
    outlet: Outlet
    late_table: LateTable
    samples: StoredSamples
    pace: Pace
    late_pace: LatePace
    clock: Clock
    metrics: DspMetrics
    retry: Retry
    circumstances: Callable[[], Circumstances] = nothing_told
    states: SavedStates | None = None
    identity: bytes = b""
    _here: dict[Lane, tuple[LiveLane, LateNotes, PatientLane]] = field(
        default_factory=dict, init=False
    )
    _late_turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def may_leave(self, lane: Lane, _change: object) -> bool:
        """Whether all frames of a lane were taken: it may be left for new lanes.

        The windows begin anew there: when it stops now, what rests on samples of both sides is
        noted to be computed again.
        """
        here = self._here.get(lane)
        if here is None or not all(loop.is_at_end for loop in here):
            return False
        live, *_ = here
        live.is_leaving = True
        return True

    async def run(self, lane: Lane, stop: asyncio.Event) -> None:
        """Work on the lane until the stop. Cancel-safe as its loops."""
        self.metrics.lanes_held.inc()
        here = self._here[lane] = self._live(lane), self._notes(lane), self._patients(lane)
        try:
            async with asyncio.TaskGroup() as group:
                for loop in (*here, self._late(lane, here[0])):
                    group.create_task(loop.run(stop))
        except* Unavailable:
            if not stop.is_set():
                raise
            log.warning("lane_left_in_haste", lane=lane)  # what was not confirmed comes again
        finally:
            self._here.pop(lane, None)
            self.metrics.lanes_held.dec()

    def _live(self, lane: Lane) -> LiveLane:
        return LiveLane(
            lane=lane,
            incarnation=self.incarnation,
            frames=self.frames,
            positions=self.positions,
            outlet=self.outlet,
            pace=self.pace,
            clock=self.clock,
            metrics=self.metrics,
            retry=self.retry,
            circumstances=self.circumstances,
            states=self.states,
            identity=self.identity,
        )

    def _notes(self, lane: Lane) -> LateNotes:
        return LateNotes(
            lane=lane,
            frames=self.frames,
            positions=self.positions,
            metrics=self.metrics,
            retry=self.retry,
        )

    def _patients(self, lane: Lane) -> PatientLane:
        return PatientLane(
            lane=lane,
            frames=self.frames,
            positions=self.positions,
            outlet=self.outlet,
            pace=self.pace,
            clock=self.clock,
            metrics=self.metrics,
            retry=self.retry,
        )

    def _late(self, lane: Lane, live: LiveLane) -> LateLane:
        return LateLane(
            lane=lane,
            reached=live.reached,
            table=self.late_table,
            samples=self.samples,
            assignments=self.assignments,
            outlet=self.outlet,
            pace=self.late_pace,
            clock=self.clock,
            metrics=self.metrics,
            turn=self._late_turn,
            circumstances=self.circumstances,
        )
