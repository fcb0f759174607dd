"""GET /v1/patients/{patient}/place and /track."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from services.api.access import Request
from services.api.caching import NOT_MODIFIED, IfNoneMatch
from services.api.parameters import AskedRange, Cursor, DeviceQuery, Limit, PatientName
from services.api.resources.places.schemas import CurrentPlace, Track
from services.api.resources.places.service import PlaceService


def routes(service: PlaceService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of places."""
    router = APIRouter(prefix="/v1/patients/{patient}", tags=["places"])

    @router.get("/place", summary="Where a patient is")
    async def place(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        *,
        plan: Annotated[bool, Query(description="Give the rooms of the floor too")] = False,
    ) -> CurrentPlace:
        """The newest place of the last hour, in a room with its name; stale after 15 s."""
        return await service.current(request, patient, plan=plan)

    @router.get(
        "/track",
        summary="Where a patient was",
        response_model=Track,
        responses=NOT_MODIFIED,
    )
    async def track(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        span: AskedRange,
        device: DeviceQuery = None,
        limit: Limit = 1_000,
        cursor: Cursor = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Places of an interval, the oldest first, one in five seconds; a day at most.

        A range that has ended may be kept and asked for again with `If-None-Match`.
        """
        return await service.track(
            request,
            patient,
            span=span,
            device=device,
            limit=limit,
            cursor=cursor,
            if_none_match=if_none_match,
        )

    return router
