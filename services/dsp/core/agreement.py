"""Several sources of one measure on one patient: what they say together, and whether they agree.

Sources that lie within a tolerance of each other support each other; the best supported group
speaks, weighed by quality. Who stands against it lowers its quality by the share of weight that he
has; two that contradict each other with like weight leave nothing. One second is judged alone.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Floats

DISAGREEMENT = 0.34  # share of the weight that stands against the rest: one of two, one of three
MOST_SOURCES = 16


class Tolerance(NamedTuple):
    """So far apart two right values of one moment may lie: the larger of both."""

    absolute: float
    relative: float


class Together(NamedTuple):
    """What the sources of each row say: (rows,). `against` is the share of weight that differs."""

    value: Floats
    quality: Floats
    against: Floats
    n_sources: NDArray[np.int64]


def together(values: Floats, qualities: Floats, tolerance: Tolerance) -> Together:
    """Fuse (rows, sources); NaN where a source says nothing.

    The quality of a group is the chance that not all of it is wrong, as if its errors were
    independent, times the share of weight that it has.
    """
    told = np.isfinite(values) & (qualities > 0)
    weight = np.where(told, qualities, 0.0)
    value = np.where(told, values, 0.0)
    apart = np.abs(value[:, :, None] - value[:, None, :])
    larger = np.maximum(value[:, :, None], value[:, None, :])
    reach = np.maximum(tolerance.absolute, tolerance.relative * larger)
    near = (apart <= reach) & told[:, :, None] & told[:, None, :]
    support = _sum(np.where(near, weight[:, None, :], 0.0))
    best = np.argmax(support, axis=1)
    rows = np.arange(len(values))
    group = near[rows, best]
    mine = np.where(group, weight, 0.0)
    total, whole = _sum(mine), _sum(weight)
    share = total / np.where(whole > 0, whole, 1.0)
    wrong = np.ones(len(values))
    for place in range(values.shape[1]):
        wrong = wrong * (1 - mine[:, place])
    fused = _sum(mine * value) / np.where(total > 0, total, 1.0)
    return Together(
        value=np.where(total > 0, fused, np.nan),
        quality=np.where(total > 0, (1 - wrong) * share, 0.0),
        against=np.where(whole > 0, 1 - share, 0.0),
        n_sources=told.sum(axis=1),
    )


def _sum(values: Floats) -> Floats:
    """Sum over the last axis, one after the other: the same bits for any number of rows."""
    total = np.zeros(values.shape[:-1])
    for place in range(values.shape[-1]):
        total = total + values[..., place]
    return total
