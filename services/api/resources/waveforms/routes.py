"""GET /v1/patients/{patient}/waveforms."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.api.access import Request
from services.api.parameters import End, PatientName, Points, Start, StreamName
from services.api.resources.waveforms.schemas import Waveform
from services.api.resources.waveforms.service import WaveformService


def routes(service: WaveformService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of stored samples."""
    router = APIRouter(prefix="/v1/patients/{patient}/waveforms", tags=["waveforms"])

    @router.get("", summary="Stored samples of a stream")
    async def waveforms(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        stream: StreamName,
        start: Start = None,
        end: End = None,
        points: Points = 2_000,
        device: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{3,40}$")] = None,
    ) -> Waveform:
        """Samples in the unit of the stream, thinned so that each peak stays; a day at most."""
        return await service.waveform(
            request, patient, stream=stream, device=device, start=start, end=end, points=points
        )

    return router
