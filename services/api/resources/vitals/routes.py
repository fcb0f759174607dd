"""GET /v1/patients/{patient}/vitals."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import End, MeasureName, PatientName, Points, Start
from services.api.resources.vitals.schemas import Vitals
from services.api.resources.vitals.service import VitalService


def routes(service: VitalService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of stored vital signs."""
    router = APIRouter(prefix="/v1/patients/{patient}/vitals", tags=["vitals"])

    @router.get("", summary="A vital sign over time")
    async def vitals(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        measure: MeasureName,
        start: Start = None,
        end: End = None,
        points: Points = 600,
    ) -> Vitals:
        """Values or buckets with mean, least and greatest, of the most trustworthy source."""
        return await service.vitals(
            request, patient, measure=measure, start=start, end=end, points=points
        )

    return router
