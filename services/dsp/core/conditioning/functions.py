"""Transcendental functions whose last bit does not depend on the length of the array.

numpy computes most elements in vector registers and the rest one by one, with another rounding.
Padded to whole registers, every element goes the same way
(`tests/unit/services/dsp/core/conditioning/test_functions.py`).
"""

from collections.abc import Callable

import numpy as np

from services.dsp.core.windows import Samples

WHOLE = 64  # elements: a multiple of the widest vector loop


def _padded(function: Callable[[Samples], Samples], values: Samples) -> Samples:
    flat = np.zeros(-(-values.size // WHOLE) * WHOLE, dtype=values.dtype)
    flat[: values.size] = values.ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        return function(flat)[: values.size].reshape(values.shape)


def log(values: Samples) -> Samples:
    """Natural logarithm of each element."""
    return _padded(np.log, values)


def exp(values: Samples) -> Samples:
    """Exponential of each element."""
    return _padded(np.exp, values)


def tanh(values: Samples) -> Samples:
    """Hyperbolic tangent of each element."""
    return _padded(np.tanh, values)


def arccos(values: Samples) -> Samples:
    """Angle of each cosine, 0 to pi."""
    return _padded(np.arccos, values)
