"""The web server: uvicorn under the service's own signals and shutdown."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import structlog
import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from services.api.http.protocols import LiveProtocol, Reaper
from services.api.settings import ApiSettings
from shared.errors import Misconfigured
from shared.runtime.clock import Clock
from shared.telemetry.health import Health

log = structlog.get_logger()

_PING_S = 20.0  # a live socket whose other end is gone is noticed within twice this
_BACKLOG = 512
_KEEP_ALIVE_S = 30
_DRAIN_SHARE = 0.6  # of the service's grace, for requests and sockets to end


class _Server(uvicorn.Server):
    """Leaves the signals to the service's runtime, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """Serves an application; ``run`` is its loop."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, health: Health, clock: Clock) -> None:
        self._clock = clock
        self._health = health
        self._settings = settings
        self.port: int = settings.api_port
        self._server = _Server(
            uvicorn.Config(
                app,
                host=settings.api_host,
                port=settings.api_port,
                loop="none",
                http="httptools",
                ws=LiveProtocol,
                ws_per_message_deflate=False,  # 20 us a message, and samples do not shrink
                ws_max_size=settings.live_message_bytes_most,
                ws_ping_interval=_PING_S,
                ws_ping_timeout=_PING_S,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                backlog=_BACKLOG,
                limit_concurrency=settings.api_connections_most,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, int(settings.shutdown_grace_s * _DRAIN_SHARE)),
                proxy_headers=True,
                forwarded_allow_ips=settings.api_trusted_proxies,
                h11_max_incomplete_event_size=None,
            )
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until the stop, then let what is open end."""
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(self._end_at(stop))
            reaping = group.create_task(self._reap())
            try:
                await self._server.serve()
            except SystemExit as error:  # uvicorn's way to say that it cannot listen
                raise Misconfigured(
                    f"cannot listen on {self._settings.api_host}:{self._settings.api_port}"
                ) from error
            finally:
                ending.cancel()
                reaping.cancel()
                self._health.report("http_listening", ready=False)

    async def _reap(self) -> None:
        reaper = Reaper()
        while True:
            await self._clock.sleep(self._settings.api_linger_s)
            n = reaper.reap(self._server.server_state.connections)
            if n:
                log.info("connections_aborted", n=n, reason="the client took nothing")

    async def _end_at(self, stop: asyncio.Event) -> None:
        await self._server.listening.wait()
        for server in self._server.servers:
            for listener in server.sockets:
                self.port = listener.getsockname()[1]
        self._health.report("http_listening", ready=True)
        log.info("http_listening", host=self._settings.api_host, port=self.port)
        await stop.wait()
        self._server.should_exit = True
