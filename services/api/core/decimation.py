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
    n_buckets = -(-n_samples // bucket)
    padded = np.full((channels, n_buckets * bucket), np.nan)
    padded[:, :n_samples] = samples
    cells = padded.reshape(channels, n_buckets, bucket)
    present = ~np.isnan(cells)
    least_at = np.argmin(np.where(present, cells, np.inf), axis=2)
    greatest_at = np.argmax(np.where(present, cells, -np.inf), axis=2)
    first = np.minimum(least_at, greatest_at)[:, :, np.newaxis]
    second = np.maximum(least_at, greatest_at)[:, :, np.newaxis]
    pairs = np.concatenate(
        [np.take_along_axis(cells, first, axis=2), np.take_along_axis(cells, second, axis=2)],
        axis=2,
    )
    pairs[~present.any(axis=2)] = np.nan
    return Decimated(values=pairs.reshape(channels, 2 * n_buckets), hz=2.0 * hz / bucket)
