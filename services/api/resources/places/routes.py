"""Where patients and devices are: GET .../place, .../track and .../rooms."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from services.api.access import Request
from services.api.caching import NOT_MODIFIED, IfNoneMatch
from services.api.parameters import (
    AskedRange,
    Cursor,
    DeviceName,
    DeviceQuery,
    Limit,
    PatientName,
)
from services.api.resources.places.schemas import CurrentPlace, DevicePlace, Rooms, Track
from services.api.resources.places.service import PlaceService

_Plan = Annotated[bool, Query(description="Give the rooms of the floor too")]


def routes(service: PlaceService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of places."""
    router = APIRouter(prefix="/v1", tags=["places"])

    @router.get("/patients/{patient}/place", summary="Where a patient is")
    async def place(
        request: Annotated[Request, Depends(caller)], patient: PatientName, *, plan: _Plan = False
    ) -> CurrentPlace:
        """The newest place of the last hour, in a room with its name; stale after 15 s."""
        return await service.current(request, patient, plan=plan)

    @router.get("/devices/{device}/place", summary="Where a device is")
    async def device_place(
        request: Annotated[Request, Depends(caller)], device: DeviceName, *, plan: _Plan = False
    ) -> DevicePlace:
        """The newest place that it gave in the last hour; stale after 15 s.

        While somebody wears it, its place is that of a patient: whoever cares for the patient
        reads it, and who only manages devices gets those of the time in which nobody wore it.
        """
        return await service.of_device(request, device, plan=plan)

    @router.get("/patients/{patient}/rooms", summary="How long a patient was in which room")
    async def rooms(
        request: Annotated[Request, Depends(caller)], patient: PatientName, span: AskedRange
    ) -> Rooms:
        """Rooms of an interval, the longest first: the last 24 hours by default, 25 at most.

        A place counts until the next one, 15 s at most: where nothing was told, nothing counts.
        """
        return await service.rooms(request, patient, span)

    @router.get(
        "/patients/{patient}/track",
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
