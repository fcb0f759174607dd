"""Chest impedance and body temperature of a simulated patient."""

from dataclasses import dataclass

import numpy as np

from devices.simulators.physiology.breathing import Breathing
from devices.simulators.physiology.happenings import HappeningKind, Schedule, Times, Values
from devices.simulators.physiology.heart import Heart
from devices.simulators.physiology.variation import Wander, white_noise

BASE_OHM = 500.0
BREATH_OHM = 0.8  # a tidal breath moves transthoracic impedance by 0.1 to 1 ohm (AAMI EC13 range)
HEART_OHM = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Impedance:
    """Transthoracic impedance in ohm: breath, the heart's small part, drift and noise."""

    seed: int
    heart: Heart
    breathing: Breathing
    noise_ohm: float = 0.006

    def second(self, second: int, rate_hz: int) -> Values:
        """Samples of one whole second."""
        times = second + np.arange(rate_hz) / rate_hz
        beats = self.heart.beats(float(times[0]) - 1.2, float(times[-1]) + 0.4)
        since = times[:, None] - beats.times_s - 0.15
        heart = np.exp(-0.5 * (since / 0.1) ** 2).sum(axis=1)
        drift = 0.25 * Wander.of(self.seed, 51, slowest_s=300.0, fastest_s=60.0).at(times)
        noise = self.noise_ohm * white_noise(self.seed, 52, second, rate_hz)
        signal: Values = (
            BASE_OHM
            + BREATH_OHM * self.breathing.volume_at(times)
            - HEART_OHM * heart
            + drift
            + noise
        )
        return signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperature:
    """Core temperature in degrees Celsius, which drifts by tenths and rises in fever."""

    seed: int
    schedule: Schedule
    degrees: float = 36.8

    def at(self, times: Times) -> Values:
        """True temperature at each time."""
        wander = 0.12 * Wander.of(self.seed, 61, slowest_s=7200.0, fastest_s=600.0).at(times)
        fever = self.schedule.magnitude_at(HappeningKind.FEVER, times)
        truth: Values = self.degrees + wander + fever
        return truth
