"""What breath modulates from beat to beat, as even series: one belief from several of them.

References
----------
Charlton et al. 2018, IEEE Rev Biomed Eng 11:2 (baseline, amplitude and frequency modulation).
Departs from it: no series is chosen and no rates are averaged; the likelihoods of all series
are multiplied, and a series without a line says next to nothing by itself.
"""

import numpy as np

from services.dsp.core.respiration.likelihood import (
    FASTEST_PER_MIN,
    LONG_S,
    log_likelihood,
    prior,
)
from services.dsp.core.windows import Rows, Samples

SERIES_HZ = 4  # above twice the fastest breath
LONGEST_GAP_S = 2.5  # between two beats that are joined by a line
PRIOR_WEIGHT = 0.1
PER_BEAT = 0.45  # breaths a beat: half by the sampling theorem, less what a beat to beat change of
# the rhythm (alternans, bigeminy) spills over; nobody takes more than one breath in 2.5 beats
LEAST_BEATS = 8
STEP_SHARE = 0.5  # of the power: a wave of three cycles, the slowest breath, has 0.16 in a step


def interpolated(
    row: Rows, at_s: Samples, values: Samples, *, devices: int, grid_s: Samples
) -> Samples:
    """Values at beats as even series: (series, devices, len(grid_s)), NaN where no beat is near.

    Parameters
    ----------
    row, at_s : device and time of each beat, by device, then by time
    values : (series, beats)
    grid_s : of all devices alike, in the same time as `at_s`, which is at least 0 and below 1000
    """
    if len(row) < 2:
        return np.full((len(values), devices, len(grid_s)), np.nan)
    owner = np.arange(devices)[:, None]
    first = np.searchsorted(row, owner, side="left")
    last = np.searchsorted(row, owner, side="right") - 1
    wanted = owner * 1000.0 + grid_s[None, :]
    after = np.searchsorted(row * 1000.0 + at_s, wanted, side="right")
    # within the beats of the device: a moment just on its last beat does not look at its neighbour
    after = np.clip(np.clip(after, first + 1, last), 1, len(row) - 1)
    before = after - 1
    apart = at_s[after] - at_s[before]
    known = (before >= first) & (after <= last) & (apart > 0) & (apart <= LONGEST_GAP_S)
    known &= (at_s[before] <= grid_s) & (grid_s <= at_s[after])
    part = (grid_s - at_s[before]) / np.where(apart > 0, apart, 1.0)
    low, high = values.take(before, axis=1), values.take(after, axis=1)
    low *= 1 - part
    high *= part
    low += high
    low[:, ~known] = np.nan
    return low


def without_steps(series: Samples) -> Samples:
    """Series (rows, n) whose level changes at once have one level; NaN where missing.

    Where electrodes change places, or slip, heights of beats are others from then on. What a step
    explains of a wave falls with its cycles in the window: `STEP_SHARE` takes no breath away.
    """
    seen = np.isfinite(series)
    n = np.cumsum(seen, axis=1)
    total = np.maximum(n[:, -1:], 1)
    known = np.where(seen, series, 0.0)
    apart = np.where(seen, series - known.sum(axis=1)[:, None] / total, 0.0)
    power = (apart * apart).sum(axis=1)
    so_far = np.cumsum(apart, axis=1)
    sides = n * (total - n)
    explained = np.where(sides > 0, so_far * so_far * total / np.maximum(sides, 1), 0.0)
    rows, at = np.arange(len(series)), np.argmax(explained, axis=1)
    is_step = explained[rows, at] > STEP_SHARE * power
    before = so_far[rows, at] / np.maximum(n[rows, at], 1)
    after = -so_far[rows, at] / np.maximum(total[:, 0] - n[rows, at], 1)
    step = np.where(is_step, after - before, 0.0)
    return np.where(
        np.arange(series.shape[1])[None, :] > at[:, None], series - step[:, None], series
    )


def belief(series: Samples, heart_per_min: Samples, *, whitening: float) -> Samples:
    """Logarithm of the likelihood of each rate by all series together: (devices, rates).

    Parameters
    ----------
    series : (series, devices, LONG_S * SERIES_HZ)
    heart_per_min : (devices,); what is seen once a beat shows no breath faster than half of it
    whitening : exponent of the rate by which the power is weighed
    """
    fastest = np.minimum(PER_BEAT * heart_per_min, FASTEST_PER_MIN)
    n_series, devices, _ = series.shape
    rows = series[:, :, -LONG_S * SERIES_HZ :].reshape(n_series * devices, -1)
    likely = log_likelihood(rows, SERIES_HZ, np.tile(fastest, n_series), whitening=whitening)
    total = np.zeros((devices, len(prior())))
    for each in likely.reshape(n_series, devices, -1):  # always added in one order
        total += each
    usable = total.max(axis=1) > 0
    return np.where(usable[:, None], total + PRIOR_WEIGHT * prior(), 0.0)


def heart_rate(row: Rows, at_s: Samples, devices: int) -> Samples:
    """Mean rate of the beats of each device, 0 with fewer than `LEAST_BEATS`."""
    n = np.bincount(row, minlength=devices)
    first = np.searchsorted(row, np.arange(devices), side="left")
    last = np.searchsorted(row, np.arange(devices), side="right") - 1
    rate = np.zeros(devices)
    enough = np.flatnonzero(n >= LEAST_BEATS)
    rate[enough] = 60 * (n[enough] - 1) / (at_s[last[enough]] - at_s[first[enough]])
    return rate
