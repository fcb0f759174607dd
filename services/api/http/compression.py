"""Answers of history are sent compressed to those who take it: a tenth of the bytes.

Only what is read with an access token in a header is compressed, never what travels with a cookie
or has just been made (tokens, secrets, codes): the length of a compressed answer tells about its
content, and another site can make a browser send a cookie, but no header (BREACH).
"""

import asyncio
import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LEAST_BYTES = 2_048  # less travels in one or two packets anyway
_LONG_BYTES = 256 * 1024  # takes longer than a millisecond: not in the event loop
_LEVEL = 3  # 149 kB of a trend become 14 kB in 0.5 ms; level 6 takes thrice as long for 12 kB
_TYPES = ("application/json", "text/csv")
_READ = "/v1/"
_COOKIES = "/v1/token"


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the value of `Accept-Encoding` allows gzip (RFC 9110, section 12.5.3)."""
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, *parameters = (word.strip() for word in part.split(";"))
        weights[coding] = min([_weight(each) for each in parameters], default=1.0)
    return weights.get("gzip", weights.get("*", 0.0)) > 0.0


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


class Compression:
    """A layer of the application that compresses whole answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _is_reading(scope):
            await self._app(scope, receive, send)
            return
        wanted = takes_gzip(Headers(scope=scope).get("accept-encoding", ""))
        await self._app(scope, receive, _Answer(send, wanted=wanted))


class _Answer:
    """Holds the head of an answer back until it is known whether its body comes in one piece."""

    def __init__(self, send: Send, *, wanted: bool) -> None:
        self._send = send
        self._wanted = wanted
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _fits(Headers(scope=message)):
            self._head = message
            MutableHeaders(scope=message).add_vary_header("Accept-Encoding")
            return
        if self._head is not None:
            head, self._head = self._head, None
            body = message.get("body", b"")
            whole = not message.get("more_body", False)
            if self._wanted and whole and len(body) >= _LEAST_BYTES:
                message["body"] = await _compressed(body, MutableHeaders(scope=head))
            await self._send(head)
        await self._send(message)


async def _compressed(body: bytes, headers: MutableHeaders) -> bytes:
    if len(body) < _LONG_BYTES:
        packed = gzip.compress(body, _LEVEL, mtime=0)
    else:
        packed = await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(packed))
    etag = headers.get("etag")
    if etag is not None and not etag.startswith("W/"):
        headers["ETag"] = f"W/{etag}"  # the same answer in other bytes
    return packed


def _is_reading(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path: str = scope["path"]
    return path.startswith(_READ) and not path.startswith(_COOKIES)


def _fits(headers: Headers) -> bool:
    if "etag" in headers and "cache-control" not in headers:
        return False  # what a change is made with (If-Match) names exactly these bytes
    return (
        headers.get("content-type", "").split(";")[0] in _TYPES
        and "content-encoding" not in headers
    )
