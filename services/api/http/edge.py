"""Around every request: its id, its size, its time, and the headers that keep browsers careful."""

import ipaddress
import re
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import structlog
from fastapi import HTTPException
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.problems import problem_response
from services.api.metrics import ApiMetrics
from shared.runtime.clock import Clock

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_UNKNOWN_ROUTE = "none"

# What the page may load and do. Everything is served by us; what it computes it sets through the
# CSSOM, which needs no exception.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; font-src 'self'; connect-src 'self' {live}; worker-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


class _BodyTooLargeError(HTTPException):
    """More came than a body may have. FastAPI lets its own exception pass through its parsers."""


class Edge:
    """The outermost layer of the application.

    Parameters
    ----------
    body_bytes_most : a larger request body is refused with 413
    larger_bodies : paths whose requests may have more, and how much
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_bytes_most: int,
        metrics: ApiMetrics,
        clock: Clock,
        larger_bodies: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._body_bytes_most = body_bytes_most
        self._larger_bodies = larger_bodies
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope["vitalwire.request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._answer(scope, receive, send, headers, request_id)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: dict[bytes, bytes],
        request_id: str,
    ) -> None:
        began_s = self._clock.monotonic_s()
        status = 0

        async def careful_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(scope, headers, MutableHeaders(scope=message), request_id)
            await send(message)

        n_received = 0
        most = self._larger_bodies.get(scope["path"], self._body_bytes_most)

        async def bounded_receive() -> Message:
            nonlocal n_received
            message = await receive()
            if message["type"] == "http.request":
                n_received += len(message.get("body", b""))
                _check_size(n_received, most)
            return message

        try:
            _check_size(_announced_bytes(headers), most)
            await self._app(scope, bounded_receive, careful_send)
        except _BodyTooLargeError:
            if status == 0:
                self._metrics.refused.labels("too_large").inc()
                await problem_response(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    "too_large",
                    f"A body has at most {most} bytes.",
                    headers={"Connection": "close"},
                )(scope, receive, careful_send)
        finally:
            route = getattr(scope.get("route"), "path", _UNKNOWN_ROUTE)
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            self._metrics.request_seconds.labels(route).observe(self._clock.monotonic_s() - began_s)


def _check_size(n_bytes: int, most: int) -> None:
    if n_bytes > most:
        raise _BodyTooLargeError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {most} bytes."
        )


def _announced_bytes(headers: dict[bytes, bytes]) -> int:
    given = headers.get(b"content-length", b"0")
    return int(given) if given.isdigit() and len(given) < 20 else 0


def _add_headers(
    scope: Scope, sent: dict[bytes, bytes], headers: MutableHeaders, request_id: str
) -> None:
    headers["X-Request-Id"] = request_id
    headers.setdefault("Cache-Control", "no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()"
    host = sent.get(b"host", b"").decode("latin-1")
    secure = scope.get("scheme") == "https"
    live = ""
    if re.fullmatch(r"[A-Za-z0-9.:\[\]-]{1,255}", host):
        live = f"{'wss' if secure else 'ws'}://{host}"  # older browsers do not count it as 'self'
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.format(live=live).rstrip()
    if secure and not _is_loopback(host):
        headers["Strict-Transport-Security"] = _STRICT_TRANSPORT


def _is_loopback(host: str) -> bool:
    name = re.sub(r":\d+$", "", host).strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
