"""Where a patient is, and was."""

import math
from collections.abc import Mapping

from starlette.responses import Response

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.caching import kept
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.parameters import LONGEST_SAMPLES, Asked, time_range
from services.api.resources.places.schemas import CurrentPlace, Place, PlanRoom, RoomSeen, Track
from services.api.resources.places.store import PlaceStore
from shared.contracts.instants import HOUR, SECOND, to_text
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.quality import Validity
from shared.database.pool import Row
from shared.runtime.clock import Clock

_STALE_US = round(MEASURES[Measure.POSITION].stale_s * SECOND)
_ABSENT = Validity.ABSENT.key


class PlaceService:
    """Reads places for a user, each read written down."""

    def __init__(self, access: Access, store: PlaceStore, clock: Clock) -> None:
        self._access = access
        self._store = store
        self._clock = clock

    async def current(self, request: Request, patient: str, *, plan: bool) -> CurrentPlace:
        """The newest place of a patient, with the rooms around it where they are asked for."""
        seen = await self._access.patient(request, patient, Action.READ_PLACE)
        now_us = self._clock.now_us()
        row = await self._store.newest(seen, since_us=now_us - HOUR)
        if row is None:
            return CurrentPlace(patient=seen.key, at=to_text(now_us), place=None, plan=None)
        rooms = await self._store.rooms([row])
        place = _place(row, rooms)
        if now_us - row["t"] > _STALE_US:
            place.validity = Validity.STALE.key
        around = rooms.get(place.room.id) if place.room is not None else None
        drawn = await self._store.plan(around["map_id"]) if plan and around is not None else None
        return CurrentPlace(
            patient=seen.key,
            at=to_text(now_us),
            place=place,
            plan=None
            if drawn is None
            else [
                PlanRoom(id=one["id"], name=one["name"], outline=one["outline"]) for one in drawn
            ],
        )

    async def track(
        self,
        request: Request,
        patient: str,
        *,
        span: Asked,
        device: str | None,
        limit: int,
        cursor: str | None,
        if_none_match: str | None,
    ) -> Response:
        """A page of places."""
        now_us = self._clock.now_us()
        interval = time_range(span.start, span.end, now_us=now_us, longest_us=LONGEST_SAMPLES)
        after = _after(cursor)
        seen = await self._access.patient(request, patient, Action.READ_PLACE)
        rows = await self._store.track(seen, interval, device=device, after=after, limit=limit + 1)
        page = rows[:limit]
        rooms = await self._store.rooms(page)
        answer = Track(
            patient=seen.key,
            items=[_place(row, rooms) for row in page],
            next=None
            if len(rows) <= limit
            else encode_list_cursor(str(page[-1]["t"]), str(page[-1]["device_id"])),
        )
        return kept(
            answer.model_dump_json().encode(),
            interval=interval,
            now_us=now_us,
            if_none_match=if_none_match,
            media_type="application/json",
        )


def _place(row: Row, rooms: Mapping[int, Row]) -> Place:
    number = _number(row["room"], 0)
    room = rooms.get(int(number)) if number is not None else None
    x = _number(row["x"], 2)
    return Place(
        t=to_text(row["t"]),
        device=row["device"],
        x=x,
        y=_number(row["y"], 2),
        within_m=_number(row["within_m"], 1),
        quality=round(row["quality"], 3) if x is not None else 0.0,
        validity=Validity(row["validity"]).key if x is not None else _ABSENT,
        room=None
        if room is None
        else RoomSeen(
            id=room["id"],
            name=room["name"],
            site=room["site"],
            floor=room["floor"],
            quality=round(row["room_quality"], 3),
        ),
    )


def _number(value: float | None, digits: int) -> float | None:
    return None if value is None or math.isnan(value) else round(value, digits)


def _after(cursor: str | None) -> tuple[int, int] | None:
    if not cursor:
        return None
    parts = decode_list_cursor(cursor, 2)
    if not all(
        part.isdigit() and len(part) <= most for part, most in zip(parts, (18, 9), strict=True)
    ):
        raise BadCursorError("the cursor belongs to another list")
    return int(parts[0]), int(parts[1])
