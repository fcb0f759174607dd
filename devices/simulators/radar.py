"""System C: a simulated 24 GHz radar that looks at a breathing chest."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.native_source import NativeBytes
from devices.simulators.physiology.happenings import HappeningKind
from devices.simulators.physiology.patient import Patient
from devices.simulators.physiology.variation import white_noise
from shared.codecs.radar_iq.codec import Block, encode
from shared.contracts.quality import MessageFlag

CODEC = "radar_iq"
RATES_HZ = (250, 500, 1000, 2000)
WAVELENGTH_MM = 12.5  # 24 GHz
BREATH_MM, HEART_MM = 5.0, 0.35  # of the requirements: 2 to 12.6 and 0.2 to 0.5
AMPLITUDE_V = 0.3  # of the module: 0.8 V from peak to peak
OFFSET_V, IMBALANCE = (0.02, -0.03), 1.04  # of the two channels
NOISE_V = 0.002
FULL_SCALE_V, GAIN = 2.5, 6.0


@final
class RadarMonitor:
    """Blocks of half a second; an empty chair (lead_off) gives noise alone."""

    def __init__(self, patient: Patient, *, bits: int = 24) -> None:
        self.is_measuring = True
        self._patient = patient
        self._bits = bits
        self._rate_hz = 1_000
        self._range_m = 1.0

    def second(self, second: int, start_us: int) -> list[NativeBytes | Outgoing]:
        """Two blocks."""
        counts = self.counts(second)
        self._patient.forget(float(second))
        half = len(counts) // 2
        return [
            NativeBytes(CODEC, self._encode(part), start_us + turn * 500_000)
            for turn, part in enumerate((counts[:half], counts[half:]))
        ]

    def counts(self, second: int) -> NDArray[np.int32]:
        """(samples, 2) of I and Q as the converter gives them."""
        times = second + np.arange(self._rate_hz) / self._rate_hz
        volts = NOISE_V * white_noise(self._patient.seed, 71, second, 2 * self._rate_hz)
        volts = volts.reshape(-1, 2) + np.array(OFFSET_V)
        away = self._patient.schedule.intervals(HappeningKind.LEAD_OFF, second, second + 1.0)
        if not away:
            phase = 4 * np.pi * self._displacement_mm(times) / WAVELENGTH_MM
            volts[:, 0] += AMPLITUDE_V * np.cos(phase)
            volts[:, 1] += AMPLITUDE_V * IMBALANCE * np.sin(phase)
        most = 1 << self._bits - 1
        steps = np.round(volts * GAIN / FULL_SCALE_V * most)
        counts: NDArray[np.int32] = np.clip(steps, 1 - most, most - 1).astype(np.int32)
        return counts

    def hear(self, data: bytes, now_us: int) -> list[NativeBytes]:  # noqa: ARG002 - none of its own
        """Its commands are JSON."""
        return []

    def adjust(self, settings: Mapping[str, Any]) -> None:
        """Set rate or distance.

        Raises
        ------
        ValueError : a rate that the converter does not have
        """
        rate_hz = settings.get("rate_hz", self._rate_hz)
        if rate_hz not in RATES_HZ:
            raise ValueError(f"no samples at {rate_hz} Hz here")
        self._rate_hz = rate_hz
        self._range_m = float(settings.get("range_m", self._range_m))

    def restart(self) -> None:
        """Measure again as the factory set it."""
        self.is_measuring, self._rate_hz, self._range_m = True, 1_000, 1.0

    def _displacement_mm(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        beats = self._patient.heart.beats(float(times[0]) - 1.0, float(times[-1]) + 0.5)
        since = times[:, None] - beats.times_s - 0.15
        heart = np.exp(-0.5 * (since / 0.08) ** 2).sum(axis=1)
        moved: NDArray[np.float64] = (
            BREATH_MM * self._patient.breathing.volume_at(times) + HEART_MM * heart
        )
        return moved

    def _encode(self, counts: NDArray[np.int32]) -> bytes:
        return encode(
            Block(
                samples=counts,
                bits=self._bits,
                interval_ns=1_000_000_000 // self._rate_hz,
                full_scale_v=FULL_SCALE_V,
                gain=GAIN,
                range_m=self._range_m,
                flags=int(MessageFlag.SIMULATED),
            )
        )
