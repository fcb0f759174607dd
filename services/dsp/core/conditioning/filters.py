"""Linear filters as banded matrices, applied to many devices at once, exact to the last bit.

Hot path. A sum of products in floating point depends on its order, and BLAS chooses the order by
the number of rows, of threads and by the processor. So samples and weights are rounded to whole
numbers (21 and 22 bits, times a power of two) whose products and sums all fit the 53 bits of
a double: whatever the order, the sum is exact. The same row then has the same bits beside any other
rows, in any process, on any machine.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Floats, Samples

SAMPLE_BITS = 21  # noise of rounding 120 dB below the largest sample of the window
WEIGHT_BITS = 22
EXACT_BITS = 53
MATTERS = 1e-3  # of the largest weight of a column: a sample below a smaller one may be missing
PART = 16  # columns of a banded matrix that are multiplied together
SPARSE = 0.6  # share of the products that are left then; with more one product is faster
LARGE = 8192  # weights; smaller matrices are not worth several products


class Part(NamedTuple):
    """Columns of a matrix with the rows of it that have any weight in them."""

    rows: slice
    columns: slice
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class FilterBank:
    """A matrix (k, n) of whole numbers times `scale`; output i is column i.

    Attributes
    ----------
    parts : where the rest of `weights` is zeros, which need no products; empty: nowhere
    """

    weights: Floats
    scale: float
    matters: Floats
    parts: tuple[Part, ...] = ()


def filter_bank(matrix: Floats) -> FilterBank:
    """A matrix (k, n) of weights, rounded so that every sum over it is exact.

    Raises
    ------
    ValueError : a column has too much weight for that
    """
    scale = _unit(np.abs(matrix).max(initial=0.0), WEIGHT_BITS)
    weights = np.rint(matrix / scale)
    if np.abs(weights).sum(axis=0).max() > 1 << (EXACT_BITS - SAMPLE_BITS):
        raise ValueError("a sum with these weights is not exact in a double")
    matters = np.abs(matrix) > MATTERS * np.abs(matrix).max(axis=0)
    return FilterBank(weights, float(scale), matters.astype(np.float64), _parts(weights))


def _parts(weights: Floats) -> tuple[Part, ...]:
    """What is not zero of a banded matrix; nothing where one product of all is faster."""
    if weights.size < LARGE:
        return ()
    parts = []
    for first in range(0, weights.shape[1], PART):
        columns = slice(first, min(first + PART, weights.shape[1]))
        used = np.flatnonzero(weights[:, columns].any(axis=1))
        rows = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        parts.append(Part(rows, columns, np.ascontiguousarray(weights[rows, columns])))
    sparse = sum(part.weights.size for part in parts) < SPARSE * weights.size
    return tuple(parts) if sparse else ()


class Rounded(NamedTuple):
    """Rows of samples as whole numbers times `unit`, zeros where they are missing.

    Attributes
    ----------
    missing : (rows, k), None where nothing is
    """

    whole: Floats
    unit: Floats
    missing: NDArray[np.bool_] | None


def rounded(samples: Samples) -> Rounded:
    """Each row as whole numbers of `SAMPLE_BITS`."""
    high, low = samples.max(axis=1, initial=0.0), samples.min(axis=1, initial=0.0)
    missing = None
    if np.isnan(high).any():
        missing = np.isnan(samples)
        samples = np.where(missing, 0.0, samples)
        high, low = samples.max(axis=1, initial=0.0), samples.min(axis=1, initial=0.0)
    unit = _unit(np.maximum(high, -low).astype(np.float64), SAMPLE_BITS)
    whole = samples * (1.0 / unit)[:, None]  # a power of two: exact
    return Rounded(np.rint(whole, out=whole), unit, missing)


def filtered(samples: Samples, bank: FilterBank) -> Floats:
    """Each row (rows, k) through the bank: (rows, n), NaN where one that matters is missing."""
    return filtered_whole(rounded(samples), bank)


def filtered_whole(rows: Rounded, bank: FilterBank) -> Floats:
    """The same of rows that are whole numbers already."""
    out = sums(rows, bank)
    out *= (rows.unit * bank.scale)[:, None]
    return out


def sums(rows: Rounded, bank: FilterBank) -> Floats:
    """The same before each row is multiplied with its unit and the scale of the bank."""
    out = _product(rows.whole, bank)
    if rows.missing is not None:
        out[rows.missing.astype(np.float64) @ bank.matters > 0.5] = np.nan
    return out


def _product(whole: Floats, bank: FilterBank) -> Floats:
    if not bank.parts:
        return np.asarray(whole @ bank.weights)
    out = np.empty((len(whole), bank.weights.shape[1]))
    for rows, columns, weights in bank.parts:
        np.matmul(whole[:, rows], weights, out=out[:, columns])
    return out


def _unit(largest: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """The power of two that makes `largest` a whole number of so many bits."""
    _, exponent = np.frexp(np.where(largest > 0, largest, 1.0))
    return np.asarray(np.ldexp(1.0, exponent - bits))


def toeplitz(kernel: Floats, n_out: int, *, stride: int = 1) -> Floats:
    """The matrix that slides `kernel` (odd length) over a window.

    Output i is the kernel centred on sample ``i * stride + len(kernel) // 2`` of the window:
    ((n_out - 1) * stride + len(kernel) + stride - 1, n_out).
    """
    taps = len(kernel)
    matrix = np.zeros(((n_out - 1) * stride + taps + (stride - 1), n_out))
    for i in range(n_out):
        matrix[i * stride : i * stride + taps, i] = kernel
    return matrix
