"""Red and infrared light of a pulse oximeter, in counts, for a known saturation and perfusion."""

from dataclasses import dataclass

import numpy as np

from devices.simulators.physiology.breathing import Breathing
from devices.simulators.physiology.happenings import HappeningKind, Schedule, Times, Values
from devices.simulators.physiology.heart import BeatKind, Heart
from devices.simulators.physiology.variation import Wander, white_noise

# Calibration `maxim_quadratic`: SpO2 = A R^2 + B R + C, R = (AC/DC red) / (AC/DC infrared).
CALIBRATION = (-45.060, 30.354, 94.845)
TRANSIT_S = 0.18  # from the R peak to the foot of the pulse at the finger
REACH_S = 1.3  # a pulse adds nothing measurable after this
RED_DC, INFRARED_DC = 15_000.0, 20_000.0  # counts of a 16-bit converter with room above
AMBIENT = 240.0  # counts when nothing is in the light


def ratio_of_ratios(spo2_percent: Values) -> Values:
    """R at which the calibration gives this saturation (the branch that real tissue is on)."""
    a, b, c = CALIBRATION
    root = np.sqrt(np.maximum(b * b - 4 * a * (c - spo2_percent), 0.0))
    ratio: Values = (-b - root) / (2 * a)
    return ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Oximeter:
    """Light through one finger; more blood, less light, as a photodiode sees it."""

    seed: int
    heart: Heart
    breathing: Breathing
    schedule: Schedule
    spo2_percent: float = 97.0
    perfusion_percent: float = 2.0
    noise_counts: float = 3.0

    def spo2_at(self, times: Times) -> Values:
        """True saturation in percent."""
        wander = 0.5 * Wander.of(self.seed, 41, slowest_s=200.0, fastest_s=50.0).at(times)
        lost = self.schedule.magnitude_at(HappeningKind.DESATURATION, times)
        saturation: Values = np.clip(self.spo2_percent + wander - lost, 60.0, 99.5)
        return saturation

    def perfusion_at(self, times: Times) -> Values:
        """True perfusion index: pulsatile share of the infrared light in percent."""
        wander = Wander.of(self.seed, 42, slowest_s=150.0, fastest_s=30.0).at(times)
        perfusion: Values = self.perfusion_percent * (1.0 + 0.12 * wander)
        return perfusion

    def second(self, second: int, rate_hz: int) -> tuple[Values, Values]:
        """Red and infrared counts of one whole second."""
        times = second + np.arange(rate_hz) / rate_hz
        volume = self.pulse(times)
        breath = self.breathing.volume_at(times) - 0.5
        share = self.perfusion_at(times) / 100.0
        baseline = (
            1.0
            + 0.003 * breath
            + 0.002 * Wander.of(self.seed, 43, slowest_s=60.0, fastest_s=8.0).at(times)
        )
        ratio = ratio_of_ratios(self.spo2_at(times))
        red = RED_DC * baseline * (1.0 - ratio * share * volume)
        infrared = INFRARED_DC * baseline * (1.0 - share * volume)
        off = np.zeros(rate_hz, np.bool_)
        for away in self.schedule.intervals(HappeningKind.PROBE_OFF, float(second), second + 1.0):
            off |= (times >= away.start_s) & (times < away.end_s)
        noise = self.noise_counts * white_noise(self.seed, 44, second, 2 * rate_hz)
        return (
            np.where(off, AMBIENT, red) + noise[:rate_hz],
            np.where(off, AMBIENT, infrared) + noise[rate_hz:],
        )

    def pulse(self, times: Times) -> Values:
        """Volume of blood in the finger: 0 at a pulse's foot, about 1 at its peak."""
        beats = self.heart.beats(
            float(times[0]) - REACH_S - TRANSIT_S, float(times[-1]) + REACH_S - TRANSIT_S
        )
        if len(beats.times_s) == 0:
            return np.zeros(len(times))
        breath = self.breathing.volume_at(beats.times_s) - 0.5
        # A premature ventricular beat ejects little; breath modulates every pulse.
        strength = np.where(beats.kinds == BeatKind.VENTRICULAR, 0.45, 1.0) * (1 - 0.12 * breath)
        stretch = np.sqrt(np.clip(beats.intervals_s, 0.3, 1.3))
        since = (times[:, None] - (beats.times_s + TRANSIT_S)) / stretch
        # The rise is steep (a heart's stroke), the fall slow (the vessels' run-off).
        width = np.where(since < 0.15, 0.055, 0.105)
        systolic = np.exp(-0.5 * ((since - 0.15) / width) ** 2)
        dicrotic = 0.28 * np.exp(-0.5 * ((since - 0.40) / 0.075) ** 2)
        runoff = 0.17 * np.exp(-0.5 * ((since - 0.60) / 0.160) ** 2)
        volume: Values = (systolic + dicrotic + runoff) @ strength
        return volume
