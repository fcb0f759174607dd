"""GET /v1/patients/{patient}/events."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import Cursor, End, Limit, PatientName, Start
from services.api.resources.events.schemas import EventList
from services.api.resources.events.service import EventService


def routes(service: EventService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of events."""
    router = APIRouter(prefix="/v1/patients/{patient}/events", tags=["events"])

    @router.get("", summary="What happened to a patient and the worn devices")
    async def events(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        start: Start = None,
        end: End = None,
        limit: Limit = 200,
        cursor: Cursor = None,
    ) -> EventList:
        """Events of an interval, alarms included, the newest first."""
        return await service.events(
            request, patient, start=start, end=end, limit=limit, cursor=cursor
        )

    return router
