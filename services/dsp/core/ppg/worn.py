"""Pulses of light that is worn where bodies move: wrist, ear, chest.

Single pulses are as sure as `pulse_rate` says where people lie in bed. A wrist that swings looks
like a pulse, and the light alone does not tell one from the other; the accelerometer does. While
it feels no movement, pulses stand for themselves. While it does, their rate is told only beside
the rate in motion (`pulse_in_motion`) and with no more quality than that one. Without such a rate,
or without acceleration, pulses that are not as alike as those of people in bed are doubtful. Beats
follow the same quality.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from services.dsp.core.motion.alive import is_held
from services.dsp.core.outputs import FrameFlags, Output
from services.dsp.core.ppg import pulse_oximetry
from services.dsp.core.ppg.pulse_in_motion import AXES
from services.dsp.core.ppg.pulse_oximetry import OximetryState
from services.dsp.core.ppg.pulse_rate import PulseRate
from services.dsp.core.ppg.pulses import WINDOW_S
from services.dsp.core.windows import Instants, Samples, present, shifted

# Root mean square over the axes, each less its mean of a second. Of people who exercise: below the
# first as right as told, from the second on no more (docs/science/ppg.md).
MOVES_G = (0.1, 0.2)
LEAST_SEEN = 0.5  # of a second, and of the seconds, to know whether it moves
NEAR_PER_MIN = 5.0  # what the quality of both rates speaks of
# Likeness of the pulses: of people in bed 19 of 20 windows have the first, four of five the second.
AS_IN_BED = (0.95, 0.98)
UNSEEN_SHARE = 0.42  # of rates told by one light of people who exercise, as many are right


@dataclass(frozen=True, slots=True, kw_only=True)
class WornState:
    """Of the light, and `moved` (devices, WINDOW_S): g squared of each second, NaN unknown."""

    oximetry: OximetryState
    moved: Samples


class InMotion(NamedTuple):
    """Rate and quality of `pulse_in_motion` (devices,), and how much it moves in g, NaN unknown."""

    per_min: Samples
    quality: Samples
    moves_g: Samples


def init(devices: int, rate_hz: int, channels: int = 2) -> WornState:
    """Nothing seen yet. `channels` as in `pulse_oximetry`."""
    return WornState(
        oximetry=pulse_oximetry.init(devices, rate_hz, channels),
        moved=np.full((devices, WINDOW_S), np.nan),
    )


def step(
    state: WornState,
    samples: tuple[Samples, Samples],
    times: Instants,
    in_motion: Output,
    *,
    flags: FrameFlags | None = None,
) -> tuple[WornState, Output]:
    """Take one second of light and acceleration.

    Parameters
    ----------
    samples : light (devices, channels, rate_hz) in counts, of one also (devices, rate_hz), and
        acceleration (devices, 3, n) in g, NaN where missing
    in_motion : what `pulse_in_motion` gave of the same second
    flags : as in `pulse_oximetry`
    """
    light, jolt = samples
    moved = shifted(state.moved, _power(jolt)[:, None])
    (found,) = in_motion.readings
    beside = InMotion(found.value, found.quality, _size(moved))
    oximetry, output = pulse_oximetry.step(
        state.oximetry,
        light.reshape(len(light), -1, light.shape[-1]),
        times,
        flags=flags,
        judge=partial(beside_motion, beside=beside),
    )
    return WornState(oximetry=oximetry, moved=moved), output


def beside_motion(rate: PulseRate, beside: InMotion) -> PulseRate:
    """A rate by pulses with the quality that it has on a body of which this is known."""
    agrees = np.abs(rate.per_min - beside.per_min) <= NEAR_PER_MIN
    in_bed = np.interp(rate.alike, AS_IN_BED, (0.0, 1.0))
    alone = rate.quality * (UNSEEN_SHARE + (1 - UNSEEN_SHARE) * in_bed)
    supported = np.where(agrees, np.minimum(rate.quality, beside.quality), 0.0)
    moving = np.where(np.isfinite(beside.per_min), supported, alone)
    share = np.interp(present(beside.moves_g), MOVES_G, (0.0, 1.0))
    known = rate.quality + share * (moving - rate.quality)
    return rate._replace(quality=np.where(np.isfinite(beside.moves_g), known, alone))


def _power(jolt: Samples) -> Samples:
    """Of a second (devices, 3, n): variance, the sum of the axes.

    NaN where too little is seen, and of a sensor that holds one value: that is no stillness.
    """
    seen = np.isfinite(jolt).all(axis=1)
    n = seen.sum(axis=1)
    count = np.maximum(n, 1)
    total = np.zeros(len(jolt))
    for axis in range(AXES):
        values = np.where(seen, jolt[:, axis], 0.0)
        apart = np.where(seen, values - (values.sum(axis=1) / count)[:, None], 0.0)
        total += (apart * apart).sum(axis=1) / count
    return np.where((n >= LEAST_SEEN * jolt.shape[2]) & ~is_held(jolt), total, np.nan)


def _size(moved: Samples) -> Samples:
    """Root of the mean power (devices,), NaN where too few seconds are known."""
    known = np.isfinite(moved).sum(axis=1)
    mean = present(moved).sum(axis=1) / np.maximum(known, 1)
    return np.where(known >= LEAST_SEEN * moved.shape[1], np.sqrt(mean), np.nan)
