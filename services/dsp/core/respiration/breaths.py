"""Breaths of a minute, counted one by one in the band about a rate that is known already.

A spectrum gives the commonest rate of a window; people, and monitors, count breaths. Where breath
varies the two differ, so the last step counts: the intervals between the moments at which the
filtered signal rises through its middle.
"""

import numpy as np

from services.dsp.core.respiration.likelihood import MINUTE_S, bounded, detrended
from services.dsp.core.windows import Samples

LOWEST, HIGHEST = 0.5, 1.5  # of the rate: above half the breath, below its first overtone
ORDER = 8  # of the magnitude of the filter, as of two Butterworth filters of 4th order
FARTHEST = 0.25  # of the rate: a count that is farther off is not believed
FARTHEST_PER_MIN = 3.0
LEAST_BREATHS = 3
MISSING_MOST = 0.1  # of the window: a longer hole would hide a breath


def counted_rate(window: Samples, rate_hz: int, per_min: Samples) -> Samples:
    """Mean rate of the breaths of each window (devices, n), or `per_min` where it cannot be told.

    Parameters
    ----------
    window : NaN where missing; where more than `MISSING_MOST` is, the rate stays as it is
    per_min : (devices,), the rate about which breaths are looked for, NaN where unknown
    """
    seen = np.isfinite(window)
    possible = np.isfinite(per_min) & (seen.mean(axis=1) >= 1 - MISSING_MOST)
    rows = np.flatnonzero(possible)
    if not len(rows):
        return per_min
    about = per_min[rows]
    flat = detrended(bounded(window[rows], seen[rows]), seen[rows])
    found = _rate_of_crossings(_band(flat, rate_hz, about), rate_hz)
    near = np.abs(found - about) < np.maximum(FARTHEST_PER_MIN, FARTHEST * about)
    counted = per_min.copy()
    counted[rows[near]] = found[near]
    return counted


def _band(flat: Samples, rate_hz: int, about: Samples) -> Samples:
    """The part of each row near its rate; mirrored at both ends."""
    n = flat.shape[1]
    half = n // 2
    mirrored = np.concatenate((flat[:, half:0:-1], flat, flat[:, -2 : -half - 2 : -1]), axis=1)
    size = mirrored.shape[1]
    place = np.fft.rfftfreq(size, 1 / rate_hz)[None, :] * MINUTE_S / about[:, None]
    gain = np.where(place > 0, 1 / (1 + (LOWEST / np.maximum(place, 1e-9)) ** ORDER), 0.0)
    gain = gain / (1 + (place / HIGHEST) ** ORDER)
    whole = np.fft.irfft(np.fft.rfft(mirrored, axis=1) * gain, size, axis=1)
    return np.asarray(whole[:, half : half + n])


def _rate_of_crossings(band: Samples, rate_hz: int) -> Samples:
    """Rate of the upward crossings of zero of each row, NaN with fewer than three."""
    before, after = band[:, :-1], band[:, 1:]
    rising = (before < 0) & (after >= 0)
    rows = np.arange(len(band))
    n = rising.sum(axis=1)
    first = np.argmax(rising, axis=1)
    last = rising.shape[1] - 1 - np.argmax(rising[:, ::-1], axis=1)

    def moment(at: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Samples:
        low, high = before[rows, at], after[rows, at]
        apart = high - low
        return (at - low / np.where(apart > 0, apart, 1.0)) / rate_hz

    taken = moment(last) - moment(first)
    enough = (n >= LEAST_BREATHS) & (taken > 0)
    return np.where(enough, MINUTE_S * (n - 1) / np.where(enough, taken, 1.0), np.nan)
