"""Stretches of a window: lines taken off, Hann tapers that begin where the clean signal does."""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Floats, Samples

TABLE = 4096


def line_off(values: Samples, inside: NDArray[np.bool_]) -> Samples:
    """Each row without the least-squares line through what is inside; 0 outside."""
    n = np.maximum(inside.sum(axis=1), 1)
    t = np.where(inside, np.arange(values.shape[1], dtype=np.float64), 0.0)
    t = np.where(inside, t - (t.sum(axis=1) / n)[:, None], 0.0)
    flat = np.where(inside, values, 0.0)
    flat = np.where(inside, flat - (flat.sum(axis=1) / n)[:, None], 0.0)
    spread = (t * t).sum(axis=1)
    slope = (t * flat).sum(axis=1) / np.where(spread > 0, spread, 1.0)
    return np.asarray(flat - slope[:, None] * t)


def hann(n: int, begin: NDArray[np.intp]) -> Floats:
    """Tapers (rows, n) from `begin` to the end of the window, by a table."""
    length = np.maximum(n - begin, 1)[:, None]
    place = np.clip((np.arange(n) - begin[:, None] + 0.5) / length, 0.0, 1.0)
    return _TAPER[np.rint(place * TABLE).astype(np.intp)]


_TAPER = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(TABLE + 1) / TABLE)
