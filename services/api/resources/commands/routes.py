"""POST and GET /v1/devices/{device}/commands."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from services.api.access import Request
from services.api.parameters import Cursor, DeviceName, IdempotencyKeyHeader, Limit
from services.api.resources.commands.schemas import Command, CommandList, NewCommand
from services.api.resources.commands.service import CommandService

_CommandId = Annotated[
    str,
    Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="Id of a command"),
]


def routes(service: CommandService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of commands."""
    router = APIRouter(prefix="/v1/devices/{device}/commands", tags=["commands"])

    @router.post("", status_code=HTTPStatus.ACCEPTED, summary="Ask a device for something")
    async def command(
        request: Annotated[Request, Depends(caller)],
        device: DeviceName,
        asked: NewCommand,
        response: Response,
        key: IdempotencyKeyHeader = None,
    ) -> Command:
        """It runs at most once and not after its time; its end is an event."""
        answer = await service.command(request, device, asked, key=key)
        response.headers["Location"] = f"/v1/devices/{device}/commands/{answer.id}"
        return answer

    @router.get("", summary="Commands of a device")
    async def commands(
        request: Annotated[Request, Depends(caller)],
        device: DeviceName,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> CommandList:
        """The newest first."""
        return await service.commands(request, device, limit=limit, cursor=cursor)

    @router.get("/{command}", summary="A command and what became of it")
    async def found(
        request: Annotated[Request, Depends(caller)], device: DeviceName, command: _CommandId
    ) -> Command:
        """Its state as it is now."""
        return await service.found(request, device, command)

    return router
