"""GET /v1/wards and /v1/wards/{ward}."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import WardName
from services.api.resources.wards.schemas import WardAnswer, WardList
from services.api.resources.wards.service import WardService


def routes(service: WardService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of wards."""
    router = APIRouter(prefix="/v1/wards", tags=["wards"])

    @router.get("", summary="The wards that the user may see")
    async def wards(request: Annotated[Request, Depends(caller)]) -> WardList:
        """The wards of the own teams, and those in which a patient of the user lies."""
        return await service.wards(request)

    @router.get("/{ward}", summary="A ward with its beds")
    async def ward(request: Annotated[Request, Depends(caller)], ward: WardName) -> WardAnswer:
        """All beds, with those patients whom the user may see."""
        return await service.ward(request, ward)

    return router
