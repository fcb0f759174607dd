"""The published step counter of the wellness network: five differences of a thigh's axis.

At 50 Hz above the knee. Every 10 s the axis along gravity is chosen; a step is three rising and
then two falling differences, a fall of at least 0.2 g from the maximum before the signal rises
above it again, at least 0.1 s after the step before. Published: 88 % right at 0.67 to 1.79 m/s.
Left open there and decided here: the axis is that of the largest mean of the 10 s themselves.
It looks at a stored recording; the shipped estimator is `steps`.
"""

import numpy as np

from services.dsp.core.windows import Floats

BLOCK_S = 10
FALL_G = 0.2
APART_S = 0.1
RISING, FALLING = 3, 2


def published_steps(samples: Floats, rate_hz: int) -> Floats:
    """Seconds from the first sample of each step in (3, n) of g, NaN where missing."""
    times: list[float] = []
    for begin in range(0, samples.shape[1], BLOCK_S * rate_hz):
        block = samples[:, begin : begin + BLOCK_S * rate_hz]
        if np.isnan(block).all(axis=1).any():
            continue
        means = np.nanmean(block, axis=1)
        axis = int(np.argmax(np.abs(means)))
        along = block[axis] * (-1.0 if means[axis] < 0 else 1.0)
        for peak in _five_point_peaks(along):
            fallen = _fallen(along[peak:])
            t = (begin + peak + fallen) / rate_hz
            if fallen and (not times or t - times[-1] >= APART_S):
                times.append(t)
    return np.array(times)


def _five_point_peaks(along: Floats) -> list[int]:
    """Samples that end three rising differences and begin two falling ones."""
    change = np.diff(along)
    n = len(change) - RISING - FALLING + 1
    return [
        k + RISING
        for k in range(max(n, 0))
        if (change[k : k + RISING] > 0).all()
        and (change[k + RISING : k + RISING + FALLING] < 0).all()
    ]


def _fallen(after: Floats) -> int:
    """Samples until the fall is deep enough; 0 where the signal rises above the maximum first."""
    deep = np.flatnonzero(after <= after[0] - FALL_G)
    above = np.flatnonzero(after > after[0])
    if not len(deep) or (len(above) and above[0] < deep[0]):
        return 0
    return int(deep[0])
