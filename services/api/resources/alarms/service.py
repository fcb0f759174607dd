"""Which alarms a user sees, and what the user does to them.

Alarms are changed by the alarms service alone: an action goes to its queue, and the answer waits a
moment for what became of it.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.alarm_view import alarm_view
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.core.sight import SeenPatient
from services.api.parameters import open_range
from services.api.resources.alarms.schemas import Alarm, AlarmFilter, AlarmList, Pause, Paused
from services.api.resources.alarms.store import AlarmStore
from shared.contracts.actions import Acknowledge, PauseSound
from shared.contracts.instants import MINUTE, to_text
from shared.database.pool import Row
from shared.errors import NotFound
from shared.runtime.clock import Clock

_LOOK_EVERY_S = 0.05


class AlarmService:
    """Alarms for a user."""

    def __init__(
        self, access: Access, store: AlarmStore, clock: Clock, *, action_wait_s: float
    ) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._action_wait_s = action_wait_s

    async def alarms(
        self, request: Request, wanted: AlarmFilter, *, limit: int, cursor: str | None
    ) -> AlarmList:
        """A page of alarms of those patients whom the user may see."""
        between, patient = open_range(wanted.span), wanted.patient
        seen = await self._chosen(
            request,
            Permission.READ_CLINICAL,
            Action.READ_ALARMS,
            ward=wanted.ward,
            patient=patient,
        )
        rows = await self._store.alarms(
            seen,
            past_too=wanted.past_too,
            between=between,
            priority=wanted.priority,
            after=_after(cursor),
            limit=limit + 1,
        )
        page, by_id = rows[:limit], {one.id: one for one in seen}
        given = {row["patient_id"] for row in page}
        await self._access.note_read(
            request,
            Action.READ_ALARMS,
            [one for one in seen if one.id in given or patient is not None],
        )
        return AlarmList(
            items=[_shown(row, by_id[row["patient_id"]]) for row in page],
            next=(
                encode_list_cursor(str(page[-1]["since_us"]), page[-1]["id"])
                if len(rows) > limit
                else None
            ),
        )

    async def acknowledge(
        self, request: Request, alarm_id: str, *, key: str | None
    ) -> tuple[Alarm, bool]:
        """Take notice of an alarm; gives it, and whether that was carried out already."""
        seen = await self._access.patients(
            request, Permission.ACT_ON_ALARMS, Action.ACKNOWLEDGE_ALARM
        )
        row = await self._store.alarm(alarm_id, seen)
        if row is None:
            await self._access.refuse(
                request,
                Action.ACKNOWLEDGE_ALARM,
                reason="no relation",
                patient_id=await self._store.patient_of(alarm_id),
            )
            raise NotFound(f"alarm {alarm_id}")
        patient = next(one for one in seen if one.id == row["patient_id"])
        now_us = self._clock.now_us()
        principal = request.principal
        action = Acknowledge(
            id=_action_id(
                "acknowledge", principal.user_id, alarm_id, key or request.origin.request_id
            ),
            alarm=alarm_id,
            by=principal.user_id,
            by_name=principal.display_name,
            at=now_us,
        )
        await self._access.audit.append(
            request.entry(
                Action.ACKNOWLEDGE_ALARM,
                Outcome.GRANTED,
                patient_id=patient.id,
                detail={"alarm": alarm_id},
            )
        )
        await self._store.act([action])
        done = await self._carried_out([action.id])
        newest = await self._store.alarm(alarm_id, seen)
        return _shown(newest if newest is not None else row, patient), done

    async def pause(
        self, request: Request, asked: Pause, *, key: str | None
    ) -> tuple[Paused, bool]:
        """Let the alarm sound rest; gives until when, and whether that was carried out already."""
        chosen = await self._chosen(
            request,
            Permission.ACT_ON_ALARMS,
            Action.PAUSE_ALARMS,
            ward=asked.ward,
            patient=asked.patient,
        )
        now_us = self._clock.now_us()
        until_us = now_us + asked.minutes * MINUTE
        principal = request.principal
        actions = [
            PauseSound(
                id=_action_id(
                    "pause", principal.user_id, one.key, key or request.origin.request_id
                ),
                patient=one.id,
                until=until_us,
                by=principal.user_id,
                by_name=principal.display_name,
                at=now_us,
            )
            for one in chosen
        ]
        await self._access.audit.append(
            *(
                request.entry(
                    Action.PAUSE_ALARMS,
                    Outcome.GRANTED,
                    patient_id=one.id,
                    detail={"minutes": asked.minutes},
                )
                for one in chosen
            )
        )
        await self._store.act(actions)
        done = await self._carried_out([action.id for action in actions])
        return Paused(until=to_text(until_us), patients=[one.key for one in chosen]), done

    async def _chosen(
        self,
        request: Request,
        permission: Permission,
        action: Action,
        *,
        ward: str | None,
        patient: str | None,
    ) -> tuple[SeenPatient, ...]:
        seen = await self._access.patients(request, permission, action)
        chosen = tuple(
            one
            for one in seen
            if (patient is None or one.key == patient)
            and (ward is None or (one.ward is not None and one.ward.key == ward))
        )
        if chosen or (patient is None and ward is None):
            return chosen
        own = {one.key for one in await self._access.own_wards(request.principal.user_id)}
        if patient is None and ward in own:
            return ()
        await self._access.refuse(request, action, reason="no relation")
        raise NotFound("patient or ward")

    async def _carried_out(self, action_ids: Sequence[str]) -> bool:
        give_up_s = self._clock.monotonic_s() + self._action_wait_s
        while True:
            if len(await self._store.outcomes(action_ids)) == len(action_ids):
                return True
            if self._clock.monotonic_s() >= give_up_s:
                return False
            await self._clock.sleep(_LOOK_EVERY_S)


def _shown(row: Row, patient: SeenPatient) -> Alarm:
    data: dict[str, Any] = row["data"]
    return Alarm.model_validate(alarm_view(data, patient))


def _after(cursor: str | None) -> tuple[int, str] | None:
    if not cursor:
        return None
    since, alarm_id = decode_list_cursor(cursor, 2)
    if not since.isdigit() or len(since) > 18:
        raise BadCursorError("the cursor belongs to another list")
    return int(since), alarm_id


def _action_id(kind: str, user_id: int, subject: str, key: str) -> str:
    """Id of an action: the same for the same request sent again with its Idempotency-Key."""
    text = "\x1f".join((kind, str(user_id), subject, key))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
