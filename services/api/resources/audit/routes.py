"""GET /v1/audit."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.api.access import Request
from services.api.parameters import Cursor, End, Limit, Start
from services.api.resources.audit.schemas import EntryList
from services.api.resources.audit.service import EntryService


def routes(service: EntryService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of the audit trail."""
    router = APIRouter(prefix="/v1/audit", tags=["audit"])

    @router.get("", summary="The audit trail")
    async def entries(
        request: Annotated[Request, Depends(caller)],
        start: Start = None,
        end: End = None,
        patient: Annotated[str | None, Query(pattern=r"^p-[a-z0-9]{5,20}$")] = None,
        actor: Annotated[str | None, Query(pattern=r"^[a-z0-9._@-]{2,80}$")] = None,
        limit: Limit = 200,
        cursor: Cursor = None,
    ) -> EntryList:
        """Who did what to whose data; for the administrator."""
        return await service.entries(
            request,
            start=start,
            end=end,
            patient=patient,
            actor=actor,
            limit=limit,
            cursor=cursor,
        )

    return router
