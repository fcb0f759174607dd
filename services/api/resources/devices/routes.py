"""GET and POST /v1/devices; their credentials."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import Cursor, DeviceName, IdempotencyKeyHeader, Limit
from services.api.resources.devices.schemas import (
    Confirmed,
    Counters,
    DeviceList,
    DeviceSecret,
    DeviceSecrets,
    NewDevice,
    NewDevices,
    Retired,
    Revoked,
    RotatedSecret,
    Rotation,
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

    @router.post("/bulk", status_code=HTTPStatus.CREATED, summary="Register many devices")
    async def create_many(
        request: Annotated[Request, Depends(caller)], new: NewDevices
    ) -> DeviceSecrets:
        """All or none; the secrets are in the answer, this once."""
        return await service.create_many(request, new)

    @router.post("/{device}/rotate", summary="Give a device another secret")
    async def rotate(
        request: Annotated[Request, Depends(caller)],
        device: DeviceName,
        rotation: Rotation | None = None,
    ) -> RotatedSecret:
        """The new one is in the answer, this once. The one before stops working at once, or when
        the new one is confirmed.
        """
        return await service.rotate(request, device, rotation or Rotation())

    @router.post("/{device}/rotate/confirm", summary="Put a new secret in force")
    async def confirm(
        request: Annotated[Request, Depends(caller)], device: DeviceName
    ) -> Confirmed:
        """The device has the new secret: the one before stops working."""
        return await service.confirm(request, device)

    @router.post("/{device}/retire", summary="Take a device out of use for good")
    async def retire(request: Annotated[Request, Depends(caller)], device: DeviceName) -> Retired:
        """It is cut off and taken off its patient; its data stays."""
        return await service.retire(request, device)

    @router.get("/{device}/counters", summary="What is counted of a device")
    async def counters(
        request: Annotated[Request, Depends(caller)], device: DeviceName
    ) -> Counters:
        """Messages, refusals by reason, clock and buffer."""
        return await service.counters(request, device)

    @router.post("/{device}/revoke", summary="Cut a device off")
    async def revoke(request: Annotated[Request, Depends(caller)], device: DeviceName) -> Revoked:
        """The device is disconnected and cannot log in until it gets another secret."""
        return await service.revoke(request, device)

    return router
