"""The open live connections, sockets and event streams alike: who may open one, when it ends."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from services.api.access import Request
from services.api.core.permissions import Principal, UserId
from services.api.live.client_queue import ClientQueue
from services.api.live.clients import Client
from services.api.live.hub import Hub
from services.api.live.strands import Strands
from services.api.live.waiting import QueueBounds
from services.api.metrics import ApiMetrics
from services.api.settings import ApiSettings
from shared.runtime.clock import Clock

NOT_AUTHENTICATED = 4001
FORBIDDEN = 4003
TOO_SLOW = 4008
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013
FRAMES = "vitalwire.frames"
"""Key of a `websocket.send` event with several messages, text and binary, for one write."""
LINK = "vitalwire.link"
"""Key of a socket's scope: its `Link`, past everything between the application and the socket."""
_STATE_EVERY_S = 1.0


class Link(Protocol):
    """Where the bytes of a socket go."""

    @property
    def is_free(self) -> bool:
        """Whether it is open and takes more at once."""
        ...

    def put(self, data: bytes) -> None:
        """Send whole frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Why a connection is closed by us."""

    code: int
    reason: str


class ClosedError(Exception):
    """The connection shall be closed by us."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.closing = Closing(code=code, reason=reason)

    @staticmethod
    def first_of(errors: "BaseExceptionGroup[ClosedError]") -> "ClosedError":
        """The first in a group as `except*` gives it."""
        for error in errors.exceptions:
            if isinstance(error, BaseExceptionGroup):
                return ClosedError.first_of(error)
            return error
        raise AssertionError("an exception group has an exception")


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """One authenticated live connection.

    Parameters
    ----------
    link : set once all may be sent past its own sender too
    wake : tells its own sender that it has something to do
    is_sending : its own sender has taken what it has not given to the link yet
    """

    client: Client
    request: Request
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    closing: Closing | None = None
    link: Link | None = None
    is_sending: bool = False

    @property
    def principal(self) -> Principal:
        """Who watches."""
        return self.request.principal

    def close(self, code: int, reason: str) -> None:
        """Have it closed; the first reason stands."""
        if self.closing is None:
            self.closing = Closing(code=code, reason=reason)
            self.client.notify()


class Connections:
    """All open live connections of this process."""

    def __init__(
        self,
        *,
        hub: Hub,
        strands: Strands,
        settings: ApiSettings,
        metrics: ApiMetrics,
        clock: Clock,
    ) -> None:
        self._hub = hub
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._strands = strands
        self._n_of_user: Counter[UserId] = Counter()
        self.open: dict[Connection, None] = {}  # in the order of their opening

    @property
    def is_full(self) -> bool:
        """Whether this process serves as many as it may."""
        return len(self._hub.clients) >= self._settings.live_clients_most

    @contextmanager
    def opened(self, request: Request) -> Iterator[Connection]:
        """A connection of this user, until the end of the block.

        Raises
        ------
        ClosedError : there are too many, of this user or of all
        """
        settings = self._settings
        user_id = request.principal.user_id
        if self.is_full or self._n_of_user[user_id] >= settings.live_clients_a_user_most:
            raise ClosedError(TRY_AGAIN_LATER, "too_many")
        wake = asyncio.Event()
        bounds = QueueBounds(
            messages=settings.live_queue_messages_most,
            waveform_bytes=settings.live_queue_waveform_bytes_most,
        )
        client = Client(queue=ClientQueue(bounds, self._strands), notify=wake.set)
        connection = Connection(client=client, request=request, wake=wake)
        self._hub.add(client)
        self.open[connection] = None
        self._n_of_user[user_id] += 1
        try:
            yield connection
        finally:
            self.open.pop(connection, None)
            self._n_of_user[user_id] -= 1
            if not self._n_of_user[user_id]:
                del self._n_of_user[user_id]
            self._hub.remove(client)
            counts = client.queue.counts
            self._metrics.live_conflated.inc(counts.vitals_conflated)
            self._metrics.live_dropped.inc(counts.blocks_dropped)

    async def something_to_send(self, connection: Connection) -> None:
        """Wait until something waits for the client.

        Cancel-safe: holds nothing.

        Raises
        ------
        ClosedError : the connection shall be closed instead
        """
        await connection.wake.wait()
        connection.wake.clear()
        if connection.closing is None:
            if connection.client.too_slow:
                connection.close(TOO_SLOW, "too_slow")
            elif connection.principal.token_expires_us <= self._clock.now_us():
                connection.close(NOT_AUTHENTICATED, "token_expired")
        if connection.closing is not None:
            raise ClosedError(connection.closing.code, connection.closing.reason)

    async def end_all(self, stop: asyncio.Event) -> None:
        """Close all at the stop: clients come again, to another process or the next."""
        await stop.wait()
        for connection in list(self.open):
            connection.close(SERVICE_RESTART, "service_restart")

    async def run_state(self, stop: asyncio.Event) -> None:
        """Tell every client the state each second: the time, the ages, that we are there."""
        while not stop.is_set():
            now_us = self._clock.now_us()
            self._hub.tell_state(now_us)
            for connection in self.open:
                if connection.principal.token_expires_us <= now_us:
                    connection.wake.set()
            self._metrics.live_clients.set(len(self._hub.clients))
            self._metrics.live_subscriptions.set(
                sum(len(client.subscriptions) for client in self._hub.clients)
            )
            await self._clock.sleep(_STATE_EVERY_S)
