"""Where patients and devices are, and were."""

import math
from collections.abc import Mapping

from starlette.responses import Response

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.caching import kept
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.parameters import LONGEST_SAMPLES, Asked, time_range
from services.api.resources.places.schemas import (
    CurrentPlace,
    DevicePlace,
    Place,
    PlanRoom,
    Rooms,
    RoomSeen,
    RoomTime,
    Track,
)
from services.api.resources.places.store import PlaceStore
from shared.contracts.identity import PatientKey
from shared.contracts.instants import DAY, HOUR, SECOND, Interval, Microseconds, to_text
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.quality import Validity
from shared.database.pool import Row
from shared.runtime.clock import Clock

_STALE_US = round(MEASURES[Measure.POSITION].stale_s * SECOND)
_ABSENT = Validity.ABSENT.key
_NOBODY = PatientKey(0)
_LONGEST_ROOMS = Microseconds(DAY + HOUR)  # a day on which clocks are set back


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
        row = await self._store.newest(seen.id, since_us=now_us - HOUR)
        if row is None:
            return CurrentPlace(patient=seen.key, at=to_text(now_us), place=None, plan=None)
        place, drawn = await self._told(row, now_us=now_us, plan=plan)
        return CurrentPlace(patient=seen.key, at=to_text(now_us), place=place, plan=drawn)

    async def of_device(self, request: Request, device: str, *, plan: bool) -> DevicePlace:
        """The newest place of a device, as far as it is not that of a patient of others.

        Raises
        ------
        NotFound : there is no such device, or none of a patient of theirs
        """
        seen = await self._access.device(request, device, Action.READ_PLACE)
        # Who reads no vital signs is told no place of somebody who wears it either.
        wearer = seen.patient if request.principal.may(Permission.READ_CLINICAL) else None
        now_us = self._clock.now_us()
        row = await self._store.newest(
            _NOBODY if wearer is None else wearer.id, since_us=now_us - HOUR, device=seen.id
        )
        answer = DevicePlace(
            device=seen.device,
            at=to_text(now_us),
            patient=None if wearer is None else wearer.key,
            place=None,
            plan=None,
        )
        if row is not None:
            answer.place, answer.plan = await self._told(row, now_us=now_us, plan=plan)
        return answer

    async def rooms(self, request: Request, patient: str, span: Asked) -> Rooms:
        """How long a patient was in which room; the last day where no interval is named."""
        now_us = self._clock.now_us()
        asked = time_range(span.start, span.end, now_us=now_us, longest_us=_LONGEST_ROOMS)
        start = asked.start if span.start is not None else Microseconds(max(0, asked.end - DAY))
        # What has not passed yet counts for no room; of a range to come nothing is left.
        end = Microseconds(max(start, min(asked.end, now_us)))
        seen = await self._access.patient(request, patient, Action.READ_PLACE)
        rows = await self._store.time_in_rooms(
            seen, Interval(start=start, end=end), longest_us=_STALE_US
        )
        rooms = await self._store.rooms(rows)
        items = [
            RoomTime(
                id=room["id"],
                name=room["name"],
                site=room["site"],
                floor=room["floor"],
                seconds=row["us"] / SECOND,
                first=to_text(row["first"]),
                last=to_text(row["last"]),
            )
            for row in rows
            if (room := rooms.get(int(row["room"]))) is not None
        ]
        return Rooms(
            patient=seen.key,
            start=to_text(start),
            end=to_text(end),
            known_s=sum(item.seconds for item in items),
            items=items,
        )

    async def _told(
        self, row: Row, *, now_us: int, plan: bool
    ) -> tuple[Place, list[PlanRoom] | None]:
        rooms = await self._store.rooms([row])
        place = _place(row, rooms)
        if now_us - row["t"] > _STALE_US:
            place.validity = Validity.STALE.key
        around = rooms.get(place.room.id) if place.room is not None else None
        if not plan or around is None:
            return place, None
        drawn = await self._store.plan(around["map_id"])
        return place, [
            PlanRoom(id=one["id"], name=one["name"], outline=one["outline"]) for one in drawn
        ]

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
