"""From the rate of a device to the rate of an estimator, on the grid of whole seconds."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered
from services.dsp.core.windows import Samples, present, shifted

KAISER_BETA = 5.0  # 50 dB of stop band: what folds is below the noise of a wearable


@dataclass(frozen=True, slots=True, kw_only=True)
class ResamplerState:
    """What the resampler must remember: (devices, 1 + tail) seconds' worth of samples."""

    tail: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampler:
    """Brings one second of `rate_hz` samples to `to_hz`, `delay` output samples late.

    The second that it gives begins ``delay / to_hz`` before the second that came in, because a
    filter needs what comes after. Both rates are whole numbers.
    """

    rate_hz: int
    to_hz: int
    delay: int
    cut_hz: float

    @property
    def _tail(self) -> int:
        return -(-2 * self.delay * self.rate_hz // self.to_hz) + 1

    def init(self, devices: int) -> ResamplerState:
        """Nothing seen yet: all before is missing."""
        return ResamplerState(tail=np.full((devices, self._tail), np.nan))

    def step(self, state: ResamplerState, samples: Samples) -> tuple[ResamplerState, Samples]:
        """One second (devices, rate_hz) to one second (devices, to_hz), NaN where missing."""
        window = np.concatenate((state.tail, samples), axis=1)
        bank = _bank(self.rate_hz, self.to_hz, self.delay, self.cut_hz, self._tail)
        # A large offset would eat the digits of what varies.
        level = present(window[:, -1:]).copy()
        window -= level
        out = filtered(window, bank)
        out += level
        return ResamplerState(tail=shifted(state.tail, samples[:, -self._tail :])), out


@lru_cache(maxsize=64)
def _bank(rate_hz: int, to_hz: int, delay: int, cut_hz: float, tail: int) -> FilterBank:
    """Weights (tail + rate_hz, to_hz) of a Kaiser-windowed sinc at the places of the output."""
    place = (np.arange(tail + rate_hz) - tail) / rate_hz  # s from the start of the second
    target = (np.arange(to_hz) - delay) / to_hz
    apart = place[:, None] - target[None, :]
    half = delay / to_hz
    inside = np.clip(1 - (apart / half) ** 2, 0, None)
    weights = np.sinc(2 * cut_hz * apart) * np.i0(KAISER_BETA * np.sqrt(inside)) * (inside > 0)
    return filter_bank(weights / weights.sum(axis=0))
