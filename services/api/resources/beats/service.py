"""The beats of a patient over time."""

import math

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.parameters import LONGEST_SAMPLES, Asked, time_range
from services.api.resources.beats.schemas import Beat, BeatList
from services.api.resources.beats.store import BeatStore, Place
from shared.contracts.beats import BeatClass, BeatKind
from shared.contracts.instants import to_text
from shared.database.pool import Row
from shared.errors import Invalid
from shared.runtime.clock import Clock

_KINDS = {int(kind): kind.name.lower() for kind in BeatKind}
_KIND_NUMBERS = {key: number for number, key in _KINDS.items()}
_CLASSES = {int(kind): kind.name for kind in BeatClass} | {0: "unclassified"}


class BeatService:
    """Reads beats for a user, each read written down."""

    def __init__(self, access: Access, store: BeatStore, clock: Clock) -> None:
        self._access = access
        self._store = store
        self._clock = clock

    async def beats(
        self,
        request: Request,
        patient: str,
        *,
        span: Asked,
        device: str | None,
        kind: str | None,
        limit: int,
        cursor: str | None,
    ) -> BeatList:
        """A page of beats."""
        if kind is not None and kind not in _KIND_NUMBERS:
            raise Invalid("A beat is an r_peak or a pulse_foot.")
        interval = time_range(
            span.start, span.end, now_us=self._clock.now_us(), longest_us=LONGEST_SAMPLES
        )
        after = _after(cursor)
        seen = await self._access.patient(request, patient, Action.READ_BEATS)
        rows = await self._store.beats(
            seen,
            interval,
            device=device,
            kind=None if kind is None else _KIND_NUMBERS[kind],
            after=after,
            limit=limit + 1,
        )
        page = rows[:limit]
        return BeatList(
            patient=seen.key,
            items=[_shown(row) for row in page],
            next=_cursor(page[-1]) if len(rows) > limit else None,
        )


def _shown(row: Row) -> Beat:
    return Beat(
        t=to_text(row["t"]),
        device=row["device"],
        kind=_KINDS.get(row["kind"], str(row["kind"])),
        beat_class=_CLASSES.get(row["class"], str(row["class"])),
        rr_ms=None if math.isnan(row["rr_ms"]) else round(row["rr_ms"], 3),
        quality=round(row["quality"], 3),
    )


def _cursor(row: Row) -> str:
    return encode_list_cursor(str(row["t"]), str(row["device_id"]), str(row["kind"]))


def _after(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    parts = decode_list_cursor(cursor, 3)
    if not all(
        part.isdigit() and len(part) <= most for part, most in zip(parts, (18, 9, 3), strict=True)
    ):
        raise BadCursorError("the cursor belongs to another list")
    return int(parts[0]), int(parts[1]), int(parts[2])
