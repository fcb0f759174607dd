"""GET /v1/events."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.api.access import Request
from services.api.caching import NOT_MODIFIED, IfNoneMatch
from services.api.parameters import AskedRange, Cursor, DeviceQuery, Limit
from services.api.resources.eventlog.schemas import EventLog
from services.api.resources.eventlog.service import LogService, Wanted
from services.api.resources.eventlog.topics import ACTS, EVENTS, Topic
from shared.contracts.events import Severity

_KINDS = sorted(str(name) for name in {*EVENTS, *ACTS})


def _wanted(
    topics: Annotated[
        list[Topic] | None, Query(alias="topic", max_length=20, description="Only these topics")
    ] = None,
    kinds: Annotated[
        list[str] | None,
        Query(
            alias="kind",
            max_length=60,
            description="Only these kinds of event, and these actions",
            json_schema_extra={"items": {"type": "string", "enum": _KINDS}},
        ),
    ] = None,
    severities: Annotated[
        list[Severity] | None,
        Query(alias="severity", max_length=4, description="Only of these severities"),
    ] = None,
    patient: Annotated[
        str | None, Query(pattern=r"^p-[a-z0-9]{5,20}$", description="Only of this patient")
    ] = None,
    device: DeviceQuery = None,
    source: Annotated[
        str | None,
        Query(pattern=r"^[a-z][a-z0-9_]{1,39}$", description="Only what this service tells"),
    ] = None,
    user: Annotated[
        str | None,
        Query(pattern=r"^[a-z0-9._@-]{2,80}$", description="Only what this user did"),
    ] = None,
) -> Wanted:
    return Wanted(
        topics=topics,
        kinds=kinds,
        severities=severities,
        patient=patient,
        device=device,
        source=source,
        user=user,
    )


def routes(service: LogService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The route of the event log."""
    router = APIRouter(prefix="/v1/events", tags=["events"])

    @router.get(
        "",
        summary="The event log: every message that matters",
        response_model=EventLog,
        responses=NOT_MODIFIED,
    )
    async def log(
        request: Annotated[Request, Depends(caller)],
        span: AskedRange,
        wanted: Annotated[Wanted, Depends(_wanted)],
        limit: Limit = 200,
        cursor: Cursor = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """What happened and who did what, the newest first; 366 days at most.

        Who cares for patients sees what tells of them, and of devices while these wore them; who
        manages devices sees all devices, without who wears them; who reads the audit trail sees
        also all that people did, and what the system tells of itself. Reads are not in it. A range
        that has ended may be kept and asked for again with `If-None-Match`.
        """
        return await service.log(
            request, wanted, span=span, limit=limit, cursor=cursor, if_none_match=if_none_match
        )

    return router
