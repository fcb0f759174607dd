"""The audit trail for the administrator; reading it is written down too."""

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.parameters import time_range
from services.api.resources.audit.schemas import Entry, EntryList
from services.api.resources.audit.store import EntryStore, Place
from shared.contracts.instants import to_text
from shared.database.pool import Row
from shared.runtime.clock import Clock


class EntryService:
    """Reads the audit trail."""

    def __init__(self, access: Access, store: EntryStore, clock: Clock) -> None:
        self._access = access
        self._store = store
        self._clock = clock

    async def entries(
        self,
        request: Request,
        *,
        start: str | None,
        end: str | None,
        patient: str | None,
        actor: str | None,
        limit: int,
        cursor: str | None,
    ) -> EntryList:
        """A page of entries."""
        await self._access.require(request, Permission.READ_AUDIT, Action.READ_AUDIT)
        interval = time_range(start, end, now_us=self._clock.now_us())
        after = _after(cursor)
        await self._access.audit.append(request.entry(Action.READ_AUDIT, Outcome.GRANTED))
        rows = await self._store.entries(
            interval, patient=patient, actor=actor, after=after, limit=limit + 1
        )
        page = rows[:limit]
        return EntryList(
            items=[_shown(row) for row in page],
            next=_cursor(page[-1]) if len(rows) > limit else None,
        )


def _shown(row: Row) -> Entry:
    return Entry(
        chain=row["chain"],
        n=row["n"],
        t=to_text(row["at_us"]),
        actor=row["actor"],
        action=row["action"],
        resource=row["resource"],
        outcome=row["outcome"],
        patient=row["patient"],
        device=row["device"],
        reason=row["reason"],
        origin=row["origin"],
        request_id=row["request_id"],
        detail=row["detail"],
    )


def _cursor(row: Row) -> str:
    return encode_list_cursor(str(row["at_us"]), row["chain"], str(row["n"]))


def _after(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    at_us, chain, number = decode_list_cursor(cursor, 3)
    if not all(part.isdigit() and len(part) <= 18 for part in (at_us, number)):
        raise BadCursorError("the cursor belongs to another list")
    return int(at_us), chain, int(number)
