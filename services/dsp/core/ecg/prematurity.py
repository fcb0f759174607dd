"""When beats come: the usual interval, what is before its time, and whether anything can be.

References
----------
Lake and Moorman 2011 (sample entropy of intervals: what one interval says of the next).
"""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg.ring import RING, Ring, masked_median
from services.dsp.core.windows import Samples

EARLY = 0.16  # ln: 15 % before its time, as clinicians count it (10 to 20 %)
EARLY_SPREADS = 4.0  # and beyond the usual change of this patient's intervals
SUDDEN = 0.10  # ln: shorter than the interval before: sinus arrhythmia comes slowly
RUN = 3  # early beats in a row: no longer a beat before its time, but another pace
RUN_EARLY = 0.4  # ln: half as fast again, which a sinus rhythm that returns to its pace is not
USUAL = 0.85  # quantile of the intervals where the search for the sinus rhythm begins
USUAL_NEAR = 0.16
ENTROPY_NEAR = 0.06  # ln: intervals that count as equal
IRREGULAR = 1.4  # sample entropy above: no telling what is early
LEAST_INTERVALS = 5


def between_normal(
    ring: Ring, valid: NDArray[np.bool_], wide: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Beats whose interval before lies between two beats that are not V."""
    free = valid & ~wide & np.isfinite(ring.rr)
    free[:, 1:] &= ~wide[:, :-1]
    return free


def usual_interval(rr: Samples, free: NDArray[np.bool_]) -> Samples:
    """Logarithm of the interval of the undisturbed rhythm: the longest that many agree on."""
    ordered = np.sort(np.where(free, rr, np.inf), axis=1)
    n = free.sum(axis=1)
    rows = np.arange(len(rr))
    usual = ordered[rows, np.clip((USUAL * (n - 1)).astype(np.intp), 0, None)]
    usual = np.where(n > 0, usual, 0)
    for _ in range(3):
        near = free & (np.abs(rr - usual[:, None]) < USUAL_NEAR)
        usual = np.where(near.any(axis=1), masked_median(rr, near), usual)
    return usual


def early(rr: Samples, free: NDArray[np.bool_], usual: Samples) -> NDArray[np.bool_]:
    """Beats before their time by more than the rhythm varies."""
    near = free & (np.abs(rr - usual[:, None]) < USUAL_NEAR)
    spread = masked_median(np.abs(rr - usual[:, None]), near)
    least = np.maximum(EARLY, EARLY_SPREADS * spread)
    return np.asarray(free & (usual[:, None] - rr > least[:, None]))


def sudden(
    rr: Samples, free: NDArray[np.bool_], usual: Samples, is_early: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Early beats that come suddenly, and those that follow them in a run.

    A run counts only as far as it is much faster: what is a little faster and stays so is a
    sinus rhythm that has changed its pace.
    """
    leaps = np.ones_like(is_early)
    before = np.where(free[:, :-1], rr[:, :-1], usual[:, None])
    leaps[:, 1:] = np.minimum(before, usual[:, None] + SUDDEN) - rr[:, 1:] > SUDDEN
    called = is_early & leaps
    for k in range(1, RING):
        called[:, k] |= is_early[:, k] & called[:, k - 1]
    deep = usual[:, None] - rr > RUN_EARLY
    return np.asarray(called & (deep | (_in_a_row(is_early) < RUN)))


def _in_a_row(those: NDArray[np.bool_]) -> NDArray[np.int16]:
    """In how long a stretch of such beats each of them lies."""
    n = np.zeros(those.shape, dtype=np.int16)
    n[:, 0] = those[:, 0]
    for k in range(1, RING):
        n[:, k] = (n[:, k - 1] + 1) * those[:, k]
    for k in range(RING - 2, -1, -1):
        n[:, k] = np.where(those[:, k] & those[:, k + 1], n[:, k + 1], n[:, k])
    return n


def is_regular(entropy: Samples, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the rhythm is such that a beat can be before its time."""
    return np.asarray((entropy < IRREGULAR) & (free.sum(axis=1) >= LEAST_INTERVALS))


def irregularity(rr: Samples, free: NDArray[np.bool_]) -> Samples:
    """Sample entropy of the intervals (rows, beats): what one says of the next; NaN is unknown."""
    pair = free[:, 1:] & free[:, :-1]
    here, following = rr[:, :-1], rr[:, 1:]
    both = pair[:, :, None] & pair[:, None, :]
    near = both & (np.abs(here[:, :, None] - here[:, None, :]) < ENTROPY_NEAR)
    nearer = near & (np.abs(following[:, :, None] - following[:, None, :]) < ENTROPY_NEAR)
    n = pair.sum(axis=1)
    first, second = near.sum(axis=(1, 2)) - n, nearer.sum(axis=(1, 2)) - n
    return -functions.log((second + 1) / (first + 2))
