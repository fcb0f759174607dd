"""Samples that say nothing of the body: found before anything is computed from them."""

import numpy as np

from services.dsp.core.windows import Samples

FLAT_SHARE = 0.98  # of the steps of a second that are exactly zero: the line is flat


def without_flat_lines(
    samples: Samples,
) -> tuple[Samples, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Missing instead of flat, and which devices had it: (devices, channels, n).

    A converter that measures a living body never gives the same count for a second: a flat line
    is a lead that is off, a short, or a sensor that has stopped.
    """
    steps = np.diff(samples, axis=2)
    known = np.isfinite(steps)
    n = known.sum(axis=2)
    still = (steps == 0).sum(axis=2)
    flat = (n > 0) & (still >= FLAT_SHARE * n)
    if not flat.any():
        return samples, np.zeros(len(samples), dtype=np.bool_)
    return np.where(flat[:, :, None], np.nan, samples), np.asarray(flat.any(axis=1))
