"""The events of a patient over time."""

from collections.abc import Sequence

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.alarm_view import alarm_view
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.sight import SeenPatient
from services.api.parameters import LONGEST_EVENTS, Asked, time_range
from services.api.resources.events.schemas import EventList, PatientEvent
from services.api.resources.events.store import EventStore
from shared.contracts.events import EventKind
from shared.contracts.instants import to_text
from shared.database.pool import Row
from shared.runtime.clock import Clock


class EventService:
    """Reads events for a user, each read written down."""

    def __init__(self, access: Access, store: EventStore, clock: Clock) -> None:
        self._access = access
        self._store = store
        self._clock = clock

    async def events(
        self,
        request: Request,
        patient: str,
        *,
        span: Asked,
        kinds: Sequence[EventKind] | None,
        limit: int,
        cursor: str | None,
    ) -> EventList:
        """A page of events."""
        interval = time_range(
            span.start, span.end, now_us=self._clock.now_us(), longest_us=LONGEST_EVENTS
        )
        after = _after(cursor)
        seen = await self._access.patient(request, patient, Action.READ_EVENTS)
        rows = await self._store.events(seen, interval, kinds=kinds, after=after, limit=limit + 1)
        page = rows[:limit]
        return EventList(
            items=[_shown(row, seen) for row in page],
            next=encode_list_cursor(str(page[-1]["t"]), page[-1]["id"])
            if len(rows) > limit
            else None,
        )


def _shown(row: Row, patient: SeenPatient) -> PatientEvent:
    is_alarm = row["kind"] == EventKind.ALARM
    return PatientEvent(
        id=row["id"],
        t=to_text(row["t"]),
        kind=row["kind"],
        severity=row["severity"],
        patient=patient.key,
        device=row["device"],
        source=row["source"],
        data=alarm_view(row["data"], patient) if is_alarm else row["data"],
        text_key=row["text_key"],
    )


def _after(cursor: str | None) -> tuple[int, str] | None:
    if not cursor:
        return None
    t, event_id = decode_list_cursor(cursor, 2)
    if not t.isdigit() or len(t) > 18:
        raise BadCursorError("the cursor belongs to another list")
    return int(t), event_id
