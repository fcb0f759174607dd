"""GET /v1/patients/{patient}/spirometry, PUT .../spirometry/reference."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import AskedRange, PatientName
from services.api.resources.spirometry.schemas import Blows, LungReference, NewLungReference
from services.api.resources.spirometry.service import BlowService


def routes(service: BlowService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of forced breaths."""
    router = APIRouter(prefix="/v1/patients/{patient}/spirometry", tags=["spirometry"])

    @router.get("", summary="The forced breaths of a patient, beside what is expected")
    async def blows(
        request: Annotated[Request, Depends(caller)], patient: PatientName, span: AskedRange
    ) -> Blows:
        """Predicted value, lower limit, percent predicted and z-score by GLI-2012.

        Nothing is guessed: they are null while sex, birth date or height is `missing`, outside of
        3 to 95 years (flows: 90), for PEF, FEF25 and FEF50, which the equations do not have, for
        FEF25-75 of men, and where the height of a child was measured more than 92 days away.
        Each breath is judged by how it was blown, where that is told, and each session graded
        (ATS/ERS 2019); the newest session has its zone of the personal best. All is worked out
        from the breaths that are stored now, so one that comes late changes it.
        Without `from` the last 366 days; at most a thousand breaths.
        """
        return await service.blows(request, patient, span)

    @router.put("/reference", summary="Set the height by which breaths are judged, and whose it is")
    async def set_reference(
        request: Annotated[Request, Depends(caller)], patient: PatientName, new: NewLungReference
    ) -> LungReference:
        """Holds for all breaths; sex and birth date of the patient, where given, are corrected."""
        return await service.set_reference(request, patient, new)

    return router
