"""POST and GET /v1/patients/{patient}/erasure, GET /v1/erasures."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, status

from services.api.access import Request
from services.api.parameters import PatientName
from services.api.resources.erasures.schemas import Erasure, ErasureList, NewErasure
from services.api.resources.erasures.service import ErasureService


def routes(service: ErasureService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of erasures."""
    router = APIRouter(prefix="/v1", tags=["erasures"])

    @router.post(
        "/patients/{patient}/erasure",
        summary="Order the erasure of a patient",
        status_code=status.HTTP_202_ACCEPTED,
    )
    async def order(
        request: Annotated[Request, Depends(caller)], patient: PatientName, erasure: NewErasure
    ) -> Erasure:
        """Removes all data of the patient for ever. Storage carries it out within minutes."""
        return await service.order(request, patient, erasure)

    @router.get("/patients/{patient}/erasure", summary="How far the erasure of a patient is")
    async def erasure(
        request: Annotated[Request, Depends(caller)], patient: PatientName
    ) -> Erasure:
        """With the certificate when it is done."""
        return await service.erasure(request, patient)

    @router.get("/erasures", summary="All ordered erasures")
    async def erasures(request: Annotated[Request, Depends(caller)]) -> ErasureList:
        """The newest first."""
        return await service.erasures(request)

    return router
