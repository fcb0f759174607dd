"""The live socket: takes what a client says, sends what its queue gives, closes with a reason."""

import asyncio
from dataclasses import replace
from types import MappingProxyType

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from services.api.access import Request
from services.api.audit import Action, AuditEntry, AuditTrail, Origin, Outcome
from services.api.authentication import Authenticator, Unauthenticated
from services.api.core.cursors import FeedCursor
from services.api.core.permissions import Principal
from services.api.core.sight import SeenPatient
from services.api.core.token_bucket import Rate, TokenBuckets
from services.api.core.told import is_fault_of_ours, told
from services.api.live.client_queue import ClientQueue, QueueBounds
from services.api.live.feed_store import FeedStore
from services.api.live.hub import Client, Hub
from services.api.live.items import FeedItem
from services.api.live.rights import (
    FORBIDDEN,
    NOT_AUTHENTICATED,
    TOO_SLOW,
    Closing,
    Connection,
    Rights,
)
from services.api.live.subscriptions import (
    Auth,
    ClientMessage,
    Ping,
    Subscribe,
    Unsubscribe,
    What,
    read_client_message,
)
from services.api.metrics import ApiMetrics
from services.api.settings import ApiSettings
from shared.contracts.instants import HOUR, MINUTE, to_text
from shared.errors import Denied, Dependency, Invalid, NotFound, Unavailable, VitalwireError
from shared.runtime.clock import Clock

log = structlog.get_logger()

_PATH = "/v1/live"
_TRY_AGAIN_LATER = 1013
_CLOSE_S = 5.0  # a slow client gets so long to hear why
_STATE_WAKES_S = 1.0
_SNAPSHOT_US = 15 * MINUTE  # older values are stale by any measure that is shown live
_AHEAD_US = 1 * HOUR
_REPLAY_WAIT_S = 3.0  # storage commits events well within this
_REPLAY_EVERY_S = 0.1
_CODES: MappingProxyType[type[VitalwireError], str] = MappingProxyType(
    {Invalid: "invalid", NotFound: "not_found", Unavailable: "unavailable", Denied: "forbidden"}
)


class _ClosedError(Exception):
    """The socket shall be closed by us."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing)
        self.closing = closing


class LiveSockets:
    """Serves all live sockets of this process."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        audit: AuditTrail,
        rights: Rights,
        hub: Hub,
        store: FeedStore,
        settings: ApiSettings,
        metrics: ApiMetrics,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._audit = audit
        self._rights = rights
        self._hub = hub
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._clock = clock

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one socket from its opening to its end."""
        if len(self._hub.clients) >= self._settings.live_clients_most:
            self._metrics.live_closed.labels("too_many").inc()
            await websocket.close(_TRY_AGAIN_LATER, "too_many")
            return
        await websocket.accept()
        origin = Origin(
            address=websocket.client.host if websocket.client else "local",
            request_id=websocket.scope.get("vitalwire.request_id", ""),
        )
        try:
            principal = await self._first_message(websocket, origin)
            await self._serve_user(
                websocket, Request(principal=principal, origin=origin, resource=_PATH)
            )
        except* WebSocketDisconnect:
            pass
        except* _ClosedError as errors:
            await self._close(websocket, _first(errors).closing)

    async def stop(self, stop: asyncio.Event) -> None:
        """Close all sockets at the stop: clients come again, to another process or the next."""
        await stop.wait()
        for connection in list(self._rights.connections):
            connection.close(1012, "service_restart")

    async def run_state(self, stop: asyncio.Event) -> None:
        """Tell every client the state each second: the time, the ages, that we are there."""
        while not stop.is_set():
            self._hub.tell_state(self._clock.now_us())
            self._metrics.live_clients.set(len(self._hub.clients))
            self._metrics.live_subscriptions.set(
                sum(len(client.subscriptions) for client in self._hub.clients)
            )
            await self._clock.sleep(_STATE_WAKES_S)

    # ------------------------------------------------------------- one socket

    async def _first_message(self, websocket: WebSocket, origin: Origin) -> Principal:
        try:
            async with asyncio.timeout(self._settings.live_auth_s):
                message = await _receive(websocket)
        except TimeoutError as error:
            raise _closed(NOT_AUTHENTICATED, "authentication_timeout") from error
        except Invalid as error:
            raise _closed(NOT_AUTHENTICATED, "authentication_expected") from error
        if not isinstance(message, Auth):
            raise _closed(NOT_AUTHENTICATED, "authentication_expected")
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
            raise _closed(NOT_AUTHENTICATED, error.reason) from error
        except Unavailable as error:
            raise _closed(_TRY_AGAIN_LATER, "unavailable") from error

    async def _serve_user(self, websocket: WebSocket, request: Request) -> None:
        settings = self._settings
        wake = asyncio.Event()
        client = Client(
            queue=ClientQueue(
                QueueBounds(
                    messages=settings.live_queue_messages_most,
                    waveform_bytes=settings.live_queue_waveform_bytes_most,
                )
            ),
            notify=wake.set,
        )
        connection = Connection(client=client, request=request)
        same_user = sum(
            other.principal.user_id == request.principal.user_id
            for other in self._rights.connections
        )
        if same_user >= settings.live_clients_a_user_most:
            raise _closed(_TRY_AGAIN_LATER, "too_many")
        self._hub.add(client)
        self._rights.connections.add(connection)
        client.put_message(self._greeting(connection))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send_all(websocket, connection, wake))
                group.create_task(self._take_all(websocket, connection))
        finally:
            self._rights.connections.discard(connection)
            self._hub.remove(client)
            counts = client.queue.counts
            self._metrics.live_conflated.inc(counts.vitals_conflated)
            self._metrics.live_dropped.inc(counts.blocks_dropped)

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

    async def _send_all(
        self, websocket: WebSocket, connection: Connection, wake: asyncio.Event
    ) -> None:
        """Send what waits, together each flush interval, until the socket shall be closed."""
        client = connection.client
        while True:
            await wake.wait()
            wake.clear()
            if connection.closing is None:
                if client.too_slow:
                    connection.close(TOO_SLOW, "too_slow")
                elif connection.principal.token_expires_us <= self._clock.now_us():
                    connection.close(NOT_AUTHENTICATED, "token_expired")
            if connection.closing is not None:
                raise _ClosedError(connection.closing)
            for message in client.queue.take():
                await self._send(websocket, message)
            await self._clock.sleep(self._settings.live_flush_s)

    async def _send(self, websocket: WebSocket, message: bytes | str) -> None:
        try:
            async with asyncio.timeout(self._settings.live_send_s):
                if isinstance(message, str):
                    await websocket.send_text(message)
                else:
                    await websocket.send_bytes(message)
        except TimeoutError as error:
            raise _closed(TOO_SLOW, "too_slow") from error
        self._metrics.live_messages.labels("text" if isinstance(message, str) else "binary").inc()
        self._metrics.live_bytes.inc(len(message))

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
            except (Invalid, NotFound, Unavailable, Denied) as error:
                connection.client.put_message(_error(error))

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
                    else _error(NotFound("subscription"), message.id)
                )
            case Auth():
                principal = await self._authenticated(message, connection.request.origin)
                if principal.user_id != connection.principal.user_id:
                    raise _closed(FORBIDDEN, "another_user")
                connection.request = replace(connection.request, principal=principal)
                client.put_message(self._greeting(connection))
            case Subscribe():
                await self._subscribe(connection, message)

    async def _subscribe(self, connection: Connection, asked: Subscribe) -> None:
        client = connection.client
        known = client.subscriptions.keys() - {asked.id}
        if len(known) >= self._settings.live_subscriptions_most:
            client.put_message(_error(Invalid("too many subscriptions"), asked.id))
            return
        try:
            patients = await self._rights.admit(
                connection, asked, most=self._settings.live_patients_most
            )
            subscription = self._hub.prepare(client, asked, patients)
            try:
                cursor, replay = await self._missed(asked, patients)
                now_us = self._clock.now_us()
                vitals = (
                    await self._store.newest_values(
                        patients, start_us=now_us - _SNAPSHOT_US, end_us=now_us + _AHEAD_US
                    )
                    if What.VITALS in asked.what
                    else []
                )
            except (Unavailable, Invalid):
                self._hub.end(client, asked.id)
                raise
            self._hub.start(subscription, vitals=vitals, replay=replay, cursor=cursor)
        except (Invalid, NotFound, Unavailable, Denied) as error:
            client.put_message(_error(error, asked.id))

    async def _missed(
        self, asked: Subscribe, patients: tuple[SeenPatient, ...]
    ) -> tuple[FeedCursor | None, list[FeedItem]]:
        """Where the feed is now, and what of it came after the client's cursor.

        Called while the subscription collects what comes. Older events are in the database, newer
        ones in the hub's memory; until both meet, storage is waited for.
        """
        newest = self._hub.newest_cursor or await self._store.newest_place()
        if asked.since is None:
            return newest, []
        since = FeedCursor.parse(asked.since)
        oldest = self._hub.oldest_cursor
        if oldest is not None:
            before_oldest = FeedCursor(oldest.incarnation, oldest.offset - 1)
            if since < before_oldest:
                await self._stored_up_to(before_oldest)
        most = self._settings.live_replay_events_most
        stored = await self._store.events_after(since, patients, most=most + 1)
        if len(stored) > most:
            raise Invalid("replay_too_long: subscribe without a cursor and read the lists")
        return newest, stored + self._hub.recent(since)

    async def _stored_up_to(self, place: FeedCursor) -> None:
        give_up_s = self._clock.monotonic_s() + _REPLAY_WAIT_S
        while True:
            stored = await self._store.newest_place()
            if stored is not None and stored >= place:
                return
            if self._clock.monotonic_s() >= give_up_s:
                raise Unavailable(Dependency.POSTGRESQL, "events are not stored yet")
            await self._clock.sleep(_REPLAY_EVERY_S)

    async def _close(self, websocket: WebSocket, closing: Closing) -> None:
        self._metrics.live_closed.labels(closing.reason).inc()
        if websocket.client_state is not WebSocketState.CONNECTED:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                await websocket.close(closing.code, closing.reason)
        except (TimeoutError, RuntimeError):
            log.info("live_close_not_heard", reason=closing.reason)


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


def _error(error: VitalwireError, subscription: str | None = None) -> dict[str, object]:
    if is_fault_of_ours(error):
        log.error("live_message_failed", exc_info=error)
    code = next(name for kind, name in _CODES.items() if isinstance(error, kind))
    message: dict[str, object] = {"kind": "error", "code": code, "detail": told(error)[:200]}
    return message if subscription is None else {**message, "id": subscription}


def _closed(code: int, reason: str) -> _ClosedError:
    return _ClosedError(Closing(code=code, reason=reason))


def _first(errors: BaseExceptionGroup[_ClosedError]) -> _ClosedError:
    for error in errors.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("an exception group has an exception")
