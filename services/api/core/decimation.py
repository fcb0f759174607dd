"""Fewer points with the same look: the least and the greatest sample of each bucket are kept.

A trace drawn from these points touches the same extremes as the whole trace, so that no R peak
and no artefact is lost to the eye. Missing samples (NaN) stay missing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decimated:
    """Samples on an even grid of ``hz``, in the order of time; one row a channel."""

    values: Samples
    hz: float


def bucket_size(n_samples: int, max_points: int) -> int:
    """Samples that one pair (least, greatest) stands for; 1 when all samples fit.

    Raises
    ------
    ValueError : ``max_points`` is below 2, so that not even one pair fits
    """
    if max_points < 2:
        raise ValueError("at least two points are needed to keep a least and a greatest sample")
    if n_samples <= max_points:
        return 1
    return -(-n_samples // (max_points // 2))


def decimate(samples: Samples, hz: float, bucket: int) -> Decimated:
    """The least and the greatest sample of each bucket, in the order in which they came.

    Parameters
    ----------
    samples : (channels, samples), NaN where missing
    hz : samples a second
    bucket : samples a bucket, from ``bucket_size``; the last bucket may be shorter

    Returns
    -------
    (channels, 2 x buckets) at ``2 x hz / bucket``; the samples themselves when ``bucket`` is at
    most 2. A bucket with missing samples only gives NaN.
    """
    if bucket <= 2:
        return Decimated(values=samples, hz=hz)
    channels, n_samples = samples.shape
    n_whole = n_samples // bucket
    whole = samples[:, : n_whole * bucket].reshape(channels, n_whole, bucket)
    rest = samples[:, n_whole * bucket :].reshape(channels, 1, -1)
    pairs = [_pairs(cells) for cells in (whole, rest) if cells.size]
    if not pairs:
        return Decimated(values=samples, hz=2.0 * hz / bucket)
    values = np.concatenate(pairs, axis=1).reshape(channels, -1)
    return Decimated(values=values, hz=2.0 * hz / bucket)


def _pairs(cells: Samples) -> Samples:
    """(channels, buckets, samples) to (channels, buckets, 2)."""
    missing = np.isnan(cells)
    if missing.any():
        least_at = np.argmin(np.where(missing, np.inf, cells), axis=2)
        greatest_at = np.argmax(np.where(missing, -np.inf, cells), axis=2)
    else:
        least_at, greatest_at = np.argmin(cells, axis=2), np.argmax(cells, axis=2)
    first = np.minimum(least_at, greatest_at)
    second = np.maximum(least_at, greatest_at)
    pairs = np.take_along_axis(cells, np.stack([first, second], axis=2), axis=2)
    pairs[missing.all(axis=2)] = np.nan
    return pairs
