"""Whether what an accelerometer sends can come of a body: not stuck, no noise, with 1 g in it.

A sensor that works trembles by its own noise. A body that moves does so with structure: what it
does now has to do with what it does up to a step later. On the mean of seconds it feels gravity,
for what exceeds it is speed that must be lost again. A trunk that lives breathes.

References
----------
Box, Pierce 1970, J Am Stat Assoc 65:1509: the sum of squared autocorrelations tells a series that
has a structure from white noise.
"""

from typing import NamedTuple

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
# Least `structure`: white noise in 5 s has 0.27 (one window in a thousand 0.57 in three axes, 0.7
# in one), of 5,200 walked windows one in a thousand has less than 0.74 (stairs: one in fifty less
# than 0.66). docs/science/motion.md
STRUCTURE = 0.66
# Of the seconds of a window at the end of the sensor's range: their course is not known. Of 14,100
# windows of good sensors none has more than 0.04. docs/science/motion.md
CUT = 0.2
JOLT = 2.0  # times the root mean square of an axis: beyond, one jolt would hide a walk
# On the mean of seconds: offsets of 0.1 g an axis and a scale that is 15 % off (it occurs) lie
# within, and the swing of arms that run (2.0).
LEAST_MEAN_G, MOST_MEAN_G = 0.7, 2.5
# Of means that rest on more or fewer samples of one value: rounding, far below any converter.
ONE_VALUE_G = 1e-6
LEAST_SAMPLES = 5  # of one value: fewer may be alike by chance
# A resting sensor's own noise is 1 to 5 mg: what tells steps finer than it trembles always.
FINE_G = 0.005

# The mean size over a step, less gravity, is the speed that was won in it. Legs win it by pushes,
# which are quicker: of 5,700 walked windows 99 in 100 have less than 0.35 times as much of spread
# in such means as about them, of a random walk 98 in 100 more than 0.5. docs/science/motion.md
DRIFTING = 0.5
SPEED_G = 0.05  # of those means: half a metre a second, won each second
# A trunk at rest, on means of STILL_HZ: the quietest ten seconds of a chest that lies and breathes
# have a spread of 2.9 mg (structure 1.5 and more), of waists after a fall 5.3; a converter's noise
# of 1 mg has 0.5.
STILL_S = 10  # a breath of 6 a minute
STILL_HZ = 5
STILL_G = 0.002

Flags = NDArray[np.bool_]


def grid_hz(rate_hz: int) -> int:
    """Of a window for `is_body`."""
    return min(rate_hz, GRID_HZ)


def later(window: Samples, samples: Samples) -> Samples:
    """A window after a second (devices, 3, rate_hz) came in."""
    n = window.shape[2] // JUDGED_S
    return np.concatenate((window[:, :, n:], at_rate(samples, n)), axis=2)


def is_body(window: Samples, *, loud_g: float = LOUD_G) -> Flags:
    """Whether windows (devices, 3, n) in g may be of somebody; where nothing is known they may.

    Parameters
    ----------
    window : JUDGED_S at GRID_HZ or less, NaN where missing
    loud_g : spread of the axes together from which structure is asked for
    """
    size = np.sqrt((window * window).sum(axis=1))
    seen = np.isfinite(size).sum(axis=1)
    mean = np.where(seen > 0, present(size).sum(axis=1) / np.maximum(seen, 1), 1.0)
    may_be = np.asarray(is_weight(mean) & ~is_held(window))
    rows = np.flatnonzero(may_be)
    may_be[rows] = ~is_white(window[rows], loud_g)
    return may_be


def is_white(window: Samples, loud_g: float = LOUD_G) -> Flags:
    """Whether windows are loud and without structure."""
    found = np.asarray(_powers(_off_mean(window)).sum(axis=1) > loud_g**2)
    loud = np.flatnonzero(found)
    if len(loud):
        found[loud] = _is_white(window[loud])
    return found


class Swings(NamedTuple):
    """Spreads (devices,) in g of the size: of its means of LAG_S, and of what is about them."""

    slow: Samples
    quick: Samples


def swings(size: Samples) -> Swings:
    """Of windows (devices, n) of JUDGED_S of the size; 0 where too little is known."""
    n = round(LAG_S * size.shape[1] / JUDGED_S)
    seen = np.isfinite(size)
    middle = present(size).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    off = np.where(seen, size - middle[:, None], 0.0)
    count = _over(seen.astype(np.float64), n)
    known = 2 * count >= n
    slow = np.where(known, _over(off, n) / np.maximum(count, 1), np.nan)
    at = slice(n // 2, n // 2 + slow.shape[1])
    return Swings(_spread(slow), _spread(np.where(seen[:, at], off[:, at] - slow, np.nan)))


def drifts(of: Swings, least_g: float) -> Flags:
    """Whether a size changes by that much, more slowly than by steps."""
    return np.asarray((of.slow > least_g) & (of.slow > DRIFTING * of.quick))


def is_adrift(window: Samples) -> Flags:
    """Whether windows (devices, 3, n) of JUDGED_S win speed and do not push.

    Who sits down does so too, once: a signal that drifts is so in window after window.
    """
    return drifts(swings(np.sqrt((window * window).sum(axis=1))), SPEED_G)


def is_lifeless(means: Samples, steps_g: Samples) -> Flags:
    """Whether a trunk does not even breathe: nothing but the noise of its sensor.

    Parameters
    ----------
    means : (devices, 3, n), of STILL_HZ over STILL_S; what is not whole is not judged
    steps_g : (devices,), the finest steps in that time: where they are coarse breath is not seen
    """
    is_whole = np.isfinite(means).all(axis=(1, 2))
    off = _off_mean(means)
    quiet = np.sqrt(_powers(off).sum(axis=1)) < STILL_G
    found = np.asarray(is_whole & quiet & (steps_g <= FINE_G))
    rows = np.flatnonzero(found)
    if len(rows):
        found[rows] = structure(off[rows], round(LAG_S * STILL_HZ)) < STRUCTURE
    return found


def _over(rows: Samples, n: int) -> Samples:
    """Sums (devices, windows) of each n in a row."""
    total = np.cumsum(np.pad(rows, ((0, 0), (1, 0))), axis=1)
    return np.asarray(total[:, n:] - total[:, :-n])


def _spread(rows: Samples) -> Samples:
    """Of each row (devices,) about its mean, NaN where missing."""
    return np.sqrt(_powers(_off_mean(rows[:, None]))[:, 0])


def cut_share(samples: Samples) -> Samples:
    """Of a second as it came, (devices, 3, rate_hz): how much stands at the end of a range.

    Means over steps of time would hide it.
    """
    return np.asarray(at_limits(samples).any(axis=1).mean(axis=1))


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


def _is_white(window: Samples) -> Flags:
    lags = round(LAG_S * window.shape[2] / JUDGED_S)
    off = _off_mean(window)
    most = JOLT * np.sqrt(_powers(off))[:, :, None]
    return np.asarray(structure(np.clip(off, -most, most), lags) < STRUCTURE)


def structure(off: Samples, lags: int) -> Samples:
    """Sum of squares of the autocorrelation of all axes (devices,) of (devices, axes, n).

    Times the number of axes that share the power: noise that is in one axis alone has three times
    the sum of noise in all three, whose chances cancel.
    """
    devices, axes, n = off.shape
    of_axis = autocorrelation(off.reshape(-1, n), lags).reshape(devices, axes, lags + 1)
    power = _powers(off)[:, :, None]
    together = (of_axis * power).sum(axis=1) / np.maximum(power.sum(axis=1), 1e-12)
    shared = power.sum(axis=1) ** 2 / np.maximum((power * power).sum(axis=1), 1e-24)
    return np.asarray((together[:, 1:] ** 2).sum(axis=1) * shared[:, 0])
