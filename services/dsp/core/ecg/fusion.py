"""Fusion beats: a complex that is partly the usual one and partly a ventricular one.

When a ventricular beat comes while the usual one is on its way, both spread through the heart and
their complexes add up. So it comes when the usual one is due, or before it by no more than the way
from atrium to ventricle takes, and its shape is a mixture of the mean usual and the mean
ventricular beat of this minute. How far shapes wander without any fusion is seen in the normal
beats that have less of the ventricular one in them than most: that way no fusion leads.

References
----------
Marriott et al. 1962, Circulation 25:341 (fusion: between the two in shape, timed where both are
due); ANSI/AAMI EC57 for the class.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Samples

LEAST_V, LEAST_USUAL = 3, 8  # beats that a mean shape, or the spread of shares, needs
SOONEST, LATEST = -0.3, 0.1  # ln of the interval against the usual one: a PR interval of 0.2 s
LEAST_SHARE, MOST_SHARE = 0.2, 0.7  # of the ventricular part: outside, one is all that is seen
SPREADS = 3.0  # above the median of the usual beats, in distances of their lowest tenth from it
EXPLAINED = 0.6  # of the power of the shape, by the two; they need not begin as their means do
UNLIKE = 0.8  # correlation of the two means: above, a mixture looks like either


class Mixture(NamedTuple):
    """What shapes are mixed of, (rows, beats): share of the second part, below 0 where it is
    turned over and 1 where the first is; and how much of the power both explain.
    """

    share: Samples
    explained: Samples


def fused(
    qrs: Samples, late: Samples, usual: NDArray[np.bool_], wide: NDArray[np.bool_],
    alike: NDArray[np.bool_],
) -> NDArray[np.bool_]:  # fmt: skip
    """Which beats are fusions: (rows, beats).

    Parameters
    ----------
    qrs : (rows, beats, points), whole numbers
    late : (rows, beats), ln of the interval before against the usual one, NaN where unknown
    usual, wide : (rows, beats), the beats called normal, and ventricular
    alike : (rows, beats, beats), which look alike
    """
    found = np.zeros(usual.shape, dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        when_due = (late > SOONEST) & (late < LATEST)
    enough = (wide.sum(axis=1) >= LEAST_V) & (usual.sum(axis=1) >= LEAST_USUAL)
    rows = np.flatnonzero(enough)
    if not len(rows):
        return found
    both = alike[rows] & wide[rows][:, :, None] & wide[rows][:, None, :]
    common = np.argmax(both.sum(axis=2), axis=1)
    ventricular = both[np.arange(len(rows)), common]
    shapes = qrs[rows].astype(np.float64)
    first, second = _mean(shapes, usual[rows]), _mean(shapes, ventricular)
    share, explained = mixture(shapes, first, second)
    low, middle = _quantile(share, usual[rows], 0.1), _quantile(share, usual[rows], 0.5)
    least = np.maximum(LEAST_SHARE, middle + SPREADS * (middle - low))[:, None]
    powers = (first**2).sum(axis=1) * (second**2).sum(axis=1)
    can_tell = (first * second).sum(axis=1) < UNLIKE * np.sqrt(powers)
    can_tell &= ventricular.sum(axis=1) >= LEAST_V
    mixed = (share > least) & (share < MOST_SHARE) & (explained > EXPLAINED)
    found[rows] = mixed & when_due[rows] & can_tell[:, None]
    return found


def mixture(shapes: Samples, first: Samples, second: Samples) -> Mixture:
    """Each shape (rows, beats, points) as a sum of two (rows, points), all in whole numbers."""
    # Products of whole numbers: exact in any order.
    along_first = (shapes @ first[:, :, None])[:, :, 0]
    along_second = (shapes @ second[:, :, None])[:, :, 0]
    power = np.maximum((shapes**2).sum(axis=2), 1)
    of_first, of_second = (first**2).sum(axis=1)[:, None], (second**2).sum(axis=1)[:, None]
    between = (first * second).sum(axis=1)[:, None]
    area = np.maximum(of_first * of_second - between**2, 1)
    a = (along_first * of_second - along_second * between) / area
    b = (along_second * of_first - along_first * between) / area
    part_first, part_second = a * np.sqrt(of_first), b * np.sqrt(of_second)
    share = part_second / np.maximum(np.abs(part_first) + np.abs(part_second), 1e-9)
    return Mixture(np.where(part_first > 0, share, 1), (a * along_first + b * along_second) / power)


def _mean(shapes: Samples, which: NDArray[np.bool_]) -> Samples:
    """Mean shape of some beats of each row, in whole numbers."""
    n = np.maximum(which.sum(axis=1), 1)[:, None]
    total = (which[:, None, :].astype(np.float64) @ shapes)[:, 0]
    return np.asarray(np.rint(total / n))


def _quantile(values: Samples, which: NDArray[np.bool_], part: float) -> Samples:
    """Below which such a part of some values of each row lies."""
    ordered = np.sort(np.where(which, values, np.inf), axis=1)
    last = np.maximum(which.sum(axis=1) - 1, 0)
    return np.asarray(ordered[np.arange(len(values)), (part * last).astype(np.intp)])
