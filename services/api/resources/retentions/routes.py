"""GET, PUT and DELETE /v1/patients/{patient}/retention."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, status

from services.api.access import Request
from services.api.parameters import PatientName
from services.api.resources.retentions.schemas import NewRetention, Retention
from services.api.resources.retentions.service import RetentionService


def routes(service: RetentionService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of the retention of a patient."""
    router = APIRouter(prefix="/v1/patients/{patient}/retention", tags=["retention"])

    @router.get("", summary="How long the data of a patient is kept")
    async def retention(
        request: Annotated[Request, Depends(caller)], patient: PatientName
    ) -> Retention:
        """`keep_days` is null where the settings of the deployment hold."""
        return await service.retention(request, patient)

    @router.put("", summary="Keep the data of a patient for so long")
    async def set_retention(
        request: Annotated[Request, Depends(caller)], patient: PatientName, new: NewRetention
    ) -> Retention:
        """What is older is removed for ever, the first time within an hour.

        A time longer than that of the deployment keeps nothing longer.
        """
        return await service.set(request, patient, new)

    @router.delete(
        "",
        summary="Keep the data of a patient as long as that of others",
        status_code=status.HTTP_204_NO_CONTENT,
    )
    async def remove_retention(
        request: Annotated[Request, Depends(caller)], patient: PatientName
    ) -> None:
        """What was removed does not come back."""
        await service.remove(request, patient)

    return router
