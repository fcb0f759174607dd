"""GET and POST /v1/devices; their credentials."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import Cursor, DeviceName, IdempotencyKeyHeader, Limit
from services.api.resources.devices.schemas import (
    DeviceList,
    DeviceSecret,
    NewDevice,
    Revoked,
)
from services.api.resources.devices.service import DeviceService


def routes(service: DeviceService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of devices."""
    router = APIRouter(prefix="/v1/devices", tags=["devices"])

    @router.get("", summary="Devices")
    async def devices(
        request: Annotated[Request, Depends(caller)], limit: Limit = 100, cursor: Cursor = None
    ) -> DeviceList:
        """All devices for those who manage them; for others those that their patients wear."""
        return await service.devices(request, limit=limit, cursor=cursor)

    @router.post("", status_code=HTTPStatus.CREATED, summary="Register a device")
    async def create(
        request: Annotated[Request, Depends(caller)],
        new: NewDevice,
        key: IdempotencyKeyHeader = None,
    ) -> DeviceSecret:
        """The answer holds the device's secret, this once."""
        return await service.create(request, new, key=key)

    @router.post("/{device}/rotate", summary="Give a device another secret")
    async def rotate(
        request: Annotated[Request, Depends(caller)], device: DeviceName
    ) -> DeviceSecret:
        """The secret before stops working at once; the new one is in the answer, this once."""
        return await service.rotate(request, device)

    @router.post("/{device}/revoke", summary="Cut a device off")
    async def revoke(request: Annotated[Request, Depends(caller)], device: DeviceName) -> Revoked:
        """The device is disconnected and cannot log in until it gets another secret."""
        return await service.revoke(request, device)

    return router
