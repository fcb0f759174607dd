"""Pulse rate over the last ten seconds, from the intervals between the steepest rises.

The window is looked at anew each second: the period by autocorrelation, then pulses at least
0.55 periods apart, then their intervals. A pulse that was missed counts in the number of periods
of its interval, so that it does not bias the rate.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from services.dsp.core.conditioning.spectra import autocorrelation, parabola
from services.dsp.core.ppg.pulsation import GRID_HZ
from services.dsp.core.windows import Samples, present

WINDOW_S = 12  # seen by the autocorrelation; the intervals come from the last ten
RATE_S = 10
SHORTEST_S, LONGEST_S = 0.27, 2.2  # 27 to 220 /min
FIRST_OF_HIGHEST = 0.45  # the first summit so high is the period: one pulse, not two
UPSLOPE_SHARE = 0.6  # of the correlation; the rest is of the pulse itself
APART = 0.55  # of a period
LOWEST_RISE = 0.35  # of the 96th percentile of the rises of the window
LEAST_COVERAGE = 0.6
CLIP_MADS = 4.0  # robust deviations: one jolt of the finger must not rule the window


class PulseRate(NamedTuple):
    """Rate of each device and what speaks for it.

    Attributes
    ----------
    per_min : (devices,), NaN where there is none
    periodicity : (devices,), height of the autocorrelation at the period
    spread : (devices,), robust relative spread of the intervals
    coverage : (devices,), share of the window that was seen
    """

    per_min: Samples
    periodicity: Samples
    spread: Samples
    coverage: Samples


def pulse_rate(pulse: Samples) -> PulseRate:
    """Pulse rate at the end of `pulse` (devices, WINDOW_S * GRID_HZ), NaN where missing."""
    coverage = np.isfinite(pulse).sum(axis=1) / pulse.shape[1]
    pulse = _upright(pulse)
    rise = np.concatenate((np.full((len(pulse), 1), np.nan), np.diff(pulse, axis=1)), axis=1)
    rise = np.clip(rise, 0, None)
    period, periodicity = _period(_bounded(pulse), _bounded(rise))
    usable = (coverage >= LEAST_COVERAGE) & np.isfinite(period)
    per_min, spread = _from_intervals(rise, np.where(usable, period, GRID_HZ))
    per_min[~usable] = np.nan
    return PulseRate(per_min, np.where(usable, periodicity, 0), spread, coverage)


def _upright(pulse: Samples) -> Samples:
    """Turned so that the steep side of the pulse rises: light falls where a pulse comes in."""
    slope = present(np.diff(_bounded(pulse), axis=1))
    skew = (slope * slope * slope).sum(axis=1)
    return np.asarray(np.where(skew < 0, -1.0, 1.0)[:, None] * pulse)


def _bounded(values: Samples) -> Samples:
    """About the median of each row, cut at `CLIP_MADS` robust deviations."""
    middle = _quantile(values, 0.5)
    apart = values - middle[:, None]
    reach = CLIP_MADS * 1.4826 * _quantile(np.abs(apart), 0.5)[:, None]
    reach = np.where(reach > 0, reach, np.inf)
    cut = np.clip(apart, -reach, reach)
    seen = np.isfinite(cut)
    mean = np.where(seen, cut, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.asarray(cut - mean[:, None])


def _quantile(values: Samples, share: float) -> Samples:
    ordered = np.sort(values, axis=1)  # NaN last
    n = np.isfinite(values).sum(axis=1)
    at = np.clip((share * n).astype(np.intp), 0, np.maximum(n - 1, 0))
    return np.asarray(ordered[np.arange(len(values)), at])


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


def _from_intervals(rise: Samples, period: Samples) -> tuple[Samples, Samples]:
    """Rate per minute and robust spread of the intervals between the steepest rises."""
    known = present(rise)
    lowest = LOWEST_RISE * _quantile(rise, 0.96)
    is_pulse = _summits(known, period) & (known > lowest[:, None])
    is_pulse[:, : -RATE_S * GRID_HZ] = False
    row, at = np.nonzero(is_pulse)
    inner = np.clip(at, 1, rise.shape[1] - 2)
    shift = parabola(known[row, inner - 1], known[row, inner], known[row, inner + 1])
    same = row[1:] == row[:-1]
    holes = np.cumsum(np.isnan(rise), axis=1)
    whole = same & (holes[row[1:], at[1:]] == holes[row[1:], at[:-1]])
    interval = (at + shift)[1:] - (at + shift)[:-1]
    owner, interval = row[1:][whole], interval[whole]
    devices = len(rise)
    n = np.bincount(owner, minlength=devices)
    table = np.full((devices, max(int(n.max(initial=0)), 1)), np.nan)
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    table[owner, rank] = interval
    middle = _quantile(table, 0.5)
    periods = np.maximum(np.rint(table / middle[:, None]), 1)
    total, count = _row_sum(table), _row_sum(np.where(np.isnan(table), np.nan, periods))
    with np.errstate(divide="ignore", invalid="ignore"):
        per_min = np.where(n >= 2, 60 * GRID_HZ * count / total, np.nan)
        spread = _quantile(np.abs(table / periods / middle[:, None] - 1), 0.75)
    return np.asarray(per_min), np.asarray(
        np.where(n >= 2, np.where(np.isnan(spread), 1.0, spread), 1.0)
    )


def _row_sum(values: Samples) -> Samples:
    """Sum of each row without NaN, one column after the other."""
    total = np.zeros(len(values))
    for column in values.T:
        total += present(column)
    return total


def _summits(known: Samples, period: Samples) -> NDArray[np.bool_]:
    """Largest rises within `APART` periods on both sides; the reach is one of a few steps."""
    reach = np.clip(np.floor(APART * period), 3, known.shape[1] // 4).astype(np.intp)
    summits = np.zeros(known.shape, dtype=np.bool_)
    for step in np.unique(reach):
        rows = np.flatnonzero(reach == step)
        part = known[rows]
        summits[rows] = part == maximum_filter1d(part, 2 * int(step) + 1, axis=1, mode="constant")
    return summits
