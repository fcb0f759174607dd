"""GET, PUT and PATCH /v1/devices/{device}/configuration."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from services.api.access import Request
from services.api.parameters import DeviceName
from services.api.resources.configurations.schemas import (
    Configuration,
    ConfigurationPatch,
    NewConfiguration,
)
from services.api.resources.configurations.service import ConfigurationService

_IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=100, description="ETag of what the change rests on"),
]


def routes(
    service: ConfigurationService, *, caller: Callable[..., Awaitable[Request]]
) -> APIRouter:
    """The routes of configurations."""
    router = APIRouter(prefix="/v1/devices/{device}/configuration", tags=["configuration"])

    @router.get("", summary="What is wished of a device, and what is in force")
    async def configuration(
        request: Annotated[Request, Depends(caller)], device: DeviceName, response: Response
    ) -> Configuration:
        """With the keys in which both differ."""
        answer, etag = await service.configuration(request, device)
        response.headers["ETag"] = etag
        return answer

    @router.put("", summary="Wish a configuration as a whole")
    async def replace(
        request: Annotated[Request, Depends(caller)],
        device: DeviceName,
        new: NewConfiguration,
        response: Response,
        if_match: _IfMatch = None,
    ) -> Configuration:
        """The device is told at once, or when it connects."""
        answer, etag = await service.replace(request, device, new, if_match=if_match)
        response.headers["ETag"] = etag
        return answer

    @router.patch("", summary="Wish some keys otherwise")
    async def patch(
        request: Annotated[Request, Depends(caller)],
        device: DeviceName,
        keys: ConfigurationPatch,
        response: Response,
        if_match: _IfMatch = None,
    ) -> Configuration:
        """The keys of the body are changed, those that are null are taken away."""
        answer, etag = await service.patch(request, device, keys, if_match=if_match)
        response.headers["ETag"] = etag
        return answer

    return router
