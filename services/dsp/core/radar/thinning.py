"""From any rate of a radar to the rate of its window."""

from functools import lru_cache

import numpy as np

from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered
from services.dsp.core.radar.demodulation import GRID_HZ
from services.dsp.core.windows import Samples


def thinned(samples: Samples) -> Samples:
    """One second (devices, 2, rate_hz) as means of 40 ms, NaN where a sample is missing."""
    devices, channels, rate_hz = samples.shape
    if rate_hz % GRID_HZ == 0:
        return np.asarray(
            samples.reshape(devices, channels, GRID_HZ, rate_hz // GRID_HZ).mean(axis=3)
        )
    means = filtered(samples.reshape(-1, rate_hz), _bank(rate_hz))
    return means.reshape(devices, channels, GRID_HZ)


@lru_cache(maxsize=16)
def _bank(rate_hz: int) -> FilterBank:
    """Means of 40 ms where these are no whole number of samples: parts of samples at the ends."""
    start = np.arange(rate_hz)[:, None] / rate_hz
    block = np.arange(GRID_HZ)[None, :] / GRID_HZ
    inside = np.minimum(start + 1 / rate_hz, block + 1 / GRID_HZ) - np.maximum(start, block)
    return filter_bank(np.clip(inside, 0, None) * GRID_HZ)
