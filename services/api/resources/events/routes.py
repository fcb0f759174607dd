"""GET /v1/patients/{patient}/events."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.api.access import Request
from services.api.parameters import AskedRange, Cursor, Limit, PatientName
from services.api.resources.events.schemas import EventList
from services.api.resources.events.service import EventService
from shared.contracts.events import EventKind


def routes(service: EventService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of events."""
    router = APIRouter(prefix="/v1/patients/{patient}/events", tags=["events"])

    @router.get("", summary="What happened to a patient and the worn devices")
    async def events(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        span: AskedRange,
        kinds: Annotated[
            list[EventKind] | None,
            Query(alias="kind", max_length=50, description="Only these kinds"),
        ] = None,
        limit: Limit = 200,
        cursor: Cursor = None,
    ) -> EventList:
        """Events of an interval, alarms included, the newest first; 366 days at most."""
        return await service.events(
            request, patient, span=span, kinds=kinds, limit=limit, cursor=cursor
        )

    return router
