"""From a wish to a subscription that flows: rights, snapshot, what was missed, then live."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from services.api.core.cursors import FeedCursor
from services.api.core.sight import SeenPatient
from services.api.live.clients import Client, Subscription
from services.api.live.connections import Connection
from services.api.live.feed_store import FeedStore
from services.api.live.hub import Hub
from services.api.live.items import VitalItem
from services.api.live.rights import Rights
from services.api.live.subscriptions import Subscribe, What
from services.api.settings import ApiSettings
from shared.contracts.identity import PatientKey
from shared.contracts.instants import HOUR, MINUTE
from shared.errors import Dependency, Invalid, Unavailable
from shared.runtime.clock import Clock

_BEGIN_AT_ONCE = 8  # those of a crowd who wait for the database; the others wait for their turn
_REST_SHARE = 2.0  # of the time that letting one in took: then those who are there are served
_SNAPSHOT_US = 15 * MINUTE  # older values are stale by any measure that is shown live
_AHEAD_US = 1 * HOUR
_STORED_WITHIN_S = 3.0  # storage commits events well within this
_STORED_EVERY_S = 0.1


class Subscribing:
    """Begins subscriptions of sockets and event streams."""

    def __init__(
        self, *, rights: Rights, hub: Hub, store: FeedStore, settings: ApiSettings, clock: Clock
    ) -> None:
        self._rights = rights
        self._hub = hub
        self._store = store
        self._settings = settings
        self._clock = clock
        self._turn = asyncio.Semaphore(_BEGIN_AT_ONCE)
        self._door = asyncio.Lock()

    async def begin(self, connection: Connection, asked: Subscribe) -> Subscription:
        """Begin a subscription and give the newest values; ``catch_up`` has to follow.

        Raises
        ------
        Invalid : too many subscriptions or patients
        Denied : the role reads no clinical data
        NotFound : a patient or a ward that the user may not see
        Unavailable : the database is away, or the events are not read yet
        """
        client = connection.client
        if len(client.subscriptions.keys() - {asked.id}) >= self._settings.live_subscriptions_most:
            raise Invalid("too many subscriptions")
        async with self._turn:
            patients = await self._rights.admit(
                connection, asked, most=self._settings.live_patients_most
            )
            if self._hub.feed.after is None and asked.wants_feed:
                raise Unavailable(Dependency.RABBITMQ, "events are not read yet")
            async with self._paced():
                subscription = self._hub.prepare(client, asked, patients)
            with self._or_ended(subscription):
                vitals = await self._snapshot(patients) if What.VITALS in asked.what else {}
                async with self._paced():
                    self._hub.start(subscription, vitals=vitals, since_us=self._oldest_us)
        return subscription

    async def catch_up(self, subscription: Subscription) -> None:
        """Tell what came after the client's cursor; returns when alarms and events flow.

        First what the database has, then what the hub keeps in memory, in pages, each when the
        client took the one before. While the database answers the hub's memory moves on, so which
        of the two has what comes next is asked each time anew; the last page and the switch to
        live are one step. A subscription that is ended meanwhile is left alone.

        Raises
        ------
        Invalid : too much was missed
        Unavailable : the database is away, or events are not stored in time
        """
        feed, page, replayed = self._hub.feed, self._page, 0
        with self._or_ended(subscription):
            while subscription.is_current:
                told, after = subscription.told, feed.after
                if told is not None and after is not None and told < after:
                    await self._stored_up_to(after)
                    missed = await self._store.events_after(
                        told, tuple(subscription.patients.values()), up_to=after, most=page
                    )
                    replayed += len(missed)
                    if replayed > self._settings.live_replay_events_most:
                        raise Invalid("replay_too_long: subscribe without a cursor, read the lists")
                    self._hub.replay(subscription, missed, up_to=after, whole=len(missed) < page)
                elif self._hub.follow_feed(subscription, most=page):
                    return
                await self._taken(subscription.client)

    @contextmanager
    def _or_ended(self, subscription: Subscription) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if subscription.is_current:
                self._hub.end(subscription.client, subscription.asked.id)
            raise

    @asynccontextmanager
    async def _paced(self) -> AsyncIterator[None]:
        """One at a time, and a rest after it as long as the loop was kept: a busy one rests more.

        So a crowd that comes at once takes a third of the loop, however fast the machine is.
        """
        async with self._door:
            began_s = self._clock.monotonic_s()
            yield
            used_s = self._clock.monotonic_s() - began_s
            await self._clock.sleep(_REST_SHARE * used_s)

    async def _snapshot(
        self, patients: Mapping[PatientKey, SeenPatient]
    ) -> dict[PatientKey, list[VitalItem]]:
        """The newest values that are not in memory, because nobody has watched these patients."""
        unknown = self._hub.unknown_values(patients.values())
        if not unknown:
            return {}
        end_us = self._clock.now_us() + _AHEAD_US
        return await self._store.newest_values(unknown, start_us=self._oldest_us, end_us=end_us)

    @property
    def _oldest_us(self) -> int:
        return self._clock.now_us() - _SNAPSHOT_US

    @property
    def _page(self) -> int:
        return max(1, self._settings.live_queue_messages_most // 4)

    async def _taken(self, client: Client) -> None:
        """Wait until the client took most of what waits for it; who takes nothing is cut off."""
        while client.queue.n_messages > self._page and not client.too_slow:
            await self._clock.sleep(self._settings.live_flush_s)

    async def _stored_up_to(self, place: FeedCursor) -> None:
        give_up_s = self._clock.monotonic_s() + _STORED_WITHIN_S
        while True:
            stored = await self._store.newest_place()
            if stored is not None and stored >= place:
                return
            if self._clock.monotonic_s() >= give_up_s:
                raise Unavailable(Dependency.POSTGRESQL, "events are not stored yet")
            await self._clock.sleep(_STORED_EVERY_S)
