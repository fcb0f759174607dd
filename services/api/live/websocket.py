"""The live socket: takes what a client says, sends what its queue gives, closes with a reason."""

import asyncio
from dataclasses import replace

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from services.api.access import Request
from services.api.audit import Action, AuditEntry, AuditTrail, Origin, Outcome
from services.api.authentication import Authenticator, Unauthenticated
from services.api.core.permissions import Principal
from services.api.core.token_bucket import Rate, TokenBuckets
from services.api.live.connections import (
    FORBIDDEN,
    FRAMES,
    LINK,
    NOT_AUTHENTICATED,
    TOO_SLOW,
    TRY_AGAIN_LATER,
    ClosedError,
    Closing,
    Connection,
    Connections,
)
from services.api.live.hub import Hub
from services.api.live.refusals import REFUSALS, error_message
from services.api.live.subscribing import Subscribing
from services.api.live.subscriptions import (
    Auth,
    ClientMessage,
    Ping,
    Subscribe,
    Unsubscribe,
    read_client_message,
)
from services.api.metrics import ApiMetrics
from services.api.settings import ApiSettings
from shared.contracts.instants import to_text
from shared.errors import Invalid, NotFound, Unavailable
from shared.runtime.clock import Clock

log = structlog.get_logger()

_PATH = "/v1/live"
_CLOSE_S = 5.0  # a slow client gets so long to hear why


class LiveSockets:
    """Serves all live sockets of this process."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        audit: AuditTrail,
        connections: Connections,
        subscribing: Subscribing,
        hub: Hub,
        settings: ApiSettings,
        metrics: ApiMetrics,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._audit = audit
        self._connections = connections
        self._subscribing = subscribing
        self._hub = hub
        self._settings = settings
        self._metrics = metrics
        self._n_text = metrics.live_messages.labels("text")
        self._n_binary = metrics.live_messages.labels("binary")
        self._clock = clock

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one socket from its opening to its end."""
        if self._connections.is_full:
            self._metrics.live_closed.labels("too_many").inc()
            await websocket.close(TRY_AGAIN_LATER, "too_many")
            return
        await websocket.accept()
        origin = Origin(
            address=websocket.client.host if websocket.client else "local",
            request_id=websocket.scope.get("vitalwire.request_id", ""),
        )
        try:
            principal = await self._first_message(websocket, origin)
            request = Request(principal=principal, origin=origin, resource=_PATH)
            with self._connections.opened(request) as connection:
                connection.client.put_message(self._greeting(connection))
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._send_all(websocket, connection))
                    group.create_task(self._take_all(websocket, connection))
        except* WebSocketDisconnect:
            pass
        except* ClosedError as errors:
            await self._close(websocket, ClosedError.first_of(errors).closing)

    async def _first_message(self, websocket: WebSocket, origin: Origin) -> Principal:
        try:
            async with asyncio.timeout(self._settings.live_auth_s):
                message = await _receive(websocket)
        except TimeoutError as error:
            raise ClosedError(NOT_AUTHENTICATED, "authentication_timeout") from error
        except Invalid as error:
            raise ClosedError(NOT_AUTHENTICATED, "authentication_expected") from error
        if not isinstance(message, Auth):
            raise ClosedError(NOT_AUTHENTICATED, "authentication_expected")
        return await self._authenticated(message, origin)

    async def _authenticated(self, message: Auth, origin: Origin) -> Principal:
        try:
            return await self._authenticator.principal(message.token)
        except Unauthenticated as error:
            try:
                await self._audit.append(
                    AuditEntry(
                        actor=error.actor,
                        action=Action.AUTHENTICATE,
                        resource=_PATH,
                        outcome=Outcome.REFUSED,
                        origin=origin,
                        reason=error.reason,
                    )
                )
            except Unavailable:
                log.warning("refusal_not_audited", reason=error.reason, address=origin.address)
            raise ClosedError(NOT_AUTHENTICATED, error.reason) from error
        except Unavailable as error:
            raise ClosedError(TRY_AGAIN_LATER, "unavailable") from error

    def _greeting(self, connection: Connection) -> dict[str, object]:
        principal = connection.principal
        return {
            "kind": "auth",
            "user": {
                "username": principal.username,
                "display_name": principal.display_name,
                "role": principal.role.value,
            },
            "expires": to_text(principal.token_expires_us),
            "server_time": to_text(self._clock.now_us()),
        }

    # ---------------------------------------------------------------- sending

    async def _send_all(self, websocket: WebSocket, connection: Connection) -> None:
        """Send what the flusher does not, until the socket shall be closed.

        Those are alarms, events and answers, at once, and all that waits when the link is slow.
        """
        connection.link = websocket.scope.get(LINK)
        while True:
            await self._connections.something_to_send(connection)
            messages = connection.client.queue.take()
            if messages:
                connection.is_sending = True
                await self._send(websocket, messages)
                connection.is_sending = False
            await self._clock.sleep(self._settings.live_flush_s)

    async def _send(self, websocket: WebSocket, messages: list[bytes | str]) -> None:
        try:
            async with asyncio.timeout(self._settings.live_send_s):
                await websocket.send({"type": "websocket.send", FRAMES: messages})
        except TimeoutError as error:
            raise ClosedError(TOO_SLOW, "too_slow") from error
        n_text = sum(isinstance(message, str) for message in messages)
        self._n_text.inc(n_text)
        self._n_binary.inc(len(messages) - n_text)
        self._metrics.live_bytes.inc(sum(map(len, messages)))

    async def _close(self, websocket: WebSocket, closing: Closing) -> None:
        self._metrics.live_closed.labels(closing.reason).inc()
        if websocket.client_state is not WebSocketState.CONNECTED:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                await websocket.close(closing.code, closing.reason)
        except (TimeoutError, RuntimeError):
            log.info("live_close_not_heard", reason=closing.reason)

    # ----------------------------------------------------------------- taking

    async def _take_all(self, websocket: WebSocket, connection: Connection) -> None:
        """Take what the client says; what makes no sense is answered with an error.

        Who says too much is read more slowly, until the link itself holds the client up.
        """
        settings = self._settings
        rate = Rate(burst=settings.live_messages_burst, per_s=settings.live_messages_per_s)
        pace = TokenBuckets(rate, capacity=1)
        while True:
            while wait_s := pace.take("", self._clock.monotonic_s()):
                await self._clock.sleep(wait_s)
            try:
                await self._take(connection, await _receive(websocket))
            except REFUSALS as error:
                connection.client.put_message(error_message(error))

    async def _take(self, connection: Connection, message: ClientMessage) -> None:
        client = connection.client
        match message:
            case Ping():
                client.put_message({"kind": "pong", "server_time": to_text(self._clock.now_us())})
            case Unsubscribe():
                ended = self._hub.end(client, message.id)
                client.put_message(
                    {"id": message.id, "kind": "unsubscribed"}
                    if ended
                    else error_message(NotFound("subscription"), message.id)
                )
            case Auth():
                principal = await self._authenticated(message, connection.request.origin)
                if principal.user_id != connection.principal.user_id:
                    raise ClosedError(FORBIDDEN, "another_user")
                connection.request = replace(connection.request, principal=principal)
                client.put_message(self._greeting(connection))
            case Subscribe():
                try:
                    subscription = await self._subscribing.begin(connection, message)
                    await self._subscribing.catch_up(subscription)
                except REFUSALS as error:
                    client.put_message(error_message(error, message.id))


async def _receive(websocket: WebSocket) -> ClientMessage:
    """The next message of the client.

    Raises
    ------
    WebSocketDisconnect : it is gone
    Invalid : it says something else than the interface
    """
    received = await websocket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005), received.get("reason"))
    text = received.get("text")
    if text is None:
        raise Invalid("messages of the client are text")
    return read_client_message(text)
