"""GET /v1/alarms, and what people do to alarms."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from services.api.access import Request
from services.api.parameters import (
    Asked,
    Cursor,
    IdempotencyKeyHeader,
    Limit,
    OpenEnd,
    OpenStart,
)
from services.api.resources.alarms.schemas import Alarm, AlarmFilter, AlarmList, Pause, Paused
from services.api.resources.alarms.service import AlarmService

_AlarmId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="Id of an alarm")]


def _wanted(
    state: Annotated[Literal["active", "all"], Query()] = "active",
    ward: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,40}$")] = None,
    patient: Annotated[str | None, Query(pattern=r"^p-[a-z0-9]{5,20}$")] = None,
    priority: Annotated[Literal["high", "medium", "low"] | None, Query()] = None,
    start: OpenStart = None,
    end: OpenEnd = None,
) -> AlarmFilter:
    return AlarmFilter(
        past_too=state == "all",
        ward=ward,
        patient=patient,
        priority=priority,
        span=Asked(start=start, end=end),
    )


def routes(service: AlarmService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of alarms."""
    router = APIRouter(prefix="/v1/alarms", tags=["alarms"])

    @router.get("", summary="Alarms of the patients whom the user may see")
    async def alarms(
        request: Annotated[Request, Depends(caller)],
        wanted: Annotated[AlarmFilter, Depends(_wanted)],
        limit: Limit = 200,
        cursor: Cursor = None,
    ) -> AlarmList:
        """Standing alarms, or all; the newest onset first.

        With `from` and `to` those that stood at any time in between, whenever they began.
        """
        return await service.alarms(request, wanted, limit=limit, cursor=cursor)

    @router.post(
        "/{alarm}/acknowledge",
        summary="Take notice of an alarm",
        responses={
            int(HTTPStatus.ACCEPTED): {
                "model": Alarm,
                "description": "Taken, not carried out yet; the alarm as it stands",
            }
        },
    )
    async def acknowledge(
        request: Annotated[Request, Depends(caller)],
        alarm: _AlarmId,
        response: Response,
        key: IdempotencyKeyHeader = None,
    ) -> Alarm:
        """The alarm stops sounding and stays listed until its cause ends."""
        shown, done = await service.acknowledge(request, alarm, key=key)
        response.status_code = HTTPStatus.OK if done else HTTPStatus.ACCEPTED
        return shown

    @router.post(
        "/pause",
        summary="Let the alarm sound rest",
        responses={
            int(HTTPStatus.ACCEPTED): {
                "model": Paused,
                "description": "Taken, not carried out yet",
            }
        },
    )
    async def pause(
        request: Annotated[Request, Depends(caller)],
        asked: Pause,
        response: Response,
        key: IdempotencyKeyHeader = None,
    ) -> Paused:
        """The sound of a patient's or a ward's alarms rests; a new or worse alarm ends it."""
        paused, done = await service.pause(request, asked, key=key)
        response.status_code = HTTPStatus.OK if done else HTTPStatus.ACCEPTED
        return paused

    return router
