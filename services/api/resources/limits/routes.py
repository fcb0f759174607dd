"""GET and PUT /v1/patients/{patient}/limits."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from services.api.access import Request
from services.api.parameters import PatientName
from services.api.resources.limits.schemas import LimitList, NewLimits
from services.api.resources.limits.service import LimitService

_IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=100, description="ETag of what the change rests on"),
]


def routes(service: LimitService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of alarm limits."""
    router = APIRouter(prefix="/v1/patients/{patient}/limits", tags=["limits"])

    @router.get("", summary="The alarm limits of a patient")
    async def limits(
        request: Annotated[Request, Depends(caller)], patient: PatientName, response: Response
    ) -> LimitList:
        """The limits that hold, each with where it comes from: default, site, ward or patient."""
        answer, etag = await service.limits(request, patient)
        response.headers["ETag"] = etag
        return answer

    @router.put("", summary="Set the alarm limits of a patient")
    async def set_limits(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        limits: NewLimits,
        response: Response,
        if_match: _IfMatch = None,
    ) -> LimitList:
        """Replaces the patient's own limits as a whole; a measure not named falls back."""
        answer, etag = await service.set_limits(request, patient, limits, if_match=if_match)
        response.headers["ETag"] = etag
        return answer

    return router
