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
OVERTONE = round(SLOWEST_PER_MIN / STEP_PER_MIN)  # the place in the grid of twice the slowest rate
OVERTONE_PENALTY = 2.0  # log of the odds against two more free parameters
NEVER_ALL = 0.95  # a line explains no more than that: nothing breathes like a sine
HANN_LINE_BINS = 1.5  # a pure line is so many bins of 1 / window wide


@cache
def rates() -> Floats:
    """The grid of rates, per minute."""
    grid = np.arange(SLOWEST_PER_MIN, FASTEST_PER_MIN + STEP_PER_MIN / 2, STEP_PER_MIN)
    grid.flags.writeable = False  # one for all
    return grid


@cache
def prior() -> Floats:
    """Weak log-normal expectation of each rate (spread 0.4 in the logarithm), by its logarithm."""
    return np.asarray(-0.5 * (np.log(rates() / REFERENCE_PER_MIN) / 0.4) ** 2)


def log_likelihood(window: Samples, rate_hz: int, fastest: Samples, *, whitening: float) -> Samples:
    """Logarithm of the likelihood of each rate, up to a constant: (rows, rates).

    Parameters
    ----------
    window : (rows, LONG_S * rate_hz), NaN where missing
    fastest : (rows,), per minute; what is sampled once a beat shows no faster breath than half
        the heart rate
    whitening : exponent of the rate by which the power is weighed: the noise falls like 1/f

    Returns
    -------
    zeros where less than `LEAST_S` was seen, or nothing moves
    """
    total = np.zeros((len(window), len(rates())))
    for begin in range(0, len(window), BLOCK):
        rows = slice(begin, begin + BLOCK)
        n = int(np.searchsorted(rates(), fastest[rows].max(), side="right"))
        if n == 0:
            continue
        for seconds in (LONG_S, SHORT_S):
            part = window[rows, -seconds * rate_hz :]
            likely = _of_window(part, rate_hz, seconds, fastest[rows], whitening, n)
            likely *= 0.5
            total[rows, :n] += likely
    return total


def _of_window(
    window: Samples, rate_hz: int, seconds: int, fastest: Samples, whitening: float, n: int
) -> Samples:
    """Of the first `n` rates: the others are faster than the fastest of all rows."""
    seen = np.isfinite(window)
    inside = rates()[:n] <= fastest[:, None]
    white = np.zeros((len(window), len(rates())))  # whole, so that sums are added in one order
    np.multiply(_power(window, seen, rate_hz, n), _noise(whitening)[:n], out=white[:, :n])
    np.copyto(white[:, :n], 0.0, where=~inside)
    share = _explained(white, seconds)[:, :n]
    both = share.copy()
    overtone = share[:, OVERTONE::2]
    both[:, : overtone.shape[1]] += overtone
    np.minimum(both, 1, out=both)
    # The logarithm of the sum of both models' likelihoods, alone and with the overtone.
    is_moving = share.max(axis=1) > 0
    joint = _left(both)
    joint *= np.exp(-OVERTONE_PENALTY)
    joint += _left(share)
    likely = functions.log(joint)
    usable = is_moving & (seen.sum(axis=1) >= LEAST_S * rate_hz * seconds / LONG_S)
    return np.where(usable[:, None] & inside, likely, 0.0)


def _left(share: Samples) -> Samples:
    """One over the root of the power that a line does not explain; in place."""
    share *= -NEVER_ALL
    share += 1
    np.sqrt(share, out=share)
    return np.divide(1, share, out=share)


@cache
def _noise(whitening: float) -> Floats:
    return np.asarray((rates() / REFERENCE_PER_MIN) ** whitening)


def _explained(white: Samples, seconds: int) -> Samples:
    """Share of the whitened power in a line at each rate; in place."""
    total = white.sum(axis=1)
    width = HANN_LINE_BINS * MINUTE_S / seconds / STEP_PER_MIN
    white *= (width / np.where(total > 0, total, np.inf))[:, None]
    return np.minimum(white, 1.0, out=white)


def power(window: Samples, rate_hz: int) -> Samples:
    """Power at each rate of the grid: (devices, rates)."""
    return _power(window, np.isfinite(window), rate_hz, len(rates()))


def _power(window: Samples, seen: NDArray[np.bool_], rate_hz: int, n: int) -> Samples:
    """Power at the first `n` rates."""
    flat = detrended(bounded(window, seen), seen)
    flat *= _taper(window.shape[1])
    size = 256 * rate_hz  # bins of 0.23/min
    low, part = _bins(size, rate_hz)
    low, part = low[:n], part[:n]
    first, end = int(low[0]), int(low[-1]) + 2
    spectrum = np.fft.rfft(flat, size, axis=1)[:, first:end]
    density = spectrum.real**2
    density += spectrum.imag**2
    below, above = density.take(low - first, axis=1), density.take(low - first + 1, axis=1)
    below *= 1 - part
    above *= part
    below += above
    return below


@cache
def _taper(n: int) -> Floats:
    return np.asarray(np.hanning(n + 2)[1:-1])


@cache
def _bins(size: int, rate_hz: int) -> tuple[NDArray[np.intp], Floats]:
    """The bin below each rate, and how far above it the rate lies."""
    place = rates() / MINUTE_S * size / rate_hz
    low = np.minimum(place.astype(np.intp), size // 2 - 1)
    return low, np.asarray(place - low)


def bounded(window: Samples, seen: NDArray[np.bool_]) -> Samples:
    """About the median of each row, cut at `CLIP_MADS` robust deviations, 0 where missing."""
    n = seen.sum(axis=1)
    middle = present(_ranked(window, np.minimum(n // 2, window.shape[1] - 1)))
    apart = window - middle[:, None]
    is_whole = bool(seen.all())
    far = np.abs(apart)
    if not is_whole:
        apart = np.where(seen, apart, 0.0)
        far = np.where(seen, far, np.inf)
    spread = _ranked(far, np.maximum(n // 2 - 1, 0))
    reach = np.where(np.isfinite(spread) & (spread > 0), CLIP_MADS * 1.4826 * spread, np.inf)
    return np.clip(apart, -reach[:, None], reach[:, None], out=apart)


def _ranked(values: Samples, rank: NDArray[np.intp]) -> Samples:
    """The value of each row that has so many below it; NaN above all."""
    wanted = np.unique(rank)
    ordered = np.partition(values, wanted, axis=1)
    return np.asarray(ordered[np.arange(len(values)), rank])


def detrended(window: Samples, seen: NDArray[np.bool_]) -> Samples:
    """Without the least-squares parabola over what was seen, by orthogonal steps.

    Each power is made orthogonal to those before over what was seen (Gram-Schmidt): no system of
    equations is solved, so that no library decides about the last bit.
    """
    n = window.shape[1]
    is_whole = bool(seen.all())
    rest = window
    for shape in _powers_of_whole(n) if is_whole else _powers(seen):
        rest = rest - shape * (rest * shape).sum(axis=1)[:, None]
    return rest if is_whole else np.where(seen, rest, 0.0)


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
