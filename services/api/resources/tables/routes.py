"""GET /v1/measures and /v1/streams: what the program knows, the same for everybody."""

from fastapi import APIRouter, Response

from services.api.resources.tables.schemas import (
    MeasureAnswer,
    MeasuresAnswer,
    StreamAnswer,
    StreamsAnswer,
)
from shared.contracts.measures import MEASURES
from shared.contracts.streams import STREAMS

_KEEP = "public, max-age=300"


def routes() -> APIRouter:
    """The routes of the public tables."""
    router = APIRouter(prefix="/v1", tags=["tables"])

    @router.get("/measures", summary="The table of measures")
    async def measures(response: Response) -> MeasuresAnswer:
        """Every vital sign with unit, codes, plausible range and decimals. Needs no log-in."""
        response.headers["Cache-Control"] = _KEEP
        return MeasuresAnswer(
            items=[
                MeasureAnswer.model_validate(row, from_attributes=True) for row in MEASURES.values()
            ]
        )

    @router.get("/streams", summary="The table of sample streams")
    async def streams(response: Response) -> StreamsAnswer:
        """Every kind of sample stream with unit and channels. Needs no log-in."""
        response.headers["Cache-Control"] = _KEEP
        return StreamsAnswer(
            items=[
                StreamAnswer(
                    key=row.key, unit=row.unit, channels=list(row.channels), waveform=row.waveform
                )
                for row in STREAMS.values()
            ]
        )

    return router
