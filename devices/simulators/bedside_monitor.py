"""A simulated bedside monitor: one second of a patient as the messages that it would send."""

from typing import NamedTuple, final

import numpy as np

from devices.sdk import Frame, Place, Stream
from devices.simulators.physiology.happenings import HappeningKind
from devices.simulators.physiology.patient import Patient, to_counts
from devices.simulators.roster import ECG_HZ, PPG_HZ, TEMPERATURE_EACH_S, SimulatedBed

ECG_SCALE_MV = 0.0025
ECG_RATES_HZ = (125, 250, 500)
IMPEDANCE_SCALE_OHM, IMPEDANCE_OFFSET_OHM = 0.002, 500.0
TEMPERATURE_SCALE = 0.01


class Outgoing(NamedTuple):
    """One message to publish."""

    frames: list[Frame]
    lead_off: bool


@final
class BedsideMonitor:
    """The device at one bed. ``second(k)`` depends on the bed, k and the rate alone."""

    def __init__(self, bed: SimulatedBed) -> None:
        self.bed = bed
        self.patient = Patient(seed=bed.seed, profile=bed.profile, schedule=bed.schedule)
        self._ecg_hz = ECG_HZ
        self._leads = [self.patient.lead(name) for name in bed.leads]

    def second(self, second: int, start_us: int) -> list[Outgoing]:
        """What the device sends of one second: usually one message with all its frames.

        Parameters
        ----------
        start_us : the device's clock at the beginning of this second
        """
        ecg = np.stack([lead.second(second, self._ecg_hz) for lead in self._leads], axis=1)
        light = np.stack(self.patient.oximeter.second(second, PPG_HZ), axis=1)
        chest = self.patient.impedance.second(second, self.bed.impedance_hz)
        ecg_frame = Frame(
            stream=Stream.ECG,
            samples=to_counts(ecg, scale=ECG_SCALE_MV),
            rate_hz=self._ecg_hz,
            scale=ECG_SCALE_MV,
            place=Place.CHEST,
            start_us=start_us,
        )
        ppg_frame = Frame(
            stream=Stream.PPG,
            samples=to_counts(light, scale=1.0),
            rate_hz=PPG_HZ,
            place=Place.FINGER,
            start_us=start_us,
        )
        others = [
            Frame(
                stream=Stream.IMPEDANCE,
                samples=to_counts(chest, scale=IMPEDANCE_SCALE_OHM, offset=IMPEDANCE_OFFSET_OHM),
                rate_hz=self.bed.impedance_hz,
                scale=IMPEDANCE_SCALE_OHM,
                offset=IMPEDANCE_OFFSET_OHM,
                place=Place.CHEST,
                start_us=start_us,
            )
        ]
        if second % TEMPERATURE_EACH_S == 0:
            degrees = self.patient.temperature.at(np.array([float(second)]))
            others.append(
                Frame(
                    stream=Stream.TEMPERATURE,
                    samples=to_counts(degrees, scale=TEMPERATURE_SCALE),
                    scale=TEMPERATURE_SCALE,
                    start_us=start_us,
                )
            )
        self.patient.forget(float(second))
        return self._messages(second, ecg_frame, ppg_frame, others)

    def set_ecg_rate(self, hz: int) -> bool:
        """Sample the ECG so often from the next second on; false for a rate it does not have."""
        if hz not in ECG_RATES_HZ:
            return False
        self._ecg_hz = hz
        return True

    def is_disconnected(self, time_s: float) -> bool:
        """Whether the device has no network at this time."""
        return self.bed.schedule.is_on(HappeningKind.DISCONNECT, time_s)

    def _messages(self, second: int, ecg: Frame, ppg: Frame, others: list[Frame]) -> list[Outgoing]:
        # A flag speaks for all frames of a message: what is off goes in a message of its own.
        plain: list[Frame] = others
        off: list[Frame] = []
        for frame, kind in ((ppg, HappeningKind.PROBE_OFF), (ecg, HappeningKind.LEAD_OFF)):
            is_off = bool(self.bed.schedule.intervals(kind, float(second), second + 1.0))
            (off if is_off else plain).insert(0, frame)
        messages = [Outgoing(plain, lead_off=False)]
        if off:
            messages.append(Outgoing(off, lead_off=True))
        return messages
