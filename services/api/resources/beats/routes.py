"""GET /v1/patients/{patient}/beats."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.api.access import Request
from services.api.parameters import AskedRange, Cursor, DeviceQuery, Limit, PatientName
from services.api.resources.beats.schemas import BeatList
from services.api.resources.beats.service import BeatService
from shared.contracts.beats import BeatKind


def routes(service: BeatService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of beats."""
    router = APIRouter(prefix="/v1/patients/{patient}/beats", tags=["beats"])

    @router.get("", summary="Heart beats and pulses")
    async def beats(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        span: AskedRange,
        device: DeviceQuery = None,
        kind: Annotated[
            str | None,
            Query(json_schema_extra={"enum": [one.name.lower() for one in BeatKind]}),
        ] = None,
        limit: Limit = 1_000,
        cursor: Cursor = None,
    ) -> BeatList:
        """R peaks and pulse feet of an interval, the oldest first; a day at most."""
        return await service.beats(
            request, patient, span=span, device=device, kind=kind, limit=limit, cursor=cursor
        )

    return router
