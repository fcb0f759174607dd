"""System E: simulated nodes of a wellness network: ECG bytes with markers, and motion."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from devices.sdk import Frame, Place, Stream
from devices.simulators import wellness_hall
from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.native_source import NativeBytes
from devices.simulators.physiology.patient import Patient, to_counts
from devices.simulators.physiology.variation import generator, white_noise
from shared.codecs.wellness_ecg.codec import CONSTANTS, STEP, encode

CODEC = "wellness_ecg"
ECG_HZ = 360
CHEST_HZ, THIGH_RATES_HZ = 10, (25, 50, 100)
SCALE_G = 0.001
POSTURE_EACH_S = 20
# Gravity along x, y, z of chest and thigh for each posture, in g: x points up, y to the right,
# z forward when the wearer stands.
POSTURES: tuple[tuple[str, tuple[float, float, float], tuple[float, float, float]], ...] = (
    ("standing", (1.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
    ("sitting", (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    ("lying_on_back", (0.0, 0.0, 1.0), (0.0, 0.0, 1.0)),
    ("lying_on_left", (0.0, 1.0, 0.0), (0.0, 1.0, 0.0)),
)


@final
class WellnessEcgNode:
    """A stream of marked words; it is cut where it happens to be, as Bluetooth cuts it."""

    def __init__(self, patient: Patient) -> None:
        self.is_measuring = True
        self._patient = patient
        self._lead = patient.lead("I")
        self._gain = 500.0  # as the model says
        self._bias_v = CONSTANTS["bias_v"].value
        self._steps_a_v = 2 ** CONSTANTS["adc_bits"].value / CONSTANTS["adc_reference_v"].value

    def second(self, second: int, start_us: int) -> list[NativeBytes | Outgoing]:
        """Two pieces, the border inside a sample."""
        stream = encode(self.words(second))
        self._patient.forget(float(second))
        chance = generator(self._patient.seed, 0xC07, second)
        cut = int(chance.integers(len(stream) // 4, 3 * len(stream) // 4))
        later_us = start_us + cut // STEP * 1_000_000 // ECG_HZ
        return [
            NativeBytes(CODEC, stream[:cut], start_us),
            NativeBytes(CODEC, stream[cut:], later_us),
        ]

    def words(self, second: int) -> NDArray[np.int64]:
        """What the converter gives for a second."""
        volts = self._lead.second(second, ECG_HZ) * self._gain / 1e3 + self._bias_v
        return np.clip(np.round(volts * self._steps_a_v), 0, 1023).astype(np.int64)

    def hear(self, data: bytes, now_us: int) -> list[NativeBytes]:  # noqa: ARG002 - none of its own
        """Its commands are JSON."""
        return []

    def adjust(self, settings: Mapping[str, Any]) -> None:
        """Refuse: nothing of it can be set.

        Raises
        ------
        ValueError : there is a setting
        """
        if settings:
            raise ValueError("nothing of this node can be set")

    def restart(self) -> None:
        """Measure again."""
        self.is_measuring = True


@final
class WellnessMotionNode:
    """Chest and thigh accelerometers, strengths of access points, and heading, in `packed`."""

    def __init__(self, patient: Patient, *, number: int = 0) -> None:
        self.is_measuring = True
        self._patient = patient
        self._number = number
        self._thigh_hz = 50

    def second(self, second: int, start_us: int) -> list[NativeBytes | Outgoing]:
        """One message of our own codec."""
        self._patient.forget(float(second))
        _, chest, thigh = POSTURES[second // POSTURE_EACH_S % len(POSTURES)]
        is_walking = chest == thigh and chest[0] > 0
        frames = [
            _accelerometer(Place.CHEST, self._motion(second, CHEST_HZ, chest, 81, 0.0), start_us),
            _accelerometer(
                Place.THIGH,
                self._motion(second, self._thigh_hz, thigh, 82, 0.4 if is_walking else 0.0),
                start_us,
            ),
        ]
        if second % 2 == 0:
            _, heading = wellness_hall.carried(second, self._number)
            frames.append(
                Frame(stream=Stream.WIFI_RSSI, samples=[self.strengths(second)], start_us=start_us)
            )
            frames.append(Frame(stream=Stream.HEADING, samples=[round(heading)], start_us=start_us))
        return [Outgoing(frames, lead_off=False)]

    def strengths(self, second: int) -> list[int]:
        """Received strengths in dBm where the node is carried, see `wellness_hall`."""
        place, heading = wellness_hall.carried(second, self._number)
        told = wellness_hall.strengths(place, np.array([heading]))[0]
        noise = 2.0 * white_noise(self._patient.seed, 83, second, len(told))
        strengths: list[int] = np.round(told + noise).astype(int).tolist()
        return strengths

    def hear(self, data: bytes, now_us: int) -> list[NativeBytes]:  # noqa: ARG002 - none of its own
        """Its commands are JSON."""
        return []

    def adjust(self, settings: Mapping[str, Any]) -> None:
        """Set the rate of the thigh.

        Raises
        ------
        ValueError : a rate that it does not have
        """
        rate_hz = settings.get("rate_hz", self._thigh_hz)
        if rate_hz not in THIGH_RATES_HZ:
            raise ValueError(f"no motion at {rate_hz} Hz here")
        self._thigh_hz = rate_hz

    def restart(self) -> None:
        """Measure again as the factory set it."""
        self.is_measuring, self._thigh_hz = True, 50

    def _motion(
        self, second: int, rate_hz: int, gravity: tuple[float, ...], channel: int, step_g: float
    ) -> NDArray[np.float64]:
        noise = 0.02 * white_noise(self._patient.seed, channel, second, 3 * rate_hz)
        motion: NDArray[np.float64] = noise.reshape(-1, 3) + np.array(gravity)
        turns = (second + np.arange(rate_hz) / rate_hz) * 1.8  # steps a second
        motion[:, 0] += step_g * np.sin(2 * np.pi * turns)
        return motion


def _accelerometer(place: Place, motion: NDArray[np.float64], start_us: int) -> Frame:
    return Frame(
        stream=Stream.ACCELEROMETER,
        samples=to_counts(motion, scale=SCALE_G),
        rate_hz=len(motion),
        scale=SCALE_G,
        place=place,
        start_us=start_us,
    )
