"""Samples brought to another whole rate by means over each step of time: no memory, no delay.

For signals that accompany another one. It lets some of what lies above half the new rate through
(a third of the amplitude at one and a half times it), so it is no way to prepare a main signal.
"""

import numpy as np

from services.dsp.core.windows import Samples


def at_rate(samples: Samples, to_hz: int) -> Samples:
    """One second (..., n) as (..., to_hz): means of what is there, NaN where nothing is.

    With fewer samples than steps each sample holds until the next.
    """
    n = samples.shape[-1]
    if n == to_hz:
        return samples
    if n < to_hz:
        return samples[..., np.arange(to_hz) * n // to_hz]
    first = -(-np.arange(to_hz + 1) * n // to_hz)
    total = np.zeros((*samples.shape[:-1], to_hz))
    count = np.zeros_like(total)
    # One sample of each step after the other: the order of the sum is the same for all rows.
    for place in range(int(np.diff(first).max())):
        at = first[:-1] + place
        inside = at < first[1:]
        value = samples[..., np.minimum(at, n - 1)]
        seen = inside & ~np.isnan(value)
        total += np.where(seen, value, 0.0)
        count += seen
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
