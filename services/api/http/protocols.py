"""uvicorn's protocols, bounded where a rude client could make them grow.

Live messages of one moment leave in one write, past the general encoder, which costs a third of
all that sending costs. Found in uvicorn 0.54: a connection that is closed while its client reads
nothing waits for ever to flush what it holds, and each ping is answered whether or not the answers
are read.
"""

import socket
from asyncio import BaseTransport, Transport
from collections.abc import Iterable, Sequence
from typing import Protocol

from typing_extensions import override
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from services.api.live.connections import FRAMES, LINK
from services.api.live.websocket_frames import framed

_KERNEL_BUFFER_BYTES = 128 << 10  # Linux doubles it: some seconds of 50 beds, not minutes
_BUFFER_BYTES = 64 << 10  # above, the sender waits


class LiveProtocol(WebSocketsSansIOProtocol):
    """A WebSocket that keeps little for a client that reads nothing."""

    @override
    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        link: socket.socket | None = transport.get_extra_info("socket")
        if link is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER_BYTES)

    @override
    async def send(self, message: ASGISendEvent) -> None:
        """As uvicorn's; messages under `FRAMES` go out together in one write."""
        frames: Sequence[str | bytes] | None = message.get(FRAMES)  # type: ignore[assignment]
        if frames is None:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(framed(frames))

    @override
    async def run_asgi(self) -> None:
        self.scope[LINK] = self  # type: ignore[literal-required]
        await super().run_asgi()

    @property
    def is_free(self) -> bool:
        """Whether it is open and takes more at once."""
        return self.writable.is_set() and not (
            self.disconnected
            or self.close_sent
            or not self.handshake_complete
            or self.transport.is_closing()
        )

    def put(self, data: bytes) -> None:
        """Send whole frames."""
        self.transport.write(data)

    @override
    def handle_ping(self) -> None:
        # Only the newest ping has to be answered (RFC 6455, 5.5.3): who does not read the answers
        # gets no more of them.
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()


class _HasTransport(Protocol):
    @property
    def transport(self) -> Transport | None: ...


class Reaper:
    """Ends connections that were closed and whose clients take nothing of what is left."""

    def __init__(self) -> None:
        self._closing: set[_HasTransport] = set()

    def reap(self, connections: Iterable[_HasTransport]) -> int:
        """Abort what was closing at the last call and still is; gives how many."""
        closing = {
            one for one in connections if one.transport is not None and one.transport.is_closing()
        }
        stuck = closing & self._closing
        for one in stuck:
            assert one.transport is not None
            one.transport.abort()
        self._closing = closing - stuck
        return len(stuck)
