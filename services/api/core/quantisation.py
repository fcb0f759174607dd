"""Samples of any kind as the int16 of the live socket: value = int16 x scale + offset.

Integers that fit travel as they are. Others are divided by a power of two that only ever grows, so
that the scale of a live trace changes a few times in its life and not from block to block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.api.core.downsampling import Samples

MISSING = -32768
_GREATEST = 32_767
_FLOAT_HEADROOM_BITS = 2  # a float trace may grow fourfold before its scale changes
_LEAST_EXPONENT = -60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantised:
    """``counts`` (samples, channels) with -32768 where missing; one count is 2**exponent units."""

    counts: NDArray[np.int16]
    exponent: int


def quantise(values: Samples, *, exponent: int | None, whole: bool) -> Quantised:
    """Counts of these values, with the exponent to hand in with the next block.

    Parameters
    ----------
    values : (samples, channels) in the unit of the raw samples, NaN where missing
    exponent : what the block before gave; None at the beginning
    whole : whether the raw samples are integers, which keep exponent 0 while they fit
    """
    present = values[~np.isnan(values)]
    greatest = float(np.abs(present).max()) if present.size else 0.0
    needed = _exponent_for(greatest)
    if exponent is None:
        exponent = 0 if whole else max(needed + _FLOAT_HEADROOM_BITS, _LEAST_EXPONENT)
    exponent = max(exponent, needed)
    counts = np.rint(np.ldexp(values, -exponent))
    counts[np.isnan(counts)] = MISSING
    return Quantised(counts=counts.astype(np.int16), exponent=exponent)


def _exponent_for(greatest: float) -> int:
    """The least exponent with ``greatest`` at most 32,767 counts after rounding."""
    if greatest == 0.0:
        return _LEAST_EXPONENT
    exponent = max(int(np.ceil(np.log2(greatest / _GREATEST))), _LEAST_EXPONENT)
    return exponent + 1 if np.rint(np.ldexp(greatest, -exponent)) > _GREATEST else exponent
