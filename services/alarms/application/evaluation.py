"""The loop of one lane: take what comes, decide, save, tell.

Order, by promise: what was decided is saved in one transaction with the positions, then told.
What was saved and not told is told at the next start; ids come from what is told, so a repeat
changes nothing. While the database is away alarms are told before they are saved: decisions
depend on the streams and the saved memory alone, so a restart comes to the same ones.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from services.alarms.application.ports import AlarmStore, Announcer, Feed, Parking
from services.alarms.core.announcements import event_of, notice_of
from services.alarms.core.inputs import (
    ChokedInput,
    EventsRead,
    HeardValue,
    PendingAction,
    Registry,
    StreamInput,
    ValuesRead,
)
from services.alarms.core.occurrence import Occurrence
from services.alarms.core.unsaved import Unsaved
from services.alarms.core.ward import Ward
from services.alarms.metrics import AlarmMetrics
from shared.contracts.actions import Acknowledge
from shared.contracts.events import Event
from shared.contracts.identity import Lane
from shared.errors import Unavailable
from shared.runtime.channel import Channel
from shared.runtime.clock import Clock
from shared.runtime.quarantine import Choked, attempt_twice

log = structlog.get_logger()

TURN_S = 0.25  # without input, deadlines are looked at so often
GRACE_US = 3_000_000  # a value may be on its way so long before its absence counts
SAVE_TIMEOUT_S = 5.0
AWAY_RETRY_S = 1.0
UNSAVED_ALARMS_MOST = 10_000  # while the database is away; then reading stops

LaneInput = StreamInput | PendingAction | Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What every lane of the process works with.

    Parameters
    ----------
    save_every_s : how often memories are saved when nothing urgent happens
    """

    store: AlarmStore
    announcer: Announcer
    parking: Parking
    clock: Clock
    metrics: AlarmMetrics
    save_every_s: float


@dataclass(slots=True)
class _Saving:
    """How the saves of this lane are going."""

    saves: int
    last_s: float
    away: bool = False


class LaneEvaluation:
    """Evaluates one lane from what was saved of it.

    Parameters
    ----------
    inputs : registry, actions and what the feeds read, in one order
    feeds : only asked whether they are at their end
    ward : as restored, with the number of its saves
    """

    def __init__(
        self,
        lane: Lane,
        *,
        inputs: Channel[LaneInput],
        feeds: Sequence[Feed],
        ward: Ward,
        saves: int,
        equipment: Equipment,
    ) -> None:
        self._lane = lane
        self._inputs = inputs
        self._feeds = feeds
        self._store = equipment.store
        self._announcer = equipment.announcer
        self._parking = equipment.parking
        self._choked: list[ChokedInput] = []
        self._ward = ward
        self._clock = equipment.clock
        self._metrics = equipment.metrics
        self._save_every_s = equipment.save_every_s
        self._unsaved = Unsaved()
        self._saving = _Saving(saves=saves, last_s=self._clock.monotonic_s())

    async def run(self) -> None:
        """Evaluate until the inputs are closed and drained, then save.

        Cancel-safe: what is not saved is read again.

        Raises
        ------
        Conflict : another process has saved this lane
        """
        while True:
            taken = await self._take()
            if taken is None:
                break
            for item in taken:
                self._decide(item)
            if not taken:
                self._let_time_pass()
            for choked in self._choked:  # parked before the position moves on
                await self._parking.park(choked)
            self._choked.clear()
            await self._save_when_due()
            while len(self._unsaved.alarms) >= UNSAVED_ALARMS_MOST:
                await self._clock.sleep(AWAY_RETRY_S)
                await self._save()
        await self._save()

    async def _take(self) -> list[LaneInput] | None:
        """What waits; an empty list when nothing came in a turn, None when it is over."""
        try:
            async with asyncio.timeout(TURN_S):
                first = await anext(self._inputs, None)
        except TimeoutError:
            return []
        return None if first is None else [first]

    def _decide(self, item: LaneInput) -> None:
        now = self._clock.now_us()
        match item:
            case ValuesRead():
                for value in item.values:
                    self._note(self._safely(item.stream, value, partial(self._ward.hear, *value)))
                self._metrics.values.inc(len(item.values))
                self._unsaved.positions[item.stream] = item.next_offset
                if item.values:
                    self._metrics.lag.labels(self._lane).set((now - item.values[-1].received) / 1e6)
            case EventsRead():
                for event in item.events:
                    patient = event.patient or self._ward.patient_of(event.device or 0)
                    if patient is not None:
                        self._note(
                            self._safely(
                                item.stream,
                                event,
                                partial(
                                    self._ward.tell,
                                    patient,
                                    event.kind,
                                    event.device or 0,
                                    event.t,
                                ),
                            )
                        )
                self._unsaved.positions[item.stream] = item.next_offset
            case PendingAction():
                self._carry_out(item)
            case _:
                changed, limits = self._ward.configure(item, now)
                self._note(changed)
                self._unsaved.limits.update(limits)

    def _safely(
        self, stream: str, given: HeardValue | Event, work: Callable[[], list[Occurrence]]
    ) -> list[Occurrence]:
        """What the rules decide on one input; nothing, and the input parked, when they choke."""
        identity = f"patient {given.patient}"
        result = attempt_twice(work, loop="evaluation", identity=identity)
        if not isinstance(result, Choked):
            return result
        self._metrics.choked.inc()
        self._choked.append(
            ChokedInput(
                body=msgspec.json.encode(given),
                stream=stream,
                identity=identity,
                error=result.error,
                traceback=result.traceback,
            )
        )
        return []

    def _carry_out(self, item: PendingAction) -> None:
        if item.id in self._unsaved.actions:
            return
        changed = self._ward.act(item.patient, item.action)
        too_late = isinstance(item.action, Acknowledge) and not changed
        self._unsaved.actions[item.id] = "too_late" if too_late else "done"
        self._metrics.actions.labels(self._unsaved.actions[item.id]).inc()
        self._note(changed)

    def _let_time_pass(self) -> None:
        """Nothing is left to read: the clock moves time on, a little behind."""
        if all(feed.is_at_end for feed in self._feeds):
            self._note(self._ward.pass_time(self._clock.now_us() - GRACE_US))

    def _note(self, changed: list[Occurrence]) -> None:
        for alarm in changed:
            self._unsaved.alarms[alarm.id] = alarm
            self._unsaved.announcements.append(event_of(alarm))
            notice = notice_of(alarm)
            if notice is not None:
                self._unsaved.announcements.append(notice)
            if alarm.revision == 1:
                self._metrics.raised.labels(alarm.condition, alarm.priority).inc()
                self._metrics.delay.observe(max(0, self._clock.now_us() - alarm.updated) / 1e6)
            log.info(
                "alarm_changed",
                alarm=alarm.id,
                condition=alarm.condition.value,
                state=alarm.state.value,
                priority=alarm.priority.value,
                revision=alarm.revision,
                lane=self._lane,
            )

    async def _save_when_due(self) -> None:
        waited_s = self._clock.monotonic_s() - self._saving.last_s
        if self._saving.away:
            due = waited_s >= AWAY_RETRY_S or bool(
                self._unsaved.announcements[self._unsaved.announced :]
            )
        else:
            due = self._unsaved.is_urgent or waited_s >= self._save_every_s
        if due:
            await self._save()

    async def _save(self) -> None:
        """Save what is unsaved and tell what is untold; away, tell first and save later."""
        unsaved = self._unsaved
        for patient, (memory, due) in self._ward.take_touched().items():
            unsaved.memories[patient] = (msgspec.json.encode(memory), due)
        unsaved.now = self._ward.now
        self._saving.last_s = self._clock.monotonic_s()
        self._metrics.standing.labels(self._lane).set(self._ward.n_standing)
        self._metrics.patients.labels(self._lane).set(self._ward.n_patients)
        try:
            async with asyncio.timeout(SAVE_TIMEOUT_S):
                await self._store.save(self._lane, self._saving.saves, unsaved)
        except (Unavailable, TimeoutError) as error:
            if not self._saving.away:
                log.warning("alarms_unsaved", lane=self._lane, error=str(error))
            self._saving.away = True
            self._metrics.saved.labels("failed").inc()
            await self._tell(unsaved)
            return
        if self._saving.away:
            log.info("alarms_saved_again", lane=self._lane)
        self._saving.away = False
        self._saving.saves += 1
        self._metrics.saved.labels("done").inc()
        self._unsaved = Unsaved()
        if unsaved.announced < len(unsaved.announcements):
            await self._tell(unsaved)
            await self._forget_announced()

    async def _tell(self, unsaved: Unsaved) -> None:
        untold = unsaved.announcements[unsaved.announced :]
        if untold:
            await self._announcer.announce(untold)
            unsaved.announced = len(unsaved.announcements)

    async def _forget_announced(self) -> None:
        try:
            async with asyncio.timeout(SAVE_TIMEOUT_S):
                await self._store.forget_announced(self._lane)
        except (Unavailable, TimeoutError) as error:
            # They are told once more at the next start, with the same ids.
            log.info("announcements_not_forgotten", lane=self._lane, error=str(error))
