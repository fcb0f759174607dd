"""Surface ECG in millivolts from a sequence of beats: PQRST as sums of bell curves.

After McSharry et al. 2003 (IEEE Trans Biomed Eng 50:289), in time instead of on the limit cycle:
each wave is a Gaussian at a fixed distance from its R peak, so that the truth is exact and any
second can be made without the one before.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.simulators.physiology.breathing import Breathing
from devices.simulators.physiology.happenings import HappeningKind, Schedule, Times, Values
from devices.simulators.physiology.heart import BeatKind, Heart
from devices.simulators.physiology.variation import Wander, white_noise

# One wave: delay from R (s), amplitude (mV), width (s, one sigma), whether the delay follows the
# square root of the interval (Bazett), as the T and P waves do.
_NORMAL = np.array(
    [
        [-0.165, 0.12, 0.022, 1.0],  # P
        [-0.030, -0.09, 0.009, 0.0],  # Q
        [0.000, 1.10, 0.011, 0.0],  # R
        [0.030, -0.24, 0.010, 0.0],  # S
        [0.270, 0.16, 0.050, 1.0],  # T, rising slope
        [0.310, 0.20, 0.032, 1.0],  # T, steeper end
    ]
)
# No P, a broad QRS, and a T against it.
_VENTRICULAR = np.array(
    [
        [0.000, 1.35, 0.032, 0.0],
        [0.085, -0.55, 0.040, 0.0],
        [0.300, -0.36, 0.060, 1.0],
    ]
)
_LEAD_GAINS = {
    "II": np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    "I": np.array([0.7, 0.6, 0.62, 0.5, 0.7, 0.7]),
    "V5": np.array([0.6, 1.3, 1.25, 1.6, 1.1, 1.1]),
}
REACH_S = 0.75  # beyond this a beat adds less than a microvolt at 25 per minute and above
RECOVERY_S = 0.35  # time constant of the front end after an electrode is back
RAIL_MV = 10.0  # where the front end saturates when an electrode hangs loose


@dataclass(frozen=True, slots=True, kw_only=True)
class EcgLead:
    """One lead of one patient; ``at`` gives it in mV, with the truth standing in the heart."""

    name: str
    seed: int
    heart: Heart
    breathing: Breathing
    schedule: Schedule
    muscle_noise_mv: float = 0.008
    mains_mv: float = 0.004
    mains_hz: float = 50.0

    def second(self, second: int, rate_hz: int) -> Values:
        """Samples of one whole second."""
        times = second + np.arange(rate_hz) / rate_hz
        signal = self.clean(times)
        signal += 0.12 * Wander.of(self.seed, 31, slowest_s=40.0, fastest_s=4.0).at(times)
        signal += 0.05 * (self.breathing.volume_at(times) - 0.5)
        signal += self.mains_mv * np.sin(2 * np.pi * self.mains_hz * times)
        extra = self.schedule.magnitude_at(HappeningKind.NOISE, times)
        channel = sum(ord(letter) << (8 * place) for place, letter in enumerate(self.name))
        noise = white_noise(self.seed, channel, second, rate_hz)
        signal += np.hypot(self.muscle_noise_mv, extra) * noise
        if extra.any():  # electrodes that move with the muscles
            motion = Wander.of(self.seed, 32, slowest_s=3.0, fastest_s=0.4).at(times)
            signal += 2.0 * extra * motion
        return self._with_lead_off(times, signal)

    def clean(self, times: Times) -> Values:
        """The heart alone, as the electrodes would see it without any disturbance."""
        beats = self.heart.beats(float(times[0]) - REACH_S, float(times[-1]) + REACH_S)
        breath = self.breathing.volume_at(beats.times_s) if len(beats.times_s) else np.zeros(0)
        strength = beats.amplitudes * (1.0 - 0.10 * (breath - 0.5))
        signal = np.zeros(len(times))
        normal = beats.kinds != BeatKind.VENTRICULAR
        gains = _LEAD_GAINS[self.name]
        for chosen, waves, gain in (
            (normal, _NORMAL, gains),
            (~normal, _VENTRICULAR, np.full(3, gains[2])),
        ):
            if chosen.any():
                signal += _waves(
                    times,
                    beats.times_s[chosen],
                    strength[chosen],
                    np.clip(beats.intervals_s[chosen], 0.3, 1.3),
                    waves * _amplitudes_times(gain),
                )
        return signal

    def _with_lead_off(self, times: Times, signal: Values) -> Values:
        for loose in self.schedule.intervals(
            HappeningKind.LEAD_OFF, float(times[0]) - 8 * RECOVERY_S, float(times[-1])
        ):
            off = (times >= loose.start_s) & (times < loose.end_s)
            signal = np.where(off, RAIL_MV, signal)
            since = times - loose.end_s
            decay = RAIL_MV * np.exp(-np.maximum(since, 0.0) / RECOVERY_S)
            signal = np.where(since >= 0.0, np.minimum(signal + decay, RAIL_MV), signal)
        return signal


def _waves(
    times: Times, peaks: Times, strength: Values, intervals: Values, waves: NDArray[np.float64]
) -> Values:
    delay, amplitude, width, follows = waves.T
    stretch = np.sqrt(intervals)[:, None] * follows + (1.0 - follows)
    centres = (peaks[:, None] + delay * stretch).ravel()
    heights = (strength[:, None] * amplitude).ravel()
    widths = (width * stretch).ravel()
    bells = np.exp(-0.5 * ((times[:, None] - centres) / widths) ** 2)
    total: Values = bells @ heights
    return total


def _amplitudes_times(gain: Values) -> NDArray[np.float64]:
    ones = np.ones_like(gain)
    return np.column_stack([ones, gain, ones, ones])
