"""How likely each breathing rate is, given a series that breath modulates.

A window is taken as a line of unknown phase and amplitude, alone or with its first overtone, in
noise that falls like 1/f. What the likelihood rests on is the share of the power that the line
explains: a series with one clear line says much, a series with many bumps says nearly nothing,
so that sources need no weights of their own.

References
----------
Bretthorst 1988, Bayesian Spectrum Analysis and Parameter Estimation (likelihood of a line whose
amplitude and noise are unknown: a power of the share that is left). Departs from it: the power is
-1/2 (one independent sample a window), not half the number of samples, because the noise is not
white and the windows of a minute overlap; 1/4 to 1 does as well.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.windows import Floats, Samples, present

SLOWEST_PER_MIN, FASTEST_PER_MIN = 3.0, 70.0  # three breaths a minute are the fewest to count
STEP_PER_MIN = 0.25
LONG_S, SHORT_S = 60, 30
LEAST_S = 20  # of signal in the long window: three breaths at 9 /min
CLIP_MADS = 3.5  # robust deviations: a cough must not rule the minute
MINUTE_S = 60
BLOCK = 64  # windows at once: what they take stays in the cache
REFERENCE_PER_MIN = 16.0  # adults at rest: 12 to 20
OVERTONE_PENALTY = 2.0  # log of the odds against two more free parameters
NEVER_ALL = 0.95  # a line explains no more than that: nothing breathes like a sine
HANN_LINE_BINS = 1.5  # a pure line is so many bins of 1 / window wide


def rates() -> Floats:
    """The grid of rates, per minute."""
    return np.arange(SLOWEST_PER_MIN, FASTEST_PER_MIN + STEP_PER_MIN / 2, STEP_PER_MIN)


@cache
def prior() -> Floats:
    """Weak log-normal expectation of each rate (spread 0.4 in the logarithm), by its logarithm."""
    return np.asarray(-0.5 * (np.log(rates() / REFERENCE_PER_MIN) / 0.4) ** 2)


def log_likelihood(window: Samples, rate_hz: int, fastest: Samples, *, whitening: float) -> Samples:
    """Logarithm of the likelihood of each rate, up to a constant: (devices, rates).

    Parameters
    ----------
    window : (devices, LONG_S * rate_hz), NaN where missing
    fastest : (devices,), per minute; what is sampled once a beat shows no faster breath than half
        the heart rate
    whitening : exponent of the rate by which the power is weighed: the noise falls like 1/f

    Returns
    -------
    zeros where less than `LEAST_S` was seen, or nothing moves
    """
    total = np.zeros((len(window), len(rates())))
    for begin in range(0, len(window), BLOCK):
        rows = slice(begin, begin + BLOCK)
        for seconds in (LONG_S, SHORT_S):
            part = window[rows, -seconds * rate_hz :]
            total[rows] += 0.5 * _of_window(part, rate_hz, seconds, fastest[rows], whitening)
    return total


def _of_window(
    window: Samples, rate_hz: int, seconds: int, fastest: Samples, whitening: float
) -> Samples:
    white = power(window, rate_hz) * (rates() / REFERENCE_PER_MIN) ** whitening
    share = _explained(white, seconds, fastest)
    half = np.searchsorted(rates(), 2 * rates()[2 * rates() <= FASTEST_PER_MIN])
    both = share.copy()
    both[:, : len(half)] += share[:, half]
    # The logarithm of the sum of both models' likelihoods, alone and with the overtone.
    alone = 1 / np.sqrt(1 - NEVER_ALL * share)
    joint = 1 / np.sqrt(1 - NEVER_ALL * np.minimum(both, 1))
    likely = functions.log(alone + np.exp(-OVERTONE_PENALTY) * joint)
    inside = rates()[None, :] <= fastest[:, None]
    seen = np.isfinite(window).sum(axis=1) >= LEAST_S * rate_hz * seconds / LONG_S
    usable = seen & (share.max(axis=1) > 0)
    return np.where(usable[:, None] & inside, likely, 0.0)


def _explained(white: Samples, seconds: int, fastest: Samples) -> Samples:
    """Share of the whitened power in a line at each rate."""
    inside = rates()[None, :] <= fastest[:, None]
    white = np.where(inside, white, 0.0)
    total = white.sum(axis=1)
    width = HANN_LINE_BINS * MINUTE_S / seconds / STEP_PER_MIN
    return np.minimum(white * (width / np.where(total > 0, total, np.inf))[:, None], 1.0)


def power(window: Samples, rate_hz: int) -> Samples:
    """Power at each rate of the grid: (devices, rates)."""
    seen = np.isfinite(window)
    taper = np.hanning(window.shape[1] + 2)[1:-1] * seen
    flat = detrended(bounded(window, seen), seen) * taper
    size = 256 * rate_hz  # bins of 0.23/min
    spectrum = np.fft.rfft(flat, size, axis=1)
    density = spectrum.real**2 + spectrum.imag**2
    place = rates() / MINUTE_S * size / rate_hz
    low = np.minimum(place.astype(np.intp), density.shape[1] - 2)
    part = place - low
    return np.asarray(density[:, low] * (1 - part) + density[:, low + 1] * part)


def bounded(window: Samples, seen: NDArray[np.bool_]) -> Samples:
    """About the median of each row, cut at `CLIP_MADS` robust deviations, 0 where missing."""
    ordered = np.sort(window, axis=1)
    rows, n = np.arange(len(window)), seen.sum(axis=1)
    middle = present(ordered[rows, np.minimum(n // 2, window.shape[1] - 1)])
    apart = np.where(seen, window - middle[:, None], 0.0)
    spread = np.sort(np.where(seen, np.abs(apart), np.inf), axis=1)[rows, np.maximum(n // 2 - 1, 0)]
    reach = np.where(np.isfinite(spread) & (spread > 0), CLIP_MADS * 1.4826 * spread, np.inf)
    return np.clip(apart, -reach[:, None], reach[:, None])


def detrended(window: Samples, seen: NDArray[np.bool_]) -> Samples:
    """Without the least-squares parabola over what was seen, by orthogonal steps.

    Each power is made orthogonal to those before over what was seen (Gram-Schmidt): no system of
    equations is solved, so that no library decides about the last bit.
    """
    n = window.shape[1]
    rest = window
    for shape in _powers_of_whole(n) if seen.all() else _powers(seen):
        rest = rest - shape * (rest * shape).sum(axis=1)[:, None]
    return np.where(seen, rest, 0.0)


@cache
def _powers_of_whole(n: int) -> list[Samples]:
    """The powers where nothing is missing: of one row, for all."""
    return _powers(np.ones((1, n), dtype=np.bool_))


def _powers(seen: NDArray[np.bool_]) -> list[Samples]:
    """Level, slope and bend over what was seen of each row, of unit length, each by itself."""
    t = np.linspace(-1, 1, seen.shape[1])
    basis: list[Samples] = []
    for degree in range(3):
        shape = np.where(seen, t**degree, 0.0)
        for other in basis:
            shape = shape - other * (shape * other).sum(axis=1)[:, None]
        size = np.sqrt((shape * shape).sum(axis=1))
        basis.append(shape / np.where(size > 1e-6, size, np.inf)[:, None])
    return basis
