"""Who watches what, and what of each batch goes to whom. Pure: no socket, no clock, no database.

The tail hands in batches and events; each client has a queue that takes what its subscriptions ask
for. A batch costs one look at its device or patient column; only rows that somebody watches become
messages. Hot path: ``put_vitals`` and ``put_frames``.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from services.api.core.cursors import FeedCursor
from services.api.core.sight import SeenPatient
from services.api.live.client_queue import ClientQueue, TooSlowError, VitalKey
from services.api.live.items import FeedItem, VitalItem, vital_items
from services.api.live.subscriptions import Subscribe, WaveformFormat, What
from services.api.live.traces import LiveFrame, LiveTraces
from shared.contracts.frames import FrameBatch
from shared.contracts.instants import to_text
from shared.contracts.streams import STREAMS
from shared.contracts.vitals import VitalBatch

_STREAM_KEYS = {int(stream): row.key for stream, row in STREAMS.items()}


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """One subscription of one client, with whom it may see now."""

    client: "Client"
    asked: Subscribe
    patients: dict[int, SeenPatient]
    started: bool = False
    pending: list[FeedItem] = field(default_factory=list)

    def wants(self, what: What) -> bool:
        """Whether it asks for this."""
        return what in self.asked.what


@dataclass(slots=True, kw_only=True, eq=False)
class Client:
    """One live socket. ``notify`` tells its sender that something waits."""

    queue: ClientQueue
    notify: Callable[[], None]
    too_slow: bool = False
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    def put_message(self, message: dict[str, Any]) -> None:
        """Queue an answer; what does not fit cuts the client off."""
        self.attempt(lambda: self.queue.put_message(orjson.dumps(message)))

    def attempt(self, put: Callable[[], None]) -> None:
        """Put something into the queue; what may not be dropped and does not fit cuts it off."""
        if self.too_slow:
            return
        try:
            put()
        except TooSlowError:
            self.too_slow = True
        self.notify()


@dataclass(slots=True)
class _Watched:
    """One device that somebody watches."""

    device: str
    model: str
    patient: SeenPatient
    simulated: bool
    subscriptions: set[Subscription] = field(default_factory=set)
    newest_us: dict[int, int] = field(default_factory=dict)  # by stream


class Hub:
    """All clients of this process.

    Parameters
    ----------
    ring_events : newest events kept for clients that come back
    channels : names that a device model gives to the channels of a stream, by (model, stream)
    """

    def __init__(
        self, *, ring_events: int, channels: Mapping[tuple[str, str], tuple[str, ...]] | None = None
    ) -> None:
        self._channels = channels or {}
        self._by_patient: dict[int, set[Subscription]] = {}
        self._by_device: dict[int, _Watched] = {}
        self._patient_ids: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._device_ids: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._traces = LiveTraces()
        self._newest: dict[int, dict[VitalKey, VitalItem]] = {}
        self._ring: deque[FeedItem] = deque(maxlen=ring_events)
        self.clients: set[Client] = set()

    # ------------------------------------------------------------------ clients

    def add(self, client: Client) -> None:
        """Take a client in."""
        self.clients.add(client)

    def remove(self, client: Client) -> None:
        """Forget a client and all that it watched."""
        self.clients.discard(client)
        for subscription in list(client.subscriptions.values()):
            self._leave(subscription)
        client.subscriptions.clear()

    def prepare(
        self, client: Client, asked: Subscribe, patients: Iterable[SeenPatient]
    ) -> Subscription:
        """Begin to watch for a subscription that is not started yet.

        Until ``start``, alarms and events wait for it and values are remembered, so that nothing
        falls between the snapshot of the database and the live feed.
        """
        self.end(client, asked.id)
        subscription = Subscription(
            client=client, asked=asked, patients={patient.id: patient for patient in patients}
        )
        client.subscriptions[asked.id] = subscription
        self._join(subscription)
        return subscription

    def start(
        self,
        subscription: Subscription,
        *,
        vitals: Iterable[VitalItem],
        replay: Iterable[FeedItem],
        cursor: FeedCursor | None,
    ) -> None:
        """Answer the subscription, give what the database knew, then what came meanwhile."""
        if subscription.client.subscriptions.get(subscription.asked.id) is not subscription:
            return  # ended or asked anew meanwhile
        client, asked = subscription.client, subscription.asked
        client.put_message(
            {
                "id": asked.id,
                "kind": "subscribed",
                "cursor": None if cursor is None else str(cursor),
                "patients": [patient.key for patient in subscription.patients.values()],
            }
        )
        subscription.started = True
        newest = {item.key: item for item in vitals}
        for patient in subscription.patients:
            for key, item in self._newest.get(patient, {}).items():
                if key not in newest or newest[key].t_us < item.t_us:
                    newest[key] = item
        if subscription.wants(What.VITALS):
            for item in newest.values():
                self._give_vital(subscription, item)
        told: set[str] = set()
        for feed_item in (*replay, *subscription.pending):
            if feed_item.once not in told:
                told.add(feed_item.once)
                self._give_feed_item(subscription, feed_item)
        subscription.pending.clear()

    def end(self, client: Client, subscription_id: str) -> bool:
        """End a subscription; false when there is none of this id."""
        subscription = client.subscriptions.pop(subscription_id, None)
        if subscription is None:
            return False
        self._leave(subscription)
        client.queue.forget(subscription_id)
        return True

    def update(self, subscription: Subscription, patients: Iterable[SeenPatient]) -> None:
        """Follow who may be seen now: others in the ward, other beds, other devices."""
        fresh: dict[int, SeenPatient] = {patient.id: patient for patient in patients}
        is_current = subscription.client.subscriptions.get(subscription.asked.id) is subscription
        if fresh == subscription.patients or not is_current:
            return
        self._leave(subscription)
        subscription.patients = fresh
        self._join(subscription)

    # --------------------------------------------------------------------- feed

    @property
    def newest_cursor(self) -> FeedCursor | None:
        """The place of the newest event that came."""
        return self._ring[-1].cursor if self._ring else None

    @property
    def oldest_cursor(self) -> FeedCursor | None:
        """The place of the oldest event that is still kept."""
        return self._ring[0].cursor if self._ring else None

    def recent(self, since: FeedCursor) -> list[FeedItem]:
        """What is kept of the time after a cursor."""
        return [item for item in self._ring if item.cursor > since]

    def put_vitals(self, batch: VitalBatch) -> None:
        """Give each watched value of a batch to those who watch it."""
        table = batch.table
        rows = np.flatnonzero(np.isin(table["patient"], self._patient_ids))
        if not len(rows):
            return
        devices = {number: watched.device for number, watched in self._by_device.items()}
        for patient_id, item in vital_items(table[rows], self._patient_key, devices):
            self._newest.setdefault(patient_id, {})[item.key] = item
            for subscription in self._by_patient.get(patient_id, ()):
                if subscription.started and subscription.wants(What.VITALS):
                    self._give_vital(subscription, item)

    def put_frames(self, batch: FrameBatch) -> None:
        """Note the age of each watched stream; give its samples to those who want them."""
        table = batch.table
        rows = np.flatnonzero(np.isin(table["device"], self._device_ids))
        if not len(rows):
            return
        chosen = table[rows]
        ends = chosen["t0"] + chosen["interval_ns"] * _n_samples(chosen) // 1_000
        columns = zip(
            rows.tolist(),
            chosen["device"].tolist(),
            chosen["stream"].tolist(),
            ends.tolist(),
            strict=True,
        )
        for row, device, stream, end_us in columns:
            watched = self._by_device[device]
            watched.newest_us[stream] = max(end_us, watched.newest_us.get(stream, end_us))
            key = _STREAM_KEYS.get(stream)
            takers = [
                subscription
                for subscription in watched.subscriptions
                if subscription.started
                and subscription.wants(What.WAVEFORMS)
                and (not subscription.asked.streams or key in subscription.asked.streams)
            ]
            if takers:
                self._give_samples(takers, batch, row, watched)

    def put_event(self, item: FeedItem) -> None:
        """Keep an event for those who come back, and give it to those who are here."""
        self._ring.append(item)
        for subscription in self._takers(item):
            if subscription.started:
                self._give_feed_item(subscription, item)
            else:
                subscription.pending.append(item)
                if len(subscription.pending) > (self._ring.maxlen or 0):
                    subscription.client.too_slow = True
                    subscription.client.notify()

    def forget_feed(self) -> None:
        """Events were lost before we read them: everybody has to come again with the cursor."""
        self._ring.clear()
        for client in self.clients:
            client.too_slow = True
            client.notify()

    def tell_state(self, now_us: int) -> None:
        """Tell each client the server's time and the age of each source that it watches."""
        server_time = to_text(now_us)
        for client in self.clients:
            devices = {
                device.id
                for subscription in client.subscriptions.values()
                for patient in subscription.patients.values()
                for device in patient.devices
            }
            watched = [self._by_device[device] for device in devices if device in self._by_device]
            sources = [
                {
                    "patient": source.patient.key,
                    "device": source.device,
                    "stream": _STREAM_KEYS.get(stream, str(stream)),
                    "age_s": round(max(0, now_us - newest_us) / 1e6, 3),
                }
                for source in watched
                for stream, newest_us in sorted(source.newest_us.items())
            ]
            client.queue.put_state(
                orjson.dumps(
                    {
                        "kind": "state",
                        "server_time": server_time,
                        "sources": sources,
                        "simulated": any(source.simulated for source in watched),
                    }
                )
            )
            client.notify()

    # ------------------------------------------------------------------ private

    def _patient_key(self, patient_id: int) -> str | None:
        for subscription in self._by_patient.get(patient_id, ()):
            return subscription.patients[patient_id].key
        return None

    def _takers(self, item: FeedItem) -> list[Subscription]:
        if item.event.patient is not None:
            return list(self._by_patient.get(item.event.patient, ()))
        if item.event.device is not None and item.event.device in self._by_device:
            return list(self._by_device[item.event.device].subscriptions)
        return []

    def _give_vital(self, subscription: Subscription, item: VitalItem) -> None:
        client = subscription.client
        client.attempt(
            lambda: client.queue.put_vital(subscription.asked.id, item.key, item.encoded)
        )

    def _give_samples(
        self, takers: list[Subscription], batch: FrameBatch, row: int, watched: _Watched
    ) -> None:
        frame: LiveFrame | None = self._traces.continue_with(
            batch,
            row,
            patient=watched.patient.key,
            device=watched.device,
            names=lambda stream: self._channels.get((watched.model, stream), ()),
        )
        if frame is None:
            return
        for subscription in takers:
            block = frame.block(subscription.asked.rate)
            if block is not None:
                client = subscription.client
                client.queue.put_block(
                    subscription.asked.id,
                    block,
                    as_text=subscription.asked.format is WaveformFormat.JSON,
                )
                client.notify()

    def _give_feed_item(self, subscription: Subscription, item: FeedItem) -> None:
        what = What.ALARMS if item.is_alarm else What.EVENTS
        if not subscription.wants(what):
            return
        patient = (
            subscription.patients.get(item.event.patient)
            if item.event.patient is not None
            else None
        )
        if patient is None and item.event.device is not None:
            patient = next(
                (
                    one
                    for one in subscription.patients.values()
                    if any(device.id == item.event.device for device in one.devices)
                ),
                None,
            )
        if patient is None:
            return
        client = subscription.client
        message = item.message(subscription.asked.id, patient)
        client.attempt(lambda: client.queue.put_message(message))

    def _join(self, subscription: Subscription) -> None:
        for patient in subscription.patients.values():
            self._by_patient.setdefault(patient.id, set()).add(subscription)
            for device in patient.devices:
                watched = self._by_device.get(device.id)
                if watched is None:
                    watched = self._by_device[device.id] = _Watched(
                        device.device, device.model, patient, device.simulated
                    )
                elif watched.patient.id != patient.id:
                    # The device went to another patient: whoever still has the old sight of it
                    # gets no more samples of it.
                    watched.subscriptions.clear()
                watched.patient, watched.simulated = patient, device.simulated
                watched.subscriptions.add(subscription)
        self._index()

    def _leave(self, subscription: Subscription) -> None:
        for patient in subscription.patients.values():
            watchers = self._by_patient.get(patient.id, set())
            watchers.discard(subscription)
            if not watchers:
                self._by_patient.pop(patient.id, None)
                self._newest.pop(patient.id, None)
            for device in patient.devices:
                watched = self._by_device.get(device.id)
                if watched is not None:
                    watched.subscriptions.discard(subscription)
                    if not watched.subscriptions:
                        del self._by_device[device.id]
        self._index()

    def _index(self) -> None:
        self._patient_ids = np.fromiter(self._by_patient, dtype=np.int32)
        gone = set(self._device_ids.tolist()) - self._by_device.keys()
        self._device_ids = np.fromiter(self._by_device, dtype=np.int32)
        if gone:
            self._traces.forget_devices(gone)


def _n_samples(table: NDArray[np.void]) -> NDArray[np.int64]:
    widths = np.where(table["format"] == 1, 2, 4).astype(np.int64)
    n: NDArray[np.int64] = table["size"].astype(np.int64) // (
        widths * np.maximum(table["channels"].astype(np.int64), 1)
    )
    return n
