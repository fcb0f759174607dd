"""Whether the process lives and is ready, with its metrics, on a small HTTP port of its own.

Liveness speaks of the own loops only, never of a dependency: restarting us does not bring
PostgreSQL back. Readiness is the conditions that the service itself names.
"""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

REQUEST_TIMEOUT_S = 5.0
MAX_HEADER_LINES = 64  # a probe sends a handful
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"


class Health:
    """Named conditions of one process.

    A condition that was named once counts until it is named again.
    """

    def __init__(self) -> None:
        self._ready: dict[str, bool] = {}
        self._dead: dict[str, str] = {}

    def report(self, condition: str, *, ready: bool) -> None:
        """Say whether a condition of readiness holds now, such as `amqp_consumed`."""
        self._ready[condition] = ready

    def give_up(self, loop: str, why: str) -> None:
        """Say that a loop cannot go on; the process shall be restarted."""
        self._dead[loop] = why

    @property
    def is_ready(self) -> bool:
        """Whether at least one condition was named and all hold."""
        return bool(self._ready) and all(self._ready.values()) and not self._dead

    @property
    def is_live(self) -> bool:
        """Whether no loop has given up."""
        return not self._dead

    def describe(self) -> dict[str, object]:
        """The conditions, for a person."""
        return {"ready": self.is_ready, "conditions": dict(self._ready), "dead": dict(self._dead)}


class MonitorServer:
    """Serves `/metrics`, `/health/live` and `/health/ready`; an async context manager.

    Parameters
    ----------
    host, port : where it listens; port 0 takes a free one, see `port` afterwards
    health : what the two probes tell
    exposition : gives the metrics as text
    """

    def __init__(
        self, *, host: str, port: int, health: Health, exposition: Callable[[], bytes]
    ) -> None:
        self.host = host
        self.port = port
        self._health = health
        self._exposition = exposition
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, self.host, self.port, limit=8192)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await reader.readline()
                for _ in range(MAX_HEADER_LINES):
                    if await reader.readline() in (b"\r\n", b"\n", b""):
                        break
                status, content_type, body = self._respond(request)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            return  # a prober that went away, or a line longer than any of ours
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    await writer.wait_closed()

    def _respond(self, request: bytes) -> tuple[str, str, bytes]:
        match request.split():
            case [b"GET", path, *_]:
                pass
            case _:
                return "405 Method Not Allowed", JSON, b"{}"
        match path.split(b"?")[0]:
            case b"/metrics":
                return "200 OK", EXPOSITION, self._exposition()
            case b"/health/live":
                return _probe(holds=self._health.is_live, told=self._health.describe())
            case b"/health/ready":
                return _probe(holds=self._health.is_ready, told=self._health.describe())
            case _:
                return "404 Not Found", JSON, b"{}"


def _probe(*, holds: bool, told: dict[str, object]) -> tuple[str, str, bytes]:
    return "200 OK" if holds else "503 Service Unavailable", JSON, msgspec.json.encode(told)
