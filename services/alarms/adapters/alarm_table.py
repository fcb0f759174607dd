"""Schema `alarm`: what stands, what is remembered, where reading goes on, what is to be told."""

from collections.abc import Callable, Sequence

import msgspec

from services.alarms.core.inputs import PendingAction
from services.alarms.core.memory import Memory
from services.alarms.core.occurrence import Occurrence, Standing
from services.alarms.core.unsaved import Announcement, Restored, Unsaved
from shared.contracts.actions import Acknowledge, AlarmAction, encode_action
from shared.contracts.events import Event, decode_event, encode_event
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange
from shared.contracts.notices import Notice
from shared.database.pool import Database, Session
from shared.database.statements import Statements
from shared.errors import Conflict
from shared.runtime.clock import Clock


class AlarmTable:
    """Saves a lane in one transaction.

    Parameters
    ----------
    incarnation : of the streams that the positions belong to
    lane_of : lane of a patient
    """

    def __init__(
        self,
        database: Database,
        statements: Statements,
        *,
        incarnation: int,
        lane_of: Callable[[int], Lane],
        clock: Clock,
    ) -> None:
        self._database = database
        self._statements = statements
        self._incarnation = incarnation
        self._lane_of = lane_of
        self._clock = clock

    async def restore(self, lane: Lane) -> Restored:
        """The lane as it was saved last."""
        async with self._database.transaction() as session:
            saved = await session.fetch_one(self._statements["read_lane"], lane)
            positions = await session.fetch(
                self._statements["read_positions"], self._incarnation, lane
            )
            memories = await session.fetch(self._statements["read_memories"])
            outbox = await session.fetch(self._statements["read_outbox"], lane)
        return Restored(
            saves=0 if saved is None else saved["saves"],
            now=0 if saved is None else saved["now_us"],
            positions={row["stream"]: row["next_offset"] for row in positions},
            memories={
                row["patient_id"]: msgspec.convert(row["state"], Memory, strict=False)
                for row in memories
                if self._lane_of(row["patient_id"]) == lane
            },
            open=[_read_announcement(row["exchange"], row["body"]) for row in outbox],
        )

    async def save(self, lane: Lane, saves: int, unsaved: Unsaved) -> None:
        """Save all of it in one transaction, if nobody else has saved the lane meanwhile.

        Raises
        ------
        Conflict : somebody has: the count of saves is not the one that was left
        """
        async with self._database.transaction() as session:
            counted = await session.fetch_value(
                self._statements["count_save"], lane, saves, unsaved.now
            )
            if counted != saves + 1:
                raise Conflict(f"lane {lane} was saved by another process")
            for stream, next_offset in unsaved.positions.items():
                await session.execute(
                    self._statements["save_position"], self._incarnation, stream, lane, next_offset
                )
            if unsaved.memories:
                await session.execute(
                    self._statements["save_memories"],
                    list(unsaved.memories),
                    [memory.decode() for memory, _ in unsaved.memories.values()],
                    [due for _, due in unsaved.memories.values()],
                )
            await self._save_alarms(session, list(unsaved.alarms.values()))
            await self._add_outbox(session, lane, unsaved.announcements[unsaved.announced :])
            if unsaved.actions:
                await session.execute(
                    self._statements["finish_actions"],
                    self._clock.now_us(),
                    list(unsaved.actions),
                    list(unsaved.actions.values()),
                )
            for patient, limits in unsaved.limits.items():
                await session.execute_many(
                    self._statements["save_limit"],
                    [
                        (
                            patient, measure, bounds.low, bounds.high, bounds.extreme_low,
                            bounds.extreme_high, bounds.enabled, bounds.delay_s, bounds.source,
                        )
                        for measure, bounds in limits.items()
                    ],
                )  # fmt: skip

    async def forget_announced(self, lane: Lane) -> None:
        """Drop what was to be told of the lane: all of it was."""
        async with self._database.session() as session:
            await session.execute(self._statements["forget_outbox"], lane)

    async def _save_alarms(self, session: Session, alarms: Sequence[Occurrence]) -> None:
        ended = [alarm for alarm in alarms if alarm.state is Standing.ENDED]
        standing = [alarm for alarm in alarms if alarm.state is not Standing.ENDED]
        for group in (ended, standing):  # an ended one first: the new one takes its place
            if group:
                await session.execute_many(
                    self._statements["save_alarm"], [_alarm_row(alarm) for alarm in group]
                )

    async def _add_outbox(
        self, session: Session, lane: Lane, announcements: Sequence[Announcement]
    ) -> None:
        if announcements:
            await session.execute(
                self._statements["add_outbox"],
                lane,
                [it.patient or 0 for it in announcements],
                [_exchange(it).value for it in announcements],
                [it.id for it in announcements],
                [_write_announcement(it) for it in announcements],
            )


class ActionTable:
    """Table `alarm.action`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def keep(self, action: AlarmAction, taken_us: int) -> PendingAction | None:
        """Keep an action, once by its id; None without a patient, or when it was carried out."""
        async with self._database.transaction() as session:
            patient = (
                await session.fetch_value(self._statements["patient_of_alarm"], action.alarm)
                if isinstance(action, Acknowledge)
                else action.patient
            )
            if patient is None:
                return None
            body = msgspec.json.decode(encode_action(action))
            await session.execute(
                self._statements["keep_action"], action.id, patient, body, taken_us
            )
            kept = await session.fetch_one(self._statements["read_action"], action.id)
        if kept is None or kept["done_us"] is not None:
            return None  # no such patient, or carried out before
        return PendingAction(id=action.id, patient=patient, action=action)

    async def pending(self) -> Sequence[PendingAction]:
        """The kept actions that were not carried out, oldest first."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["pending_actions"])
        return [
            PendingAction(
                id=row["id"],
                patient=row["patient_id"],
                action=msgspec.convert(row["body"], AlarmAction),
            )
            for row in rows
        ]


def _alarm_row(alarm: Occurrence) -> tuple[object, ...]:
    return (
        alarm.patient,
        alarm.id,
        alarm.device,
        alarm.condition.value,
        alarm.kind.value,
        alarm.priority.value,
        alarm.state.value,
        alarm.revision,
        alarm.since,
        alarm.updated,
        alarm.ended_at,
        alarm.ended_because.value if alarm.ended_because else None,
        alarm.acknowledged_by,
        alarm.as_data(),
    )


def _exchange(announcement: Announcement) -> Exchange:
    return Exchange.EVENTS if isinstance(announcement, Event) else Exchange.NOTICES


def _write_announcement(announcement: Announcement) -> bytes:
    if isinstance(announcement, Event):
        return encode_event(announcement)
    return msgspec.json.encode(announcement)


def _read_announcement(exchange: str, body: bytes) -> Announcement:
    if exchange == Exchange.EVENTS:
        return decode_event(body)
    return msgspec.json.decode(body, type=Notice)
