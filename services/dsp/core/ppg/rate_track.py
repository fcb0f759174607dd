"""A pulse rate followed through time: a hidden Markov filter over a grid of rates.

It runs anew over the last `HOPS` seconds each time it is asked, so that nothing older counts.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered
from services.dsp.core.windows import Rows, Samples

SLOWEST, FASTEST = 45, 200  # per minute: exercise included (docs/science/ppg.md)
RATES: NDArray[np.float64] = np.arange(SLOWEST, FASTEST + 1.0)
HOPS = 60  # s; 20 s: 2.57 /min of error, 30: 2.12, 45: 1.87, 60 and 90: 1.80
LOOK_AHEAD = 1  # hop: the rate of a second is told when the next one has been seen
# Rates change by up to 5 to 9 /min in 2 s when somebody starts to run (IEEE Signal Processing Cup
# 2015, its reference rates); chosen among 2, 3, 4 and 5 (docs/science/ppg.md).
STEP_PER_MIN = 3.0
JUMP = 1e-4  # weight of any other rate against that of the same: what has gone astray comes back
NEAR_PER_MIN = 10  # the answer is the mean of the posterior so near its top
RIGHT_PER_MIN = 5  # so near the answer it is right


class Track(NamedTuple):
    """The rate of each device, `LOOK_AHEAD` hops before the newest.

    Attributes
    ----------
    per_min : (devices,)
    mass : (devices,), share of the posterior within `RIGHT_PER_MIN` of the answer
    """

    per_min: Samples
    mass: Samples


def track(likelihood: Samples) -> Track:
    """Follow the rate through likelihoods (devices, HOPS, rates), oldest first.

    Each hop of a device may have any scale; a hop that knows nothing is flat.
    """
    belief = np.full((len(likelihood), len(RATES)), 1.0)
    for hop in range(likelihood.shape[1] - LOOK_AHEAD):
        belief = filtered(belief, _steps()) * likelihood[:, hop]
        belief /= belief.max(axis=1, keepdims=True)
    later = likelihood[:, -1].astype(np.float64)
    for hop in range(2, LOOK_AHEAD + 1):
        later = filtered(later, _steps()) * likelihood[:, -hop]
    belief *= filtered(later, _steps())
    return _answer(belief)


def _answer(belief: Samples) -> Track:
    place, near = _about(belief, belief.argmax(axis=1), NEAR_PER_MIN)
    per_min = (near * RATES[place]).sum(axis=1) / near.sum(axis=1)
    answer = np.rint(per_min).astype(np.intp) - SLOWEST
    _, right = _about(belief, answer, RIGHT_PER_MIN)
    return Track(np.asarray(per_min), np.asarray(right.sum(axis=1) / belief.sum(axis=1)))


def _about(belief: Samples, middle: Rows, reach: int) -> tuple[NDArray[np.intp], Samples]:
    """Places up to `reach` from the middle of each row, and what stands there: 0 outside."""
    place = middle[:, None] + np.arange(-reach, reach + 1)
    inside = (place >= 0) & (place < len(RATES))
    place = np.clip(place, 0, len(RATES) - 1)
    return place, np.where(inside, np.take_along_axis(belief, place, axis=1), 0.0)


@cache
def _steps() -> FilterBank:
    """Chance of each step in one hop; the same in both directions, as the matrix is symmetric."""
    apart = RATES[:, None] - RATES[None, :]
    return filter_bank(np.exp(-0.5 * (apart / STEP_PER_MIN) ** 2) + JUMP)
