"""POST, GET and DELETE /v1/devices/{device}/stance."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import DeviceName
from services.api.resources.stances.schemas import Stance
from services.api.resources.stances.service import StanceService


def routes(service: StanceService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of stances."""
    router = APIRouter(prefix="/v1/devices/{device}/stance", tags=["stances"])

    @router.post(
        "",
        status_code=HTTPStatus.ACCEPTED,
        summary="Tell that the wearer stands upright and still",
    )
    async def tell(request: Annotated[Request, Depends(caller)], device: DeviceName) -> Stance:
        """The five seconds before say how chest and thigh sensors sit, from about 20 s later on."""
        return await service.tell(request, device)

    @router.get("", summary="How the sensors of a device sit")
    async def stance(request: Annotated[Request, Depends(caller)], device: DeviceName) -> Stance:
        """The newest that was told, and what became of it."""
        return await service.stance(request, device)

    @router.delete(
        "",
        status_code=HTTPStatus.ACCEPTED,
        summary="Take back what was told of how the sensors sit",
    )
    async def take_back(request: Annotated[Request, Depends(caller)], device: DeviceName) -> Stance:
        """Sensors sit as their axes are named, from 15 s later on; what was told before stays."""
        return await service.take_back(request, device)

    return router
