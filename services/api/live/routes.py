"""WebSocket /v1/live."""

from fastapi import APIRouter, WebSocket

from services.api.live.websocket import LiveSockets


def routes(sockets: LiveSockets) -> APIRouter:
    """The route of the live socket."""
    router = APIRouter(prefix="/v1")

    @router.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await sockets.serve(websocket)

    return router
