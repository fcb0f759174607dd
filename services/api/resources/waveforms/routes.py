"""GET /v1/patients/{patient}/waveforms."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.api.access import Request
from services.api.caching import NOT_MODIFIED, IfNoneMatch
from services.api.parameters import AskedRange, DeviceQuery, PatientName, Points, StreamName
from services.api.resources.waveforms.schemas import Waveform
from services.api.resources.waveforms.service import WaveformService


def routes(service: WaveformService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of stored samples."""
    router = APIRouter(prefix="/v1/patients/{patient}/waveforms", tags=["waveforms"])

    @router.get(
        "", summary="Stored samples of a stream", response_model=Waveform, responses=NOT_MODIFIED
    )
    async def waveforms(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        stream: StreamName,
        span: AskedRange,
        points: Points = 2_000,
        device: DeviceQuery = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Samples in the unit of the stream, thinned so that each peak stays; 31 days at most.

        Every sample where they fit into `points`. What looks at too many samples answers 422
        `too_costly`: ask for a shorter range, or for fewer points. All samples of a longer time
        come as a file: see `/exports`.
        """
        return await service.waveform(
            request,
            patient,
            stream=stream,
            device=device,
            span=span,
            points=points,
            if_none_match=if_none_match,
        )

    return router
