"""Linear filters as banded matrices, applied to many devices at once.

Hot path. The product of a row must not depend on which other rows stand beside it, nor on its
place among them. BLAS chooses its kernels by the shape, and may treat the last rows of a block
otherwise than the first: so every product has one shape, padded with zeros, and its number of
rows is the largest of `BLOCKS` for which all places give the same bits on this machine.
(`tests/unit/services/dsp/core/conditioning/test_filters.py` holds this bit for bit.)
"""

from functools import lru_cache
from typing import Any

import numpy as np

from services.dsp.core.windows import Floats, Samples

BLOCKS = (48, 24, 16, 12, 8, 4, 2, 1)


def banded_product(samples: Samples, matrix: Samples) -> Samples:
    """`samples` (rows, k) times `matrix` (k, n), each row by itself bit for bit: (rows, n)."""
    rows, width = samples.shape
    step = _block_rows(*matrix.shape, matrix.dtype)
    padded = -(-rows // step) * step
    block = np.zeros((padded, width), dtype=matrix.dtype)
    block[:rows] = samples
    out = np.empty((padded, matrix.shape[1]), dtype=matrix.dtype)
    for start in range(0, padded, step):
        np.matmul(block[start : start + step], matrix, out=out[start : start + step])
    return out[:rows]


@lru_cache(maxsize=256)
def _block_rows(k: int, n: int, dtype: np.dtype[np.floating[Any]]) -> int:
    """Rows of a block whose places all give the same product."""
    row = np.sin(np.arange(1.0, k + 1)).astype(dtype)
    matrix = np.cos(np.arange(1.0, k * n + 1)).reshape(k, n).astype(dtype)
    for rows in BLOCKS:
        product = np.matmul(np.tile(row, (rows, 1)), matrix)
        if (product == product[0]).all():
            return rows
    raise AssertionError("a block of one row is equal to itself")


def filtered(samples: Samples, matrix: Samples) -> Samples:
    """As `banded_product`, and NaN where a missing sample stands below a weight that matters.

    Parameters
    ----------
    samples : (rows, k), NaN where missing
    matrix : (k, n); a weight below a thousandth of its column's largest does not matter
    """
    missing = np.isnan(samples)
    if not missing.any():
        return banded_product(samples, matrix)
    matters = (np.abs(matrix) > 1e-3 * np.abs(matrix).max(axis=0)).astype(np.float32)
    out = banded_product(np.where(missing, 0, samples), matrix)
    touched = banded_product(missing.astype(np.float32), matters)
    out[touched > 0.5] = np.nan
    return out


def toeplitz(kernel: Floats, n_out: int, *, stride: int = 1) -> Floats:
    """The matrix that slides `kernel` (odd length) over a window: (n_out*stride + len - 1, n_out).

    Output i is the kernel centred on sample ``i * stride + len(kernel) // 2`` of the window.
    """
    taps = len(kernel)
    matrix = np.zeros(((n_out - 1) * stride + taps + (stride - 1), n_out))
    for i in range(n_out):
        matrix[i * stride : i * stride + taps, i] = kernel
    return matrix
