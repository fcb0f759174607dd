"""Samples at the end of a range: where an amplifier or a converter could not follow the signal.

The end need not be that of the converter. What tells it is that the extreme of a stretch repeats,
to the last bit, more often than a signal that turns round there would: a parabola that is counted
in whole steps spends on its last step at most 1.4 times as many samples as on the two before it
(the square root of 1 against that of 3 less 1).
"""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Samples

# Samples, of which three follow each other: any two that stand even about a summit are alike.
LEAST = 4
TIMES = 3.0  # as many as on the two steps before: twice what a parabola has
STEPS = 2.5  # two whole ones, and what rounding does to them
# Between both extremes, in such steps; a sensor at rest goes to and fro between a few numbers.
LEAST_STEPS = 8.0

Mask = NDArray[np.bool_]


def at_limits(samples: Samples) -> Mask:
    """Which samples of each stretch (..., n) stand at an extreme that repeats, NaN where missing.

    A stretch is a second, or as many as are at hand: a slow signal may stand at its limit for a
    second or more, and a line that is flat all along is no limit (`contact`). Only order and
    counts decide: neither gain, offset nor sign do, nor the rows beside.
    """
    flat = samples.reshape(-1, samples.shape[-1])
    found = _at_highest(flat) | _at_highest(-flat)
    return found.reshape(samples.shape)


def _at_highest(rows: Samples) -> Mask:
    known = np.where(np.isnan(rows), -np.inf, rows)
    highest = known.max(axis=1)
    at = known == highest[:, None]
    n = at.sum(axis=1)
    stays = (at[:, 2:] & at[:, 1:-1] & at[:, :-2]).any(axis=1)
    some = np.flatnonzero(stays & (n >= LEAST) & np.isfinite(highest))
    found = np.zeros(rows.shape, dtype=np.bool_)
    if len(some):
        found[some] = at[some] & _repeats(rows[some], at[some], highest[some], n[some])[:, None]
    return found


def _repeats(rows: Samples, at: Mask, highest: Samples, n: NDArray[np.intp]) -> Mask:
    """Whether the extreme has so many more samples than the steps before it."""
    apart = np.diff(np.sort(rows, axis=1), axis=1)  # NaN last, and beside them
    step = np.where(apart > 0, apart, np.inf).min(axis=1)
    below = ~at & (rows >= (highest - STEPS * step)[:, None])
    lowest = np.where(np.isnan(rows), np.inf, rows).min(axis=1)
    is_more = n > TIMES * below.sum(axis=1)
    return np.asarray(is_more & (highest - lowest >= LEAST_STEPS * step))
