"""What of each batch goes to whom. Pure: no socket, no clock, no database.

The tail hands in batches and events; each client has a queue that takes what its subscriptions ask
for. A batch costs one look at its device or patient column; only rows that somebody watches become
messages. Hot path: ``put_vitals`` and ``put_frames``.
"""

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from services.api.core.cursors import FeedCursor
from services.api.core.sight import SeenPatient
from services.api.live.beats import BeatBlock, beat_block
from services.api.live.client_queue import ClientQueue, put_to_all
from services.api.live.clients import Client, Subscription
from services.api.live.feed import Feed
from services.api.live.items import FeedItem, VitalItem, vital_items
from services.api.live.newest_values import NewestValues
from services.api.live.states import States
from services.api.live.subscriptions import Subscribe, What
from services.api.live.traces import LiveTraces
from services.api.live.waiting import TooSlowError, VitalKey
from services.api.live.watching import Taken, Takers, Watched, Watching
from services.api.live.waveform_bytes import WaveformBlock
from shared.contracts.beats import BeatBatch
from shared.contracts.frames import FrameBatch
from shared.contracts.identity import PatientKey
from shared.contracts.streams import STREAMS
from shared.contracts.vitals import VitalBatch

_Encoded = dict[tuple[str, int], bytes]
_STREAM_KEYS = {int(stream): row.key for stream, row in STREAMS.items()}


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
        self._watching = Watching()
        self._traces = LiveTraces()
        self._newest = NewestValues()
        self.feed = Feed(most=ring_events)
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
        self, client: Client, asked: Subscribe, patients: Mapping[PatientKey, SeenPatient]
    ) -> Subscription:
        """Begin to watch for a subscription that is not started yet.

        Values that come are remembered from now on, and the place of the feed is noted, so that
        nothing falls between what the database gives and the live feed.
        """
        self.end(client, asked.id)
        since = asked.since if asked.wants_feed else None
        subscription = Subscription(
            client=client,
            asked=asked,
            patients=patients,
            slot=client.free_slot(),
            told=self.feed.newest if since is None else FeedCursor.parse(since),
        )
        client.subscriptions[asked.id] = subscription
        self._watching.join(subscription)
        return subscription

    def unknown_values(self, patients: Iterable[SeenPatient]) -> list[SeenPatient]:
        """Those whose newest values are not in memory: nobody has watched them until now."""
        return [patient for patient in patients if not self._newest.is_whole(patient.id)]

    def start(
        self,
        subscription: Subscription,
        *,
        vitals: Mapping[PatientKey, Iterable[VitalItem]],
        since_us: int = 0,
    ) -> None:
        """Answer the subscription and give the newest values; alarms and events do not flow yet.

        Parameters
        ----------
        vitals : newest values of the patients that were not in memory, from the database, looked
            up after `prepare`; they are kept for those who come next
        since_us : older values are not given
        """
        if not subscription.is_current:
            return
        for patient, items in vitals.items():
            if patient in subscription.patients:
                self._newest.complete(patient, items)
        subscription.client.put_message(
            {
                "id": subscription.asked.id,
                "kind": "subscribed",
                "cursor": None if subscription.told is None else str(subscription.told),
                "patients": [patient.key for patient in subscription.patients.values()],
            }
        )
        self._watching.started(subscription)
        if subscription.wants(What.VITALS):
            newest = self._newest.of(subscription.patients, since_us=since_us)
            if newest:
                _give_vitals(subscription.asked.id, newest, [subscription.client])

    def replay(
        self,
        subscription: Subscription,
        items: Iterable[FeedItem],
        *,
        up_to: FeedCursor,
        whole: bool,
    ) -> None:
        """Tell of the past, in order; what was told already is passed over.

        Parameters
        ----------
        whole : these are all that there are up to ``up_to``
        """
        if not subscription.is_current:
            return
        for item in items:
            _give_feed_item(subscription, item)
        if whole and (subscription.told is None or subscription.told < up_to):
            subscription.told = up_to

    def follow_feed(self, subscription: Subscription, *, most: int) -> bool:
        """Tell what is kept of the feed since then; true when from now on all flows by itself.

        Parameters
        ----------
        most : messages told at once; false when there are more
        """
        missed = (
            self.feed.since(subscription.told)
            if subscription.told is not None
            else self.feed.since(FeedCursor(0, 0))
        )
        waiting = subscription.client.queue.n_messages
        for item in missed:
            if subscription.client.queue.n_messages - waiting >= most:
                return False
            _give_feed_item(subscription, item)
        subscription.follows_feed = True
        return True

    def end(self, client: Client, subscription_id: str) -> bool:
        """End a subscription; false when there is none of this id."""
        subscription = client.subscriptions.pop(subscription_id, None)
        if subscription is None:
            return False
        self._leave(subscription)
        client.queue.forget(subscription_id)
        return True

    def update(
        self, subscription: Subscription, patients: Mapping[PatientKey, SeenPatient]
    ) -> None:
        """Follow who may be seen now: others in the ward, other beds, other devices."""
        if not subscription.is_current:
            return
        if patients == subscription.patients:
            subscription.patients = patients  # the object that others have too
            return
        changed = patients.keys() != subscription.patients.keys()
        self._leave(subscription)
        subscription.see(patients)
        self._watching.join(subscription)
        if changed and subscription.started:
            subscription.client.put_message(
                {
                    "id": subscription.asked.id,
                    "kind": "patients",
                    "patients": [patient.key for patient in patients.values()],
                }
            )

    # --------------------------------------------------------------------- feed

    def put_vitals(self, batch: VitalBatch) -> None:
        """Give each watched value of a batch to those who watch it, unless they have newer.

        What late data corrects is history: it must not stand where the newest value stands.
        """
        table, watching = batch.table, self._watching
        rows = np.flatnonzero(np.isin(table["patient"], watching.patient_ids))
        if not len(rows):
            return
        devices = {
            number: (watched.device, watched.order)
            for number, watched in watching.by_device.items()
        }
        by_patient: dict[PatientKey, dict[VitalKey, bytes]] = {}
        for patient_id, item in vital_items(table[rows], watching.patient_key, devices):
            if self._newest.put(patient_id, item):
                by_patient.setdefault(patient_id, {})[item.key] = item.encoded
        for patient_id, values in by_patient.items():
            for subscription_id, clients in watching.value_takers(patient_id).items():
                _give_vitals(subscription_id, values, clients)

    def put_frames(self, batch: FrameBatch) -> None:
        """Note the age of each watched stream; give its samples to those who want them."""
        table = batch.table
        rows = np.flatnonzero(np.isin(table["device"], self._watching.device_ids))
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
            watched = self._watching.by_device[device]
            watched.newest_us[stream] = max(end_us, watched.newest_us.get(stream, end_us))
            key = _STREAM_KEYS.get(stream)
            if key is not None and (takers := watched.takers(key)):
                self._give_samples(takers, batch, row, watched)

    def put_beats(self, batch: BeatBatch) -> None:
        """Give the beats of watched devices to those who want them, corrected ones too.

        A beat from before its device was put on is somebody else's: it goes to nobody here.
        """
        table = batch.table
        for device in np.unique(table["device"]).tolist():
            watched = self._watching.by_device.get(device)
            takers = {} if watched is None else watched.beat_takers
            if watched is None or not takers:
                continue
            mine = table[(table["device"] == device) & (table["t"] >= watched.since_us)]
            if not len(mine):
                continue
            block = beat_block(mine, patient=watched.patient.key, device=watched.device)
            for subscription_id, queues in takers.items():
                put_to_all(queues, partial(_put_beats, subscription_id, block))

    def put_event(self, item: FeedItem) -> None:
        """Keep an event for those who come back, and give it to those who are here."""
        if not self.feed.put(item):
            return
        encoded: _Encoded = {}
        for subscription in self._takers(item):
            if subscription.follows_feed:
                _give_feed_item(subscription, item, encoded)

    def begin_values(self) -> None:
        """Values are read from here, and some may have been missed: memory is not whole."""
        self._newest.doubt()

    def begin_feed(self, after: FeedCursor, known: Iterable[str] = ()) -> None:
        """The feed is read from here: everybody who heard of another has to come again."""
        if self.feed.after is not None:
            for client in self.clients:
                client.too_slow = True
                client.notify()
        self.feed.begin(after, known)

    def tell_state(self, now_us: int) -> None:
        """Tell each client the server's time and the age of each source that it watches."""
        states = States(self._watching, now_us=now_us, cursor=self.feed.newest)
        for client in self.clients:
            client.queue.put_state(states.of(client.subscriptions.values()))

    # ------------------------------------------------------------------ private

    def _takers(self, item: FeedItem) -> list[Subscription]:
        event, watching = item.event, self._watching
        if event.patient is not None:
            return list(watching.by_patient.get(event.patient, ()))
        if event.device is not None and event.device in watching.by_device:
            return list(watching.by_device[event.device].subscriptions)
        return []

    def _give_samples(self, takers: Takers, batch: FrameBatch, row: int, watched: Watched) -> None:
        frame = self._traces.continue_with(
            batch,
            row,
            patient=watched.patient.key,
            device=watched.device,
            names=lambda stream: self._channels.get((watched.model, stream), ()),
        )
        if frame is None:
            return
        for taken, queues in takers.items():
            block = frame.block(taken.rate)
            if block is not None:
                put_to_all(queues, partial(_put_block, taken, block))

    def _leave(self, subscription: Subscription) -> None:
        watching = self._watching
        watching.leave(subscription)
        for patient_id in subscription.patients:
            if patient_id not in watching.by_patient:
                self._newest.forget(patient_id)
        gone: set[int] = {
            device.id
            for patient in subscription.patients.values()
            for device in patient.devices
            if device.id not in watching.by_device
        }
        if gone:
            self._traces.forget_devices(gone)


def _put_block(taken: Taken, block: WaveformBlock, queue: ClientQueue) -> None:
    queue.put_block(taken.subscription, block, slot=taken.slot, as_text=taken.as_text)


def _put_beats(subscription: str, block: BeatBlock, queue: ClientQueue) -> None:
    queue.put_beats(subscription, block)


def _give_vitals(
    subscription: str, values: Mapping[VitalKey, bytes], clients: Iterable[Client]
) -> None:
    """Give values to many clients, and cut off those that took too little."""
    behind: list[ClientQueue] = []

    def put(queue: ClientQueue) -> None:
        try:
            queue.put_vitals(subscription, values)
        except TooSlowError:
            behind.append(queue)

    put_to_all((client.queue for client in clients if not client.too_slow), put)
    for client in clients if behind else ():
        if client.queue in behind:
            client.too_slow = True
            client.notify()


def _give_feed_item(
    subscription: Subscription, item: FeedItem, encoded: _Encoded | None = None
) -> None:
    """Tell an event to a subscription that may see it and was not told; keeps the place.

    Parameters
    ----------
    encoded : messages of this item that were made for others, by subscription and sight
    """
    if subscription.told is not None and item.cursor <= subscription.told:
        return
    subscription.told = item.cursor
    event = item.event
    patient = (
        subscription.patients.get(PatientKey(event.patient))
        # Whoever wears the device now, it happened to that patient.
        if event.patient is not None
        else subscription.wearers.get(event.device or 0)
    )
    if patient is None:
        return
    if not subscription.wants(What.ALARMS if item.is_alarm else What.EVENTS):
        return
    key = (subscription.asked.id, id(patient))
    message = None if encoded is None else encoded.get(key)
    if message is None:
        message = item.message(subscription.asked.id, patient)
        if encoded is not None:
            encoded[key] = message
    subscription.client.put_encoded(message)


def _n_samples(table: NDArray[np.void]) -> NDArray[np.int64]:
    widths = np.where(table["format"] == 1, 2, 4).astype(np.int64)
    n: NDArray[np.int64] = table["size"].astype(np.int64) // (
        widths * np.maximum(table["channels"].astype(np.int64), 1)
    )
    return n
