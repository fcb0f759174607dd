"""Who listens: one client a socket or event stream, with its queue and its subscriptions. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.api.core.cursors import FeedCursor
from services.api.core.sight import SeenPatient
from services.api.live.client_queue import ClientQueue
from services.api.live.subscriptions import Subscribe, What
from services.api.live.waiting import TooSlowError
from shared.contracts.identity import PatientKey


@dataclass(slots=True, kw_only=True, eq=False)
class Client:
    """One live socket.

    Parameters
    ----------
    notify : tells its sender that something waits that should leave before the next flush
    """

    queue: ClientQueue
    notify: Callable[[], None]
    too_slow: bool = False
    subscriptions: dict[str, "Subscription"] = field(default_factory=dict)

    def put_message(self, message: dict[str, Any]) -> None:
        """Queue an answer; what does not fit cuts the client off."""
        self.put_encoded(orjson.dumps(message))

    def put_encoded(self, message: bytes) -> None:
        """Queue an alarm, an event or an answer; what does not fit cuts the client off."""
        if self.too_slow:
            return
        try:
            self.queue.put_message(message)
        except TooSlowError:
            self.too_slow = True
        self.notify()

    def free_slot(self) -> int:
        """The lowest number that no subscription of this client has."""
        taken = {subscription.slot for subscription in self.subscriptions.values()}
        return next(number for number in range(len(taken) + 1) if number not in taken)


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """One subscription of one client, with whom it may see now.

    Parameters
    ----------
    slot : its number among those of the client
    told : everything of the feed up to here was told, or is not to be told
    started : the answer was given: values and samples flow
    follows_feed : what was missed was told too: alarms and events flow
    """

    client: Client
    asked: Subscribe
    patients: Mapping[PatientKey, SeenPatient]
    slot: int
    told: FeedCursor | None = None
    started: bool = False
    follows_feed: bool = False
    _worn: frozenset[tuple[int, int]] | None = None
    _wearers: Mapping[int, SeenPatient] | None = None

    @property
    def worn(self) -> frozenset[tuple[int, int]]:
        """(device, patient) of those whom it may see; computed once for each sight."""
        if self._worn is None:
            self._worn = frozenset(
                (device.id, patient.id)
                for patient in self.patients.values()
                for device in patient.devices
            )
        return self._worn

    @property
    def wearers(self) -> Mapping[int, SeenPatient]:
        """Who wears which device; computed once for each sight."""
        if self._wearers is None:
            self._wearers = {
                device.id: patient
                for patient in self.patients.values()
                for device in patient.devices
            }
        return self._wearers

    def see(self, patients: Mapping[PatientKey, SeenPatient]) -> None:
        """Have it see these from now on."""
        self.patients = patients
        self._worn = self._wearers = None

    @property
    def is_current(self) -> bool:
        """Whether it was neither ended nor asked anew."""
        return self.client.subscriptions.get(self.asked.id) is self

    def wants(self, what: What) -> bool:
        """Whether it asks for this."""
        return what in self.asked.what
