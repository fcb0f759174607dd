"""Pulses in the last twelve seconds of one light: their steepest rises and their feet.

The window is looked at anew each second: the period by autocorrelation, then summits of the rise
that are high enough and far enough apart.

References
----------
Elgendi et al. 2013, PLoS ONE 8:e76585 (systolic rise against a moving threshold). Departs from it:
the threshold is a share of the typical pulse of the window, by strength, so that neither small
waves nor missing pulses move it; the distance follows the period where there is one. Foot: where
the tangent of the steepest rise crosses the level before it (Chiu et al. 1991, Am Heart J
121:1460).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from services.dsp.core.conditioning.spectra import autocorrelation, parabola
from services.dsp.core.ppg.pulsation import GRID_HZ
from services.dsp.core.windows import Rows, Samples, present

WINDOW_S = 12
SHORTEST_S, LONGEST_S = 0.27, 2.2  # 27 to 220 /min
FIRST_OF_HIGHEST = 0.45  # the first summit so high is the period: one pulse, not two
UPSLOPE_SHARE = 0.6  # of the correlation; the rest is of the pulse itself
# The next four were chosen on 26 people in bed; docs/science/ppg.md tells what others give.
PERIODIC = 0.7  # correlation at the period from which it sets the distance
APART = 0.5  # of a period
APART_S = 0.28  # otherwise: no second pulse within it (214 /min)
LEAST_RISE = 0.3  # of the typical one: pulses of early beats are small
CLIP_MADS = 4.0  # robust deviations: one jolt of the finger must not rule the window
RISE_S = 0.3  # at most from foot to steepest rise


class Pulses(NamedTuple):
    """Pulses of all devices, by device, then by time, and what speaks for them.

    Attributes
    ----------
    row : (pulses,), device of each
    place : (pulses,), of the steepest rise, in grid samples from the first of the window
    foot : (pulses,), of the foot
    strength : (pulses,), steepest rise against the typical one of the window
    period : (devices,), grid samples, NaN where nothing repeats
    periodicity : (devices,), height of the autocorrelation there
    coverage : (devices,), share of the window that was seen
    holes : (devices, samples), number of missing rises up to each
    light : (devices, samples), turned so that pulses rise steeply, 0 where missing
    """

    row: Rows
    place: Samples
    foot: Samples
    strength: Samples
    period: Samples
    periodicity: Samples
    coverage: Samples
    holes: NDArray[np.int64]
    light: Samples


def find_pulses(light: Samples) -> Pulses:
    """Pulses in `light` (devices, WINDOW_S * GRID_HZ), slow part off, NaN where missing."""
    coverage = np.isfinite(light).sum(axis=1) / light.shape[1]
    pulse = _upright(light)
    rise = np.concatenate((np.full((len(pulse), 1), np.nan), np.diff(pulse, axis=1)), axis=1)
    rise = np.clip(rise, 0, None)
    period, periodicity = _period(_bounded(pulse), _bounded(rise))
    known = present(rise)
    summits = _summits(known, period, periodicity)
    typical = _typical(np.where(summits, known, 0.0))
    summits &= known > LEAST_RISE * typical[:, None]
    summits[:, 0] = summits[:, -1] = False
    row, at = np.nonzero(summits)
    shift = parabola(known[row, at - 1], known[row, at], known[row, at + 1])
    return Pulses(
        row=row,
        place=at + shift - 0.5,  # a rise stands between two samples
        foot=_foot(present(pulse), row, at, known[row, at]),
        strength=known[row, at] / np.where(typical > 0, typical, 1.0)[row],
        period=period,
        periodicity=periodicity,
        coverage=coverage,
        holes=np.cumsum(np.isnan(rise), axis=1),
        light=present(pulse),
    )


def quantile(values: Samples, share: float) -> Samples:
    """Of each row, NaN left out: the value below which so much of them lies."""
    ordered = np.sort(values, axis=1)  # NaN last
    n = np.isfinite(values).sum(axis=1)
    at = np.clip((share * n).astype(np.intp), 0, np.maximum(n - 1, 0))
    return np.asarray(ordered[np.arange(len(values)), at])


def _upright(pulse: Samples) -> Samples:
    """Turned so that the steep side of the pulse rises: light falls where a pulse comes in."""
    slope = present(np.diff(_bounded(pulse), axis=1))
    skew = (slope * slope * slope).sum(axis=1)
    return np.asarray(np.where(skew < 0, -1.0, 1.0)[:, None] * pulse)


def _bounded(values: Samples) -> Samples:
    """About the median of each row, cut at `CLIP_MADS` robust deviations."""
    middle = quantile(values, 0.5)
    apart = values - middle[:, None]
    reach = CLIP_MADS * 1.4826 * quantile(np.abs(apart), 0.5)[:, None]
    reach = np.where(reach > 0, reach, np.inf)
    cut = np.clip(apart, -reach, reach)
    seen = np.isfinite(cut)
    mean = np.where(seen, cut, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.asarray(cut - mean[:, None])


def _period(pulse: Samples, rise: Samples) -> tuple[Samples, Samples]:
    """Period in grid samples (NaN where nothing repeats) and the correlation there."""
    first, last = int(SHORTEST_S * GRID_HZ), int(LONGEST_S * GRID_HZ)
    curve = UPSLOPE_SHARE * autocorrelation(rise, last + 1)
    curve += (1 - UPSLOPE_SHARE) * autocorrelation(pulse, last + 1)
    inner = curve[:, first : last + 1]
    summit = (inner > curve[:, first - 1 : last]) & (inner >= curve[:, first + 1 : last + 2])
    height = np.where(summit, inner, -1.0)
    highest = height.max(axis=1)
    enough = height >= FIRST_OF_HIGHEST * highest[:, None]
    at = np.argmax(enough & summit, axis=1)
    rows = np.arange(len(curve))
    found = highest > 0
    place = at + first
    shift = parabola(curve[rows, place - 1], curve[rows, place], curve[rows, place + 1])
    period = np.where(found, place + shift, np.nan)
    return period, np.where(found, np.clip(curve[rows, place], 0, 1), 0)


def _summits(known: Samples, period: Samples, periodicity: Samples) -> NDArray[np.bool_]:
    """Largest rises within their distance on both sides; the distance is one of a few steps."""
    least = APART_S * GRID_HZ
    apart = np.where(periodicity > PERIODIC, np.maximum(APART * present(period), least), least)
    reach = np.minimum(np.floor(apart), known.shape[1] // 4).astype(np.intp)
    summits = np.zeros(known.shape, dtype=np.bool_)
    for step in np.unique(reach):
        rows = np.flatnonzero(reach == step)
        part = known[rows]
        summits[rows] = part == maximum_filter1d(part, 2 * int(step) + 1, axis=1, mode="constant")
    return summits & (known > 0)


def _typical(heights: Samples) -> Samples:
    """Median of the heights of each row (0: none), each with its height as weight."""
    ordered = -np.sort(-heights, axis=1)
    total = np.cumsum(ordered, axis=1)
    at = (total < 0.5 * total[:, -1:]).sum(axis=1)
    return np.asarray(ordered[np.arange(len(heights)), np.minimum(at, heights.shape[1] - 1)])


def _foot(pulse: Samples, row: Rows, at: Rows, slope: Samples) -> Samples:
    """Where the tangent of each steepest rise crosses the lowest level before it."""
    back = np.maximum(at[:, None] - np.arange(1 + int(RISE_S * GRID_HZ)), 0)
    before = pulse[row[:, None], back]
    middle = 0.5 * (pulse[row, at] + pulse[row, at - 1])
    steps = (middle - before.min(axis=1, initial=np.inf)) / np.where(slope > 0, slope, 1.0)
    return np.asarray(at - 0.5 - np.clip(steps, 0, RISE_S * GRID_HZ))
