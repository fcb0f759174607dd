"""The event log for a user: what happened to whom they may see, and who did what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.caching import kept
from services.api.core.alarm_view import alarm_view
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.core.sight import SeenPatient
from services.api.parameters import LONGEST_EVENTS, Asked, time_range
from services.api.resources.eventlog.schemas import EventLog, LogEntry
from services.api.resources.eventlog.store import LogStore, Narrowed, Place, Scope
from services.api.resources.eventlog.topics import (
    ACTS,
    CLINICAL,
    EVENTS,
    TOLD_BY_EVENT,
    Topic,
    kinds_of,
    told_of,
    topic_of,
)
from shared.contracts.events import EventKind, Severity
from shared.contracts.instants import to_text
from shared.database.pool import Row
from shared.errors import Invalid
from shared.runtime.clock import Clock

_EVENT_NAMES = frozenset(str(kind) for kind in EVENTS)
_ACT_NAMES = frozenset(str(action) for action in ACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of the log is asked for; None: all."""

    topics: Sequence[Topic] | None = None
    kinds: Sequence[str] | None = None
    severities: Sequence[Severity] | None = None
    patient: str | None = None
    device: str | None = None
    source: str | None = None
    user: str | None = None


class LogService:
    """Reads the log for a user, each read written down."""

    def __init__(self, access: Access, store: LogStore, clock: Clock) -> None:
        self._access = access
        self._store = store
        self._clock = clock

    async def log(
        self,
        request: Request,
        wanted: Wanted,
        *,
        span: Asked,
        limit: int,
        cursor: str | None,
        if_none_match: str | None,
    ) -> Response:
        """A page of the log.

        Raises
        ------
        Invalid : the range, the cursor or a kind is none
        Denied : the role may not ask about patients, or about devices
        NotFound : there is no such patient or device, or none that the user may see
        """
        now_us = self._clock.now_us()
        interval = time_range(span.start, span.end, now_us=now_us, longest_us=LONGEST_EVENTS)
        after = _after(cursor)
        if wanted.kinds is not None and not set(wanted.kinds) <= _EVENT_NAMES | _ACT_NAMES:
            raise Invalid("There is no such kind of event.")
        scope = await self._scope(request, wanted)
        device = None
        if wanted.device is not None:
            device = (await self._access.device(request, wanted.device, Action.READ_EVENTS)).id
        rows = await self._store.log(
            scope,
            Narrowed(
                severities=wanted.severities,
                source=wanted.source,
                device=device,
                user=wanted.user,
            ),
            interval,
            after=after,
            limit=limit + 1,
        )
        page = rows[:limit]
        seen = {int(patient.id): patient for patient in scope.patients}
        await self._write_down(request, scope, page, seen)
        log = EventLog(
            items=[_shown(row, scope, seen) for row in page],
            next=encode_list_cursor(str(page[-1]["t"]), page[-1]["id"])
            if len(rows) > limit
            else None,
        )
        return kept(
            log.model_dump_json().encode(),
            interval=interval,
            now_us=now_us,
            if_none_match=if_none_match,
            media_type="application/json",
        )

    async def _scope(self, request: Request, wanted: Wanted) -> Scope:
        """Who cares for patients sees theirs; who manages devices sees these, and no patient."""
        may = request.principal.may
        kinds = kinds_of(wanted.topics, wanted.kinds)
        events, acts = kinds & _EVENT_NAMES, kinds & _ACT_NAMES
        if wanted.patient is not None or may(Permission.READ_CLINICAL):
            if wanted.patient is not None:
                one = await self._access.patient(request, wanted.patient, Action.READ_EVENTS)
                patients: tuple[SeenPatient, ...] = (one,)
            else:
                patients = await self._access.patients(
                    request, Permission.READ_CLINICAL, Action.READ_EVENTS
                )
            # who only looks is not told what people did
            names = may(Permission.ACT_ON_ALARMS)
            if wanted.user is None:
                acts -= {str(action) for action in TOLD_BY_EVENT}
            return Scope(
                patients=patients,
                events=events,
                acts=acts if names else frozenset(),
                names=names,
                manages=False,
                all_of_it=False,
            )
        await self._access.require(request, Permission.MANAGE_DEVICES, Action.READ_EVENTS)
        return Scope(
            patients=(),
            events=events - {str(kind) for kind in CLINICAL},
            acts=acts,
            names=True,
            manages=True,
            all_of_it=may(Permission.READ_AUDIT),
        )

    async def _write_down(
        self,
        request: Request,
        scope: Scope,
        page: Sequence[Row],
        seen: Mapping[int, SeenPatient],
    ) -> None:
        told = dict.fromkeys(row["patient_id"] for row in page)
        await self._access.note_read(
            request, Action.READ_EVENTS, [seen[key] for key in told if key in seen]
        )
        if scope.all_of_it and any(row["is_act"] for row in page):
            await self._access.audit.append(request.entry(Action.READ_AUDIT, Outcome.GRANTED))


def _shown(row: Row, scope: Scope, seen: Mapping[int, SeenPatient]) -> LogEntry:
    patient = seen.get(row["patient_id"] or 0)
    by, by_name, outcome, data = _told(row, scope, patient)
    return LogEntry(
        id=row["id"],
        t=to_text(row["t"]),
        topic=topic_of(row["kind"]),
        kind=row["kind"],
        severity=row["severity"],
        source=row["source"],
        by=by,
        by_name=by_name,
        outcome=outcome,
        reason=row["reason"],
        patient=row["patient"] if patient is not None or scope.all_of_it else None,
        bed=patient.bed.key if patient is not None and patient.bed is not None else None,
        device=row["device"],
        text_key=row["text_key"],
        data=data,
    )


def _told(
    row: Row, scope: Scope, patient: SeenPatient | None
) -> tuple[str | None, str | None, str | None, dict[str, object]]:
    """By whom (user name, name), with which outcome, and what goes into the text."""
    if row["is_act"]:
        data = told_of(row["kind"], row["data"], clinical=patient is not None)
        if row["is_command"]:
            data["args"] = row["args"]
        return (
            row["actor"],
            row["display_name"],
            _outcome(row),
            data,
        )
    if row["kind"] == EventKind.ALARM and patient is not None:
        alarm = alarm_view(row["data"], patient)
        seen_by = alarm["acknowledged_by"] if alarm["state"] == "acknowledged" else None
        alarm["revision"] = row["data"].get("revision")  # 1: its begin
        return None, seen_by, alarm["state"], alarm
    if row["kind"] == EventKind.COMMAND_FINISHED:
        return (
            row["requested_by"] if scope.names else None,
            row["display_name"] if scope.names else None,
            row["data"].get("outcome"),
            row["data"],
        )
    return None, None, None, row["data"]


def _outcome(row: Row) -> str | None:
    """Of a command its state; none when it is not known any more, or was never sent."""
    if row["kind"] != Action.COMMAND_DEVICE:
        return str(row["outcome"])
    if not row["is_command"]:
        return "refused" if row["outcome"] == "refused" else None
    if row["command_outcome"] is not None:
        return str(row["command_outcome"])
    if not row["is_taken"]:
        return "expired" if row["is_over"] else "queued"
    return "waiting" if row["sent_at"] is None else "sent"


def _after(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    t, row_id = decode_list_cursor(cursor, 2)
    if not t.isdigit() or len(t) > 18:
        raise BadCursorError("the cursor belongs to another list")
    return int(t), row_id
