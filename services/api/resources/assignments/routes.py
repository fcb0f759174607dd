"""Who wears which device: /v1/patients/{patient}/assignments and the claiming of devices."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import Cursor, DeviceName, Limit, PatientName
from services.api.resources.assignments.schemas import (
    Assignment,
    AssignmentList,
    Claim,
    ClaimCode,
    NewAssignment,
    NewClaimCode,
)
from services.api.resources.assignments.service import AssignmentService


def routes(service: AssignmentService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of assignments and claims."""
    router = APIRouter(prefix="/v1", tags=["assignments"])

    @router.get("/patients/{patient}/assignments", summary="Devices that a patient wears and wore")
    async def assignments(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> AssignmentList:
        """The newest first."""
        return await service.assignments(request, patient, limit=limit, cursor=cursor)

    @router.post(
        "/patients/{patient}/assignments",
        status_code=HTTPStatus.CREATED,
        summary="Put a device on a patient",
    )
    async def assign(
        request: Annotated[Request, Depends(caller)], patient: PatientName, new: NewAssignment
    ) -> Assignment:
        """What it measures from now on is the patient's."""
        return await service.assign(request, patient, new)

    @router.delete("/patients/{patient}/assignments/{device}", summary="Take a device off")
    async def release(
        request: Annotated[Request, Depends(caller)], patient: PatientName, device: DeviceName
    ) -> Assignment:
        """What it measures from now on is nobody's, until somebody else wears it."""
        return await service.release(request, patient, device)

    @router.post(
        "/devices/{device}/claim-code",
        status_code=HTTPStatus.CREATED,
        summary="A code to claim a device with",
    )
    async def make_code(
        request: Annotated[Request, Depends(caller)],
        device: DeviceName,
        new: NewClaimCode | None = None,
    ) -> ClaimCode:
        """The code is in the answer, this once. A new one ends the one before."""
        return await service.make_code(request, device, new or NewClaimCode())

    @router.post(
        "/devices/claim", status_code=HTTPStatus.CREATED, summary="Claim a device by its code"
    )
    async def claim(request: Annotated[Request, Depends(caller)], asked: Claim) -> Assignment:
        """Whoever holds the device puts it on a patient of theirs; a patient on himself."""
        return await service.claim(request, asked)

    return router
