"""GET /v1/patients and /v1/patients/{patient}."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import Cursor, Limit, PatientName
from services.api.resources.patients.schemas import Patient, PatientList
from services.api.resources.patients.service import PatientService


def routes(service: PatientService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of patients."""
    router = APIRouter(prefix="/v1/patients", tags=["patients"])

    @router.get("", summary="The patients whom the user may see")
    async def patients(
        request: Annotated[Request, Depends(caller)], limit: Limit = 100, cursor: Cursor = None
    ) -> PatientList:
        """A page of patients, in the order of their keys."""
        return await service.patients(request, limit=limit, cursor=cursor)

    @router.get("/{patient}", summary="A patient")
    async def patient(
        request: Annotated[Request, Depends(caller)], patient: PatientName
    ) -> Patient:
        """Who it is, where the patient lies, what the patient wears, which limits hold."""
        return await service.patient(request, patient)

    return router
