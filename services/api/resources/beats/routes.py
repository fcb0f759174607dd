"""GET /v1/patients/{patient}/beats."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.parameters import Cursor, End, Limit, PatientName, Start
from services.api.resources.beats.schemas import BeatList
from services.api.resources.beats.service import BeatService


def routes(service: BeatService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of beats."""
    router = APIRouter(prefix="/v1/patients/{patient}/beats", tags=["beats"])

    @router.get("", summary="Heart beats and pulses")
    async def beats(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        start: Start = None,
        end: End = None,
        limit: Limit = 1_000,
        cursor: Cursor = None,
    ) -> BeatList:
        """R peaks and pulse feet of an interval, the oldest first; a day at most."""
        return await service.beats(
            request, patient, start=start, end=end, limit=limit, cursor=cursor
        )

    return router
