"""Autocorrelation and spectra of windows with holes, each device by itself."""

import numpy as np
from scipy.fft import next_fast_len

from services.dsp.core.windows import Samples


def autocorrelation(values: Samples, longest: int) -> Samples:
    """Correlation of each row with itself 0 to `longest` samples later, holes left out.

    Parameters
    ----------
    values : (rows, n), about zero, NaN where missing

    Returns
    -------
    (rows, longest + 1): 1 at 0; each lag is divided by the number of pairs that it rests on
    """
    n = values.shape[1]
    size = next_fast_len(n + longest, real=True)
    seen = np.isfinite(values)
    spectrum = np.fft.rfft(np.where(seen, values, 0.0), size, axis=1)
    raw = np.fft.irfft(_power(spectrum), size, axis=1)[:, : longest + 1]
    if seen.all():
        pairs = np.broadcast_to(n - np.arange(longest + 1.0), raw.shape)
    else:
        pairs = np.fft.irfft(_power(np.fft.rfft(seen.astype(float), size, axis=1)), size, axis=1)
        pairs = np.maximum(np.rint(pairs[:, : longest + 1]), 1.0)
    mean = raw / pairs
    top = mean[:, :1]
    return np.asarray(np.where(top > 0, mean / np.where(top > 0, top, 1.0), 0.0))


def _power(spectrum: np.ndarray[tuple[int, ...], np.dtype[np.complex128]]) -> Samples:
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def parabola(before: Samples, top: Samples, after: Samples) -> Samples:
    """Place of the summit of a parabola through three points, from the middle: -0.5 to 0.5."""
    bend = before - 2 * top + after
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0, 0.5 * (before - after) / bend, 0.0)
    return np.asarray(np.clip(shift, -0.5, 0.5))
