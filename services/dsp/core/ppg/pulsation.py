"""Light that pulses: the channels of a photoplethysmogram on a common grid, slow parts off."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered, toeplitz
from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.windows import Samples, present

GRID_HZ = 50
RESAMPLING_DELAY = 4  # of GRID_HZ: 80 ms
SMOOTH_HALF = 5  # of GRID_HZ: 0.1 s, low pass at about 8 Hz
SLOW_HALF = 40  # of GRID_HZ: 0.8 s each side; its Hann mean passes below 0.6 Hz
DELAY = RESAMPLING_DELAY + SLOW_HALF  # of GRID_HZ: 0.88 s


class Pulsation(NamedTuple):
    """One second of each channel, begun DELAY grid samples before the second that came in.

    Attributes
    ----------
    pulse : (devices, channels, GRID_HZ), without the slow part, in the unit of the samples
    light : (devices, channels, GRID_HZ), all of it, smoothed
    """

    pulse: Samples
    light: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class PulsationState:
    """What the filters must remember; channels stand one below the other."""

    resampler: ResamplerState  # (devices * channels, ...)
    tail: Samples


def init(devices: int, rate_hz: int, channels: int) -> PulsationState:
    """Nothing seen yet."""
    tail = np.full((devices, channels, 2 * SLOW_HALF), np.nan)
    inner = _resampler(rate_hz).init(devices * channels)
    split = inner.tail.reshape(devices, channels, -1)
    return PulsationState(resampler=ResamplerState(tail=split), tail=tail)


def step(state: PulsationState, samples: Samples) -> tuple[PulsationState, Pulsation]:
    """Take one second of samples (devices, channels, rate_hz)."""
    devices, channels, rate_hz = samples.shape
    flat = ResamplerState(tail=state.resampler.tail.reshape(devices * channels, -1))
    inner, fresh = _resampler(rate_hz).step(flat, samples.reshape(-1, rate_hz))
    window = np.concatenate((state.tail.reshape(devices * channels, -1), fresh), axis=1)
    level = present(window[:, -1:])
    pulse = filtered(window - level, _pulse_only())
    near = window[:, SLOW_HALF - SMOOTH_HALF : SLOW_HALF + GRID_HZ + SMOOTH_HALF]
    light = filtered(near - level, _smooth()) + level
    changed = PulsationState(
        resampler=ResamplerState(tail=inner.tail.reshape(devices, channels, -1)),
        tail=window[:, GRID_HZ:].reshape(devices, channels, -1),
    )
    shape = (devices, channels, GRID_HZ)
    return changed, Pulsation(pulse.reshape(shape), light.reshape(shape))


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = 0.45 * min(rate_hz, GRID_HZ)
    return Resampler(rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)


@cache
def _smooth() -> FilterBank:
    smooth = np.hanning(2 * SMOOTH_HALF + 3)[1:-1]
    return filter_bank(toeplitz(smooth / smooth.sum(), GRID_HZ))


@cache
def _pulse_only() -> FilterBank:
    """Smooth mean less slow mean, both Hann: a band from about 0.6 to 8 Hz, linear in phase."""
    slow = np.hanning(2 * SLOW_HALF + 3)[1:-1]
    smooth = np.hanning(2 * SMOOTH_HALF + 3)[1:-1]
    kernel = -slow / slow.sum()
    kernel[SLOW_HALF - SMOOTH_HALF : SLOW_HALF + SMOOTH_HALF + 1] += smooth / smooth.sum()
    return filter_bank(toeplitz(kernel, GRID_HZ))
