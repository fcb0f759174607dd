"""/v1/groups: devices that are managed together."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from services.api.access import Request
from services.api.parameters import Cursor, DeviceName, Limit
from services.api.resources.groups.schemas import Group, GroupList, NewGroup
from services.api.resources.groups.service import GroupService

_GroupKey = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$", description="Key of a group")]


def routes(service: GroupService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of groups."""
    router = APIRouter(prefix="/v1/groups", tags=["groups"])

    @router.get("", summary="Groups of devices")
    async def groups(
        request: Annotated[Request, Depends(caller)], limit: Limit = 100, cursor: Cursor = None
    ) -> GroupList:
        """In the order of their keys."""
        return await service.groups(request, limit=limit, cursor=cursor)

    @router.post("", status_code=HTTPStatus.CREATED, summary="Make a group")
    async def add(request: Annotated[Request, Depends(caller)], new: NewGroup) -> Group:
        """Without devices yet."""
        return await service.add(request, new)

    @router.delete("/{group}", status_code=HTTPStatus.NO_CONTENT, summary="End a group")
    async def remove(request: Annotated[Request, Depends(caller)], group: _GroupKey) -> None:
        """Its devices stay."""
        await service.remove(request, group)

    @router.put("/{group}/devices/{device}", summary="Put a device into a group")
    async def join(
        request: Annotated[Request, Depends(caller)], group: _GroupKey, device: DeviceName
    ) -> Group:
        """Twice is harmless."""
        return await service.change_member(request, group, device, belongs=True)

    @router.delete("/{group}/devices/{device}", summary="Take a device out of a group")
    async def leave(
        request: Annotated[Request, Depends(caller)], group: _GroupKey, device: DeviceName
    ) -> Group:
        """Twice is harmless."""
        return await service.change_member(request, group, device, belongs=False)

    return router
