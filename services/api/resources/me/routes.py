"""GET /v1/me."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Access, Request
from services.api.core.permissions import permissions_of
from services.api.resources.me.schemas import MeAnswer, OwnWard


def routes(access: Access, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of the own account."""
    router = APIRouter(prefix="/v1/me", tags=["me"])

    @router.get("", summary="Who is logged in")
    async def me(request: Annotated[Request, Depends(caller)]) -> MeAnswer:
        """The user of the access token, with the wards of the own teams."""
        principal = request.principal
        wards = await access.own_wards(principal.user_id)
        return MeAnswer(
            username=principal.username,
            display_name=principal.display_name,
            role=principal.role.value,
            permissions=sorted(permission.value for permission in permissions_of(principal.role)),
            wards=[OwnWard(key=ward.key, name=ward.name) for ward in wards],
        )

    return router
