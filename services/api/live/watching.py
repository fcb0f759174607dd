"""Who watches whom: from a patient or a device to the subscriptions that may see it. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.api.core.sight import SeenPatient
from services.api.live.client_queue import ClientQueue
from services.api.live.clients import Client, Subscription
from services.api.live.subscriptions import WaveformFormat, What
from shared.contracts.identity import DeviceKey, PatientKey


class Taken(NamedTuple):
    """What some clients ask of a stream alike: they are given the same."""

    rate: float | None
    subscription: str
    slot: int
    as_text: bool


Takers = dict[Taken, list[ClientQueue]]


@dataclass(slots=True)
class Watched:
    """One device that somebody watches."""

    device: str
    model: str
    patient: SeenPatient
    simulated: bool
    since_us: int = 0
    order: int = 0  # among the devices of the patient, from 1
    subscriptions: set[Subscription] = field(default_factory=set)
    newest_us: dict[int, int] = field(default_factory=dict)  # by stream
    _takers: dict[str, Takers] = field(default_factory=dict)
    _beat_takers: dict[str, list[ClientQueue]] | None = None

    @property
    def beat_takers(self) -> dict[str, list[ClientQueue]]:
        """Who wants the beats of this device now, by the id of the subscription."""
        if self._beat_takers is None:
            self._beat_takers = {}
            for one in self.subscriptions:
                if one.started and one.wants(What.BEATS):
                    self._beat_takers.setdefault(one.asked.id, []).append(one.client.queue)
        return self._beat_takers

    def takers(self, stream: str) -> Takers:
        """Who wants samples of this stream now, by what they ask alike."""
        known = self._takers.get(stream)
        if known is None:
            known = self._takers[stream] = {}
            for subscription in self.subscriptions:
                asked = subscription.asked
                if (
                    subscription.started
                    and subscription.wants(What.WAVEFORMS)
                    and (not asked.streams or stream in asked.streams)
                ):
                    as_text = asked.format is WaveformFormat.JSON
                    taken = Taken(asked.rate, asked.id, subscription.slot, as_text)
                    known.setdefault(taken, []).append(subscription.client.queue)
        return known

    def changed(self) -> None:
        """Someone came, went or was started."""
        self._takers.clear()
        self._beat_takers = None


def order_of(device: int, patient: SeenPatient) -> int:
    """Place of a device among those that a patient wears, from 1; 0 when it is none of them.

    Of two that say the same by the same method the lower goes first, for alarms and history too.
    """
    numbers = sorted(worn.id for worn in patient.devices)
    return numbers.index(DeviceKey(device)) + 1 if device in numbers else 0


class Watching:
    """All that is watched in this process."""

    def __init__(self) -> None:
        self.by_patient: dict[int, set[Subscription]] = {}
        self.by_device: dict[int, Watched] = {}
        self.patient_ids: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.device_ids: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._value_takers: dict[int, dict[str, list[Client]]] = {}

    def value_takers(self, patient_id: int) -> dict[str, list[Client]]:
        """Who wants the values of a patient now, by the id of the subscription."""
        known = self._value_takers.get(patient_id)
        if known is None:
            known = self._value_takers[patient_id] = {}
            for one in self.by_patient.get(patient_id, ()):
                if one.started and one.wants(What.VITALS):
                    known.setdefault(one.asked.id, []).append(one.client)
        return known

    def join(self, subscription: Subscription) -> None:
        """Take a subscription in, for the patients that it may see."""
        for patient in subscription.patients.values():
            self.by_patient.setdefault(patient.id, set()).add(subscription)
            self._value_takers.pop(patient.id, None)
            for device in patient.devices:
                watched = self.by_device.get(device.id)
                if watched is None:
                    watched = self.by_device[device.id] = Watched(
                        device.device, device.model, patient, device.simulated
                    )
                elif watched.patient.id != patient.id:
                    # The device went to another patient: whoever still has the old sight of it
                    # gets no more samples of it.
                    watched.subscriptions.clear()
                watched.patient, watched.simulated = patient, device.simulated
                watched.since_us, watched.order = device.since_us, order_of(device.id, patient)
                watched.subscriptions.add(subscription)
                watched.changed()
        self._index()

    def started(self, subscription: Subscription) -> None:
        """Let samples flow to a subscription."""
        subscription.started = True
        for patient_id in subscription.patients:
            self._value_takers.pop(patient_id, None)
        for device, wearer in subscription.worn:
            watched = self.worn_by(device, wearer)
            if watched is not None:
                watched.changed()

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription, and whom nobody else watches."""
        for patient in subscription.patients.values():
            watchers = self.by_patient.get(patient.id, set())
            watchers.discard(subscription)
            self._value_takers.pop(patient.id, None)
            if not watchers:
                self.by_patient.pop(patient.id, None)
            for device in patient.devices:
                watched = self.by_device.get(device.id)
                if watched is not None:
                    watched.subscriptions.discard(subscription)
                    watched.changed()
                    if not watched.subscriptions:
                        del self.by_device[device.id]
        self._index()

    def patient_key(self, patient_id: PatientKey) -> str | None:
        """The key of a watched patient."""
        for subscription in self.by_patient.get(patient_id, ()):
            return subscription.patients[patient_id].key
        return None

    def worn_by(self, device: int, patient: int) -> Watched | None:
        """The device, when somebody watches it and it is this patient who wears it now."""
        watched = self.by_device.get(device)
        return watched if watched is not None and watched.patient.id == patient else None

    def _index(self) -> None:
        self.patient_ids = np.fromiter(self.by_patient, dtype=np.int32)
        self.device_ids = np.fromiter(self.by_device, dtype=np.int32)
