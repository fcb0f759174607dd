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
BLOCK = 16  # rows whose intervals are compared at once: what they take stays in the cache
RUN = 3  # early beats in a row: no longer a beat before its time, but another pace
RUN_EARLY = 0.4  # ln: half as fast again, which a sinus rhythm that returns to its pace is not
USUAL = 0.85  # quantile of the intervals where the search for the sinus rhythm begins
USUAL_NEAR = 0.16
SLOWER = 0.3  # ln: a third slower, no wandering of a sinus rhythm within a minute and a half
ENTROPY_NEAR = 0.06  # ln: intervals that count as equal
IRREGULAR = 1.4  # sample entropy above: no telling what is early
STEADY = 1.2  # below, no fibrillation is near that comes and goes; as `rhythm.END_ENTROPY`
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
    for _ in range(3):  # those near it lie side by side: their median needs no other order
        near = np.abs(ordered - usual[:, None]) < USUAL_NEAR
        n = near.sum(axis=1)
        middle = np.argmax(near, axis=1) + np.maximum(n - 1, 0) // 2
        usual = np.where(n > 0, ordered[rows, middle], usual)
    return usual


def pace(usual: Samples, intervals: Samples) -> Samples:
    """The usual interval, or that of the seconds before where it was much longer.

    A run that fills the minute is its usual rhythm. Each second counts once, so that the few long
    intervals of a slow rhythm weigh as much as the many of the runs in it.

    Parameters
    ----------
    usual : (rows,), ln s, of the last minute
    intervals : (rows, seconds), ln s, NaN where there was none
    """
    known = np.isfinite(intervals)
    slow = usual_interval(intervals, known)
    much = (slow - usual > SLOWER) & (known.sum(axis=1) >= LEAST_INTERVALS)
    return np.where(much, slow, usual)


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
    if not is_early.any():
        return np.zeros_like(is_early)
    leaps = np.ones_like(is_early)
    before = np.where(free[:, :-1], rr[:, :-1], usual[:, None])
    leaps[:, 1:] = np.minimum(before, usual[:, None] + SUDDEN) - rr[:, 1:] > SUDDEN
    called = is_early & (_last(is_early & leaps) > _last(~is_early))
    deep = usual[:, None] - rr > RUN_EARLY
    return np.asarray(called & (deep | (_in_a_row(is_early) < RUN)))


def _in_a_row(those: NDArray[np.bool_]) -> NDArray[np.int16]:
    """In how long a stretch of such beats each of them lies."""
    before = _last(~those)
    after = RING - 1 - _last(~those[:, ::-1])[:, ::-1]
    return np.where(those, after - before - 1, 0)


def _last(those: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Place of the last such beat up to each one, -1 before the first."""
    place = np.arange(those.shape[1], dtype=np.int16)
    return np.maximum.accumulate(np.where(those, place, np.int16(-1)), axis=1)


def is_regular(
    entropy: Samples, free: NDArray[np.bool_], limit: float = IRREGULAR
) -> NDArray[np.bool_]:
    """Whether the rhythm is such that a beat can be before its time."""
    return np.asarray((entropy < limit) & (free.sum(axis=1) >= LEAST_INTERVALS))


def irregularity(rr: Samples, free: NDArray[np.bool_]) -> Samples:
    """Sample entropy of the intervals (rows, beats): what one says of the next; NaN is unknown."""
    pair = free[:, 1:] & free[:, :-1]
    known = np.where(free, rr, np.nan)  # equal to nothing
    n = pair.sum(axis=1)
    first, second = np.empty((2, len(rr)), dtype=np.int64)
    for begin in range(0, len(rr), BLOCK):
        part = slice(begin, begin + BLOCK)
        mine, pairs = known[part], pair[part]
        apart = mine[:, :, None] - mine[:, None, :]
        equal = np.abs(apart, out=apart) < ENTROPY_NEAR
        near = equal[:, :-1, :-1] & pairs[:, None, :]
        near[~pairs] = False
        nearer = near & equal[:, 1:, 1:]
        first[part] = _counts(near).sum(axis=1)
        second[part] = _counts(nearer).sum(axis=1)
    return -functions.log((second - n + 1) / (first - n + 2))


def _counts(those: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """How many there are of (rows, beats, beats), beat by beat; no more than `RING`."""
    return np.asarray(np.add.reduce(those.view(np.uint8), axis=1, dtype=np.uint8))
