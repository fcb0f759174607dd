"""System A: a simulated WiFi terminal with a MAX3010x-class sensor, a thermometer and a display."""

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.native_source import NativeBytes
from devices.simulators.physiology.happenings import HappeningKind
from devices.simulators.physiology.patient import Patient
from devices.simulators.roster import TEMPERATURE_EACH_S
from shared.codecs.ppg_terminal.codec import LARGEST_COUNT, Block, encode_fifo, encode_json
from shared.contracts.quality import MessageFlag

CODEC = "ppg_terminal"
RATES_HZ = (50, 100, 200, 400)
LED_MA = (6.4, 6.4)
COUNTS = 4.0  # the sensor has 18 bits, the model of the finger 16


@final
class PpgTerminal:
    """Blocks of a second, in the FIFO's bytes or as JSON."""

    def __init__(self, patient: Patient, *, as_json: bool = False) -> None:
        self.is_measuring = True
        self._patient = patient
        self._as_json = as_json
        self._rate_hz = 100
        self._led_ma = LED_MA

    def second(self, second: int, start_us: int) -> list[NativeBytes | Outgoing]:
        """One block."""
        block = Block(
            light=self.light(second),
            interval_ns=1_000_000_000 // self._rate_hz,
            temperature_c=self.temperature_c(second),
            led_ma=self._led_ma,
            flags=int(self._flags(second)),
        )
        self._patient.forget(float(second))
        body = encode_json(block) if self._as_json else encode_fifo(block)
        return [NativeBytes(CODEC, body, start_us)]

    def light(self, second: int) -> NDArray[np.int32]:
        """Counts of red and infrared: what a brighter diode sends comes back in proportion."""
        channels = self._patient.oximeter.second(second, self._rate_hz)
        gains = (led / default for led, default in zip(self._led_ma, LED_MA, strict=True))
        counts = [COUNTS * gain * channel for gain, channel in zip(gains, channels, strict=True)]
        light = np.clip(np.round(np.stack(counts, axis=1)), 0, LARGEST_COUNT)
        return light.astype(np.int32)

    def temperature_c(self, second: int) -> float:
        """Once a minute, in hundredths."""
        if second % TEMPERATURE_EACH_S:
            return math.nan
        return round(float(self._patient.temperature.at(np.array([float(second)]))[0]), 2)

    def hear(self, data: bytes, now_us: int) -> list[NativeBytes]:  # noqa: ARG002 - none of its own
        """Its commands are JSON."""
        return []

    def adjust(self, settings: Mapping[str, Any]) -> None:
        """Set rate or currents.

        Raises
        ------
        ValueError : a rate that the sensor does not have
        """
        rate_hz = settings.get("rate_hz", self._rate_hz)
        if rate_hz not in RATES_HZ:
            raise ValueError(f"no light at {rate_hz} Hz here")
        self._rate_hz = rate_hz
        red, infrared = self._led_ma
        self._led_ma = (
            float(settings.get("red_ma", red)),
            float(settings.get("infrared_ma", infrared)),
        )

    def restart(self) -> None:
        """Measure again, with the currents of the factory."""
        self.is_measuring = True
        self._rate_hz, self._led_ma = 100, LED_MA

    def _flags(self, second: int) -> MessageFlag:
        off = self._patient.schedule.intervals(HappeningKind.PROBE_OFF, second, second + 1.0)
        return MessageFlag.SIMULATED | (MessageFlag.LEAD_OFF if off else MessageFlag(0))
