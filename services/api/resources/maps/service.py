"""Maps of measured places: brought, taken into use, removed, each written down."""

import asyncio
from collections.abc import Callable
from functools import partial

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.resources.maps.schemas import (
    PlaceMap,
    PlaceMapList,
    PlaceMapWithRooms,
    Room,
    State,
)
from services.api.resources.maps.store import MapStore
from shared.contracts.instants import SECOND, to_text
from shared.contracts.place_maps import PlaceMap as Brought
from shared.contracts.place_maps import read_csv, read_json
from shared.database.pool import Row
from shared.errors import Invalid, NotFound

STARTS_AFTER_US = 15 * SECOND
"""A map holds from so long after it was taken into use: by then all who compute know of it, so
that every moment is computed with the maps that held at it, now and again later."""


class MapService:
    """Maps for a user."""

    def __init__(self, access: Access, store: MapStore) -> None:
        self._access = access
        self._store = store

    async def bring(
        self, request: Request, data: bytes, *, form: str, site: str | None, floor: str | None
    ) -> tuple[PlaceMap, bool]:
        """Keep a map as the next version of its floor; gives it, and whether it is new.

        Raises
        ------
        Denied : the user manages no devices
        Invalid : it is no map; the text says where
        """
        await self._access.require(request, Permission.MANAGE_MAPS, Action.BRING_MAP)
        given = await asyncio.to_thread(_reader(form, site, floor), data)
        # The audit row stands before the change.
        await self._granted(
            request, Action.BRING_MAP, site=given.site, floor=given.floor,
            sha256=given.digest.hex(),
        )  # fmt: skip
        number, is_new = await self._store.add(given, by=request.principal.username)
        return _shown(await self._row(number)), is_new

    async def maps(self, request: Request, *, limit: int, cursor: str | None) -> PlaceMapList:
        """A page of maps."""
        before = _before(cursor)
        await self._access.require(request, Permission.READ_DEVICES, Action.READ_MAPS)
        rows = await self._store.maps(before=before, limit=limit + 1)
        page = rows[:limit]
        return PlaceMapList(
            items=[_shown(row) for row in page],
            next=encode_list_cursor(str(page[-1]["id"])) if len(rows) > limit else None,
        )

    async def found(self, request: Request, number: int) -> PlaceMapWithRooms:
        """One map with its rooms.

        Raises
        ------
        NotFound : there is none
        """
        await self._access.require(request, Permission.READ_DEVICES, Action.READ_MAPS)
        shown = _shown(await self._row(number))
        rooms = await self._store.rooms(number)
        plan = [Room(id=row["id"], name=row["name"], outline=row["outline"]) for row in rooms]
        return PlaceMapWithRooms(**shown.model_dump(), plan=plan)

    async def use(self, request: Request, number: int) -> PlaceMap:
        """Take a map into use, instead of the one of its floor that is.

        Raises
        ------
        Denied, NotFound : the user manages no devices; there is no such map
        """
        await self._access.require(request, Permission.MANAGE_MAPS, Action.USE_MAP)
        row = await self._row(number)
        await self._granted(request, Action.USE_MAP, map=number, site=row["site"])
        await self._store.use(number, after_us=STARTS_AFTER_US, by=request.principal.username)
        return _shown(await self._row(number))

    async def remove(self, request: Request, number: int) -> None:
        """Forget a map; in use, it ends.

        Raises
        ------
        Denied, NotFound : as `use`
        """
        await self._access.require(request, Permission.MANAGE_MAPS, Action.REMOVE_MAP)
        row = await self._row(number)
        await self._granted(request, Action.REMOVE_MAP, map=number, site=row["site"])
        await self._store.remove(number, after_us=STARTS_AFTER_US)

    async def _row(self, number: int) -> Row:
        rows = await self._store.maps(number=number)
        if not rows or rows[0]["removed_at"] is not None:
            raise NotFound(f"map {number}")
        return rows[0]

    async def _granted(self, request: Request, action: Action, **detail: object) -> None:
        await self._access.audit.append(request.entry(action, Outcome.GRANTED, detail=detail))


def _reader(form: str, site: str | None, floor: str | None) -> Callable[[bytes], Brought]:
    if form == "application/json":
        return read_json
    if form == "text/csv":
        if site is None or floor is None:
            raise Invalid("Of a CSV text, `site` and `floor` stand in the query.")
        return partial(read_csv, site=site, floor=floor)
    raise Invalid("A map is application/json or text/csv; say which in Content-Type.")


def _before(cursor: str | None) -> int | None:
    if not cursor:
        return None
    (part,) = decode_list_cursor(cursor, 1)
    if not part.isdigit() or len(part) > 9:  # 32 bits
        raise BadCursorError("the cursor belongs to another list")
    return int(part)


def _shown(row: Row) -> PlaceMap:
    return PlaceMap(
        id=row["id"],
        site=row["site"],
        floor=row["floor"],
        version=row["version"],
        access_points=row["access_points"],
        points=row["n_points"],
        rooms=row["n_rooms"],
        made_by=row["made_by"],
        made_at=to_text(round(row["made_at"].timestamp() * 1e6)),
        state=_state(row),
        used_from=None if row["from_us"] is None else to_text(row["from_us"]),
        used_to=None if row["until_us"] is None else to_text(row["until_us"]),
    )


def _state(row: Row) -> State:
    if row["from_us"] is None:
        return "kept"
    if row["until_us"] is not None and row["until_us"] <= row["now_us"]:
        return "ended"
    return "starting" if row["from_us"] > row["now_us"] else "in_use"
