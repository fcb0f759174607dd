"""Server-sent events: values, alarms and events for those who need no samples and no socket.

The same hub, rights, bounds and audit as the live socket. The ``id`` of an event is the cursor, so
that whoever comes back with ``Last-Event-ID`` misses nothing.
"""

import asyncio
from contextlib import ExitStack

import msgspec
import orjson
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from services.api.access import Request
from services.api.core.token_bucket import RateLimitedError
from services.api.live.clients import Subscription
from services.api.live.connections import TOO_SLOW, ClosedError, Closing, Connection, Connections
from services.api.live.refusals import REFUSALS, error_message
from services.api.live.subscribing import Subscribing
from services.api.live.subscriptions import Subscribe
from services.api.metrics import ApiMetrics
from services.api.settings import ApiSettings
from shared.runtime.clock import Clock

log = structlog.get_logger()

_CLOSE_S = 5.0
_COME_AGAIN_S = 5.0
_FIRST = b"retry: 1000\n\n"
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class _Told(msgspec.Struct):
    kind: str
    cursor: str | None = None


class _GoneError(Exception):
    """The client is not there any more."""


_told: msgspec.json.Decoder[_Told] = msgspec.json.Decoder(_Told)


def as_event(message: str | bytes) -> bytes:
    """A text message of the live socket as a server-sent event."""
    text = message.encode() if isinstance(message, str) else message
    told = _told.decode(text)
    place = b"" if told.cursor is None else b"id: " + told.cursor.encode() + b"\n"
    return place + b"event: " + told.kind.encode() + b"\ndata: " + text + b"\n\n"


class EventStreams:
    """Serves all event streams of this process."""

    def __init__(
        self,
        *,
        connections: Connections,
        subscribing: Subscribing,
        settings: ApiSettings,
        metrics: ApiMetrics,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._subscribing = subscribing
        self.settings = settings
        self.metrics = metrics
        self.clock = clock

    async def open(self, request: Request, asked: Subscribe) -> Response:
        """The answer that streams what is asked for.

        Raises
        ------
        RateLimitedError : too many live connections, of this user or of all
        Invalid, Denied, NotFound, Unavailable : as `Subscribing.begin`
        """
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._connections.opened(request))
            except ClosedError as error:
                raise RateLimitedError(_COME_AGAIN_S) from error
            subscription = await self._subscribing.begin(connection, asked)
            return _EventStream(self, connection, subscription, stack.pop_all())

    async def run(self, connection: Connection, subscription: Subscription, send: Send) -> None:
        """Send what waits until the connection ends; what was missed first."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._catch_up(connection, subscription))
            while True:
                await self._connections.something_to_send(connection)
                events = [as_event(message) for message in connection.client.queue.take()]
                if events:
                    await self._send(send, b"".join(events))
                    self.metrics.live_messages.labels("event").inc(len(events))
                await self.clock.sleep(self.settings.live_flush_s)

    async def _catch_up(self, connection: Connection, subscription: Subscription) -> None:
        try:
            await self._subscribing.catch_up(subscription)
        except REFUSALS as error:
            connection.client.put_message(error_message(error, subscription.asked.id))

    async def _send(self, send: Send, body: bytes) -> None:
        try:
            async with asyncio.timeout(self.settings.live_send_s):
                await send({"type": "http.response.body", "body": body, "more_body": True})
        except TimeoutError as error:
            raise ClosedError(TOO_SLOW, "too_slow") from error
        self.metrics.live_bytes.inc(len(body))


class _EventStream(Response):
    """An answer that lasts until one of both ends it."""

    def __init__(
        self,
        streams: EventStreams,
        connection: Connection,
        subscription: Subscription,
        stack: ExitStack,
    ) -> None:
        super().__init__(headers=_HEADERS)
        self._streams = streams
        self._connection = connection
        self._subscription = subscription
        self._stack = stack

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._stack:
            headers = [
                (name, value) for name, value in self.raw_headers if name != b"content-length"
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": _FIRST, "more_body": True})
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_until_gone(receive))
                    await self._streams.run(self._connection, self._subscription, send)
            except* _GoneError:
                pass
            except* ClosedError as errors:
                await self._end(ClosedError.first_of(errors).closing, send)

    async def _end(self, closing: Closing, send: Send) -> None:
        self._streams.metrics.live_closed.labels(closing.reason).inc()
        told = orjson.dumps({"kind": "closed", "code": closing.code, "reason": closing.reason})
        try:
            async with asyncio.timeout(_CLOSE_S):
                await send({"type": "http.response.body", "body": as_event(told)})
        except TimeoutError:
            log.info("live_close_not_heard", reason=closing.reason)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _GoneError
