"""GET /v1/patients/{patient}/vitals."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.api.access import Request
from services.api.caching import NOT_MODIFIED, IfNoneMatch
from services.api.parameters import (
    AskedRange,
    DeviceQuery,
    MeasureName,
    MethodName,
    PatientName,
    Points,
)
from services.api.resources.vitals.schemas import Vitals
from services.api.resources.vitals.service import VitalService


def routes(service: VitalService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of stored vital signs."""
    router = APIRouter(prefix="/v1/patients/{patient}/vitals", tags=["vitals"])

    @router.get("", summary="A vital sign over time", response_model=Vitals, responses=NOT_MODIFIED)
    async def vitals(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        measure: MeasureName,
        span: AskedRange,
        points: Points = 600,
        device: DeviceQuery = None,
        method: MethodName = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Values or buckets with mean, least and greatest, of the most trustworthy source.

        Any range up to five years. The buckets are as short as `points` allows, on whole multiples
        of their length; the first and the last may be cut by the range. `min` and `max` of a bucket
        are its extremes, whatever the zoom. A range that has ended may be kept and asked for again
        with `If-None-Match`.
        """
        return await service.vitals(
            request,
            patient,
            measure=measure,
            span=span,
            points=points,
            only=(device, method),
            if_none_match=if_none_match,
        )

    return router
