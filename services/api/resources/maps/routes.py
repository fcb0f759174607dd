"""Maps of measured places: /v1/maps."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.requests import Request as HttpRequest

from services.api.access import Request
from services.api.parameters import Cursor, Limit
from services.api.resources.maps.schemas import PlaceMap, PlaceMapList, PlaceMapWithRooms
from services.api.resources.maps.service import MapService

PATH = "/v1/maps"
_MapId = Annotated[int, Path(alias="map", ge=1, le=2**31 - 1, description="Number of a map")]
_Key = Query(pattern=r"^[a-z0-9-]{1,40}$", description="Of a CSV text; JSON says it itself")
_STRENGTH = {"type": ["number", "null"], "minimum": -105, "maximum": 0}
_METRES = {"type": "number", "minimum": -100_000, "maximum": 100_000}
_CORNER = {"type": "array", "items": _METRES, "minItems": 2, "maxItems": 2}
_KEY = {"type": "string", "pattern": "^[a-z0-9-]{1,40}$"}
_NAME = {"type": "string", "minLength": 1, "maxLength": 80}
_ROOM = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _NAME,
        "outline": {"type": "array", "items": _CORNER, "minItems": 3, "maxItems": 64},
    },
}
_POINT = {
    "type": "object",
    "required": ["x", "y", "dbm"],
    "properties": {
        "x": _METRES,
        "y": _METRES,
        "room": _NAME,
        "heading": {"type": "number", "minimum": 0, "exclusiveMaximum": 360},
        "dbm": {
            "type": "array",
            "items": _STRENGTH,
            "description": "Of each access point in their order; null where it was not heard",
        },
    },
}
_JSON_MAP = {
    "type": "object",
    "required": ["site", "floor", "access_points", "points"],
    "properties": {
        "site": _KEY,
        "floor": _KEY,
        "access_points": {"type": "array", "items": _NAME, "minItems": 1, "maxItems": 64},
        "rooms": {"type": "array", "items": _ROOM, "maxItems": 500},
        "points": {"type": "array", "items": _POINT, "minItems": 1, "maxItems": 5_000},
    },
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 2 MiB. A point lies in the room that it names, or in the one whose "
        "outline holds it",
        "content": {
            "application/json": {"schema": _JSON_MAP},
            "text/csv": {
                "schema": {
                    "type": "string",
                    "description": "Head: x,y,room,heading and then the access points",
                }
            },
        },
    }
}


def routes(service: MapService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of maps."""
    router = APIRouter(prefix=PATH, tags=["maps"])

    @router.post(
        "",
        status_code=HTTPStatus.CREATED,
        summary="Bring the map of a floor",
        openapi_extra=_BODY,
        responses={int(HTTPStatus.OK): {"model": PlaceMap, "description": "It was brought before"}},
    )
    async def bring(
        request: Annotated[Request, Depends(caller)],
        http: HttpRequest,
        response: Response,
        site: Annotated[str | None, _Key] = None,
        floor: Annotated[str | None, _Key] = None,
    ) -> PlaceMap:
        """Kept as the next version; places are told by it once it is taken into use."""
        form = http.headers.get("content-type", "").partition(";")[0].strip().lower()
        answer, is_new = await service.bring(
            request, await http.body(), form=form, site=site, floor=floor
        )
        response.headers["Location"] = f"{PATH}/{answer.id}"
        if not is_new:
            response.status_code = HTTPStatus.OK
        return answer

    @router.get("", summary="Maps of all floors")
    async def maps(
        request: Annotated[Request, Depends(caller)], limit: Limit = 100, cursor: Cursor = None
    ) -> PlaceMapList:
        """The newest first."""
        return await service.maps(request, limit=limit, cursor=cursor)

    @router.get("/{map}", summary="A map with its rooms")
    async def found(
        request: Annotated[Request, Depends(caller)], number: _MapId
    ) -> PlaceMapWithRooms:
        """Its rooms with their outlines, and whether it is in use."""
        return await service.found(request, number)

    @router.post("/{map}/use", summary="Take a map into use")
    async def use(request: Annotated[Request, Depends(caller)], number: _MapId) -> PlaceMap:
        """It holds from 15 s later on, instead of the map of its floor that is in use."""
        return await service.use(request, number)

    @router.delete("/{map}", status_code=HTTPStatus.NO_CONTENT, summary="Remove a map")
    async def remove(request: Annotated[Request, Depends(caller)], number: _MapId) -> None:
        """What was measured is forgotten; places that were told by it stay, with their rooms."""
        await service.remove(request, number)

    return router
