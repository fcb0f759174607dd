"""Linear filters as banded matrices, applied to many devices at once.

Hot path. The product of a row must not depend on which other rows stand beside it: BLAS picks
its kernels by shape, so every product here has one shape, `BLOCK_ROWS` rows, padded with zeros.
(`tests/unit/services/dsp/core/conditioning/test_filters.py` holds this bit for bit.)
"""

import numpy as np

from services.dsp.core.windows import Floats, Samples

BLOCK_ROWS = 16  # a multiple of the row unrolling of all BLAS kernels (4, 8, 16)


def banded_product(samples: Samples, matrix: Samples) -> Samples:
    """`samples` (rows, k) times `matrix` (k, n), each row by itself bit for bit: (rows, n)."""
    rows, width = samples.shape
    padded = -(-rows // BLOCK_ROWS) * BLOCK_ROWS
    block = np.zeros((padded, width), dtype=matrix.dtype)
    block[:rows] = samples
    out = np.empty((padded, matrix.shape[1]), dtype=matrix.dtype)
    for start in range(0, padded, BLOCK_ROWS):
        end = start + BLOCK_ROWS
        np.matmul(block[start:end], matrix, out=out[start:end])
    return out[:rows]


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
