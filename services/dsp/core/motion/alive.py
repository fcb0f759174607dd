"""Whether what an accelerometer sends can come of a body: not stuck, no noise, with 1 g in it.

A sensor that works trembles by its own noise. A body that moves does so with structure: what it
does now has to do with what it does up to a step later. On the mean of seconds it feels gravity.

References
----------
Box, Pierce 1970, J Am Stat Assoc 65:1509: the sum of squared autocorrelations tells a series that
has a structure from white noise.
"""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.limits import at_limits
from services.dsp.core.conditioning.means import at_rate
from services.dsp.core.conditioning.spectra import autocorrelation
from services.dsp.core.windows import Samples, present

JUDGED_S = 5  # some steps
GRID_HZ = 25  # at most, by means: 99 in 100 of what a walk has lie below 15 Hz
LAG_S = 1.2  # the slowest step
# What no sensor makes by itself, of three axes together: cheap ones have 0.02 an axis.
LOUD_G = 0.05
# Least sum of squares of the autocorrelation: white noise in 5 s has 0.09 (one second in a hundred
# 0.17), of walks one second in a hundred has less than 0.3. docs/science/motion.md
STRUCTURE = 0.22
# Of the changes from a sample to the next, from the second lag on (means over steps of time have
# some at the first): with none the signal is a random walk.
STRUCTURE_OF_CHANGES = 0.12
CUT = 0.2  # of a window at the end of the sensor's range: its course is not known
JOLT = 2.0  # times the root mean square of an axis: beyond, one jolt would hide a walk
# On the mean of seconds: offsets of 0.1 g an axis and a scale that is 15 % off (it occurs) lie
# within, and the swing of arms that run (2.0).
LEAST_MEAN_G, MOST_MEAN_G = 0.7, 2.5
# Of means that rest on more or fewer samples of one value: rounding, far below any converter.
ONE_VALUE_G = 1e-6
LEAST_SAMPLES = 5  # of one value: fewer may be alike by chance
# A resting sensor's own noise is 1 to 5 mg: what tells steps finer than it trembles always.
FINE_G = 0.005

Flags = NDArray[np.bool_]


def grid_hz(rate_hz: int) -> int:
    """Of a window for `is_body`."""
    return min(rate_hz, GRID_HZ)


def later(window: Samples, samples: Samples) -> Samples:
    """A window after a second (devices, 3, rate_hz) came in."""
    n = window.shape[2] // JUDGED_S
    return np.concatenate((window[:, :, n:], at_rate(samples, n)), axis=2)


def is_body(window: Samples, *, may_turn: bool = False, loud_g: float = LOUD_G) -> Flags:
    """Whether windows (devices, 3, n) in g may be of somebody; where nothing is known they may.

    Parameters
    ----------
    window : JUDGED_S at GRID_HZ or less, NaN where missing
    loud_g : spread of the axes together from which structure is asked for
    may_turn : a sudden turn, whose changes are as white as those of a random walk, is no noise
    """
    size = np.sqrt((window * window).sum(axis=1))
    seen = np.isfinite(size).sum(axis=1)
    mean = np.where(seen > 0, present(size).sum(axis=1) / np.maximum(seen, 1), 1.0)
    may_be = np.asarray(is_weight(mean) & ~is_held(window))
    rows = np.flatnonzero(may_be)
    may_be[rows] = ~is_noise(window[rows], may_turn=may_turn, loud_g=loud_g)
    return may_be


def is_noise(window: Samples, *, may_turn: bool = False, loud_g: float = LOUD_G) -> Flags:
    """Whether windows are loud and without structure, or cut off."""
    found = np.asarray(_powers(_off_mean(window)).sum(axis=1) > loud_g**2)
    loud = np.flatnonzero(found)
    if len(loud):
        found[loud] = _is_noise(window[loud], may_turn=may_turn) | _is_cut(window[loud])
    return found


def _is_cut(window: Samples) -> Flags:
    return np.asarray(at_limits(window).any(axis=1).mean(axis=1) >= CUT)


def is_weight(mean_g: Samples) -> Flags:
    """Whether a mean size over seconds may be that of a body on the earth."""
    return np.asarray((mean_g >= LEAST_MEAN_G) & (mean_g <= MOST_MEAN_G))


def lowest(samples: Samples) -> Samples:
    """Of each axis of (devices, axes, n): (devices, axes), NaN where it has too few samples."""
    return _where_enough(samples, np.fmin.reduce(samples, axis=2))


def highest(samples: Samples) -> Samples:
    """Of each axis of (devices, axes, n): (devices, axes), NaN where it has too few samples."""
    return _where_enough(samples, np.fmax.reduce(samples, axis=2))


def _where_enough(samples: Samples, value: Samples) -> Samples:
    return np.where(np.isfinite(samples).sum(axis=2) >= LEAST_SAMPLES, value, np.nan)


def is_held(samples: Samples) -> Flags:
    """Whether all axes of (devices, axes, n) have one value each."""
    return np.asarray((highest(samples) - lowest(samples) <= ONE_VALUE_G).all(axis=1))


def finest(samples: Samples) -> Samples:
    """The smallest change from a sample to the next (devices,); infinite where nothing changes."""
    change = np.abs(samples[:, :, 1:] - samples[:, :, :-1])
    return np.asarray(np.where(change > ONE_VALUE_G, change, np.inf).min(axis=(1, 2)))


def _off_mean(window: Samples) -> Samples:
    seen = np.isfinite(window).sum(axis=2)
    middle = present(window).sum(axis=2) / np.maximum(seen, 1)
    return np.asarray(window - middle[:, :, None])


def _powers(off: Samples) -> Samples:
    """Mean squares (devices, axes)."""
    seen = np.isfinite(off).sum(axis=2)
    return np.asarray(present(off * off).sum(axis=2) / np.maximum(seen, 1))


def _is_noise(window: Samples, *, may_turn: bool) -> Flags:
    """White, or what changes from sample to sample is."""
    lags = round(LAG_S * window.shape[2] / JUDGED_S)
    off = _off_mean(window)
    most = JOLT * np.sqrt(_powers(off))[:, :, None]
    off = np.clip(off, -most, most)
    is_white = structure(off, lags) < STRUCTURE
    rest = np.flatnonzero(~is_white)
    if len(rest) and not may_turn:
        change = off[rest, :, 1:] - off[rest, :, :-1]
        is_white[rest] = structure(_off_mean(change), lags, first=2) < STRUCTURE_OF_CHANGES
    return is_white


def structure(off: Samples, lags: int, *, first: int = 1) -> Samples:
    """Sum of squares of the autocorrelation of all axes (devices,) of (devices, axes, n)."""
    devices, axes, n = off.shape
    of_axis = autocorrelation(off.reshape(-1, n), lags).reshape(devices, axes, lags + 1)
    power = _powers(off)[:, :, None]
    together = (of_axis * power).sum(axis=1) / np.maximum(power.sum(axis=1), 1e-12)
    return np.asarray((together[:, first:] ** 2).sum(axis=1))
