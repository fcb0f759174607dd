"""WebSocket /v1/live and GET /v1/live/sse; both are described by the AsyncAPI document."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response, WebSocket

from services.api.access import Request
from services.api.live.event_stream import EventStreams
from services.api.live.subscriptions import What, read_subscription
from services.api.live.websocket import LiveSockets

SUBSCRIPTION = "sse"
_USUAL = frozenset({What.VITALS, What.ALARMS, What.EVENTS})
_WITHOUT_SAMPLES = frozenset({*_USUAL, What.BEATS})


def routes(
    sockets: LiveSockets, streams: EventStreams, *, caller: Callable[..., Awaitable[Request]]
) -> APIRouter:
    """The routes of live data."""
    router = APIRouter(prefix="/v1")

    @router.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await sockets.serve(websocket)

    @router.get("/live/sse", include_in_schema=False)
    async def live_events(
        request: Annotated[Request, Depends(caller)],
        patient: Annotated[list[str] | None, Query(max_length=1_000)] = None,
        ward: str | None = None,
        what: Annotated[list[str] | None, Query(max_length=len(_WITHOUT_SAMPLES))] = None,
        since: str | None = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Values, beats, alarms and events as they come; alarms and events that were missed too."""
        asked = read_subscription(
            {
                "id": SUBSCRIPTION,
                "patients": patient or [],
                "ward": ward,
                "what": what or sorted(_USUAL),
                "since": last_event_id or since,
            },
            without=frozenset({What.WAVEFORMS}),
        )
        return await streams.open(request, asked)

    return router
