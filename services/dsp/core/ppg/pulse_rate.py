"""Pulse rate over ten seconds, from the intervals between the steepest rises.

In a regular rhythm an interval of two or more periods is a pulse that was missed: it counts as so
many periods, so that it does not bias the rate. In an irregular one each interval counts as it is.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ppg import pulse_quality_weights as learned
from services.dsp.core.ppg.pulsation import DELAY, GRID_HZ
from services.dsp.core.ppg.pulses import WINDOW_S, Pulses, quantile
from services.dsp.core.windows import Rows, Samples, present

RATE_S = 10
DELAY_S = 2  # of the rate behind the newest sample
# From the R peak to the steepest rise: to the finger 0.25 s, the rest is the monitor's own filter.
# Measured: 0.48 to 0.67 s, median 0.61 (25 people in bed; one has no reference).
PULSE_DELAY_S = 0.6
LEAST_COVERAGE = 0.6
REGULAR = 0.18  # spread of intervals of one period up to which a rhythm is regular
EVEN_ODDS = 0.5  # a rate that is more likely wrong than right is none
NEAR_WHOLE = 0.15  # of a whole number of periods: pulses were missed
SHAPE_BEFORE, SHAPE_AFTER = 10, 20  # of GRID_HZ: 0.2 s and 0.4 s about the steepest rise
CERTAINLY_MISSED = 3  # periods: no heart in this state, a loss of pulses


class PulseRate(NamedTuple):
    """Rate of each device and what speaks for it.

    Attributes
    ----------
    per_min : (devices,), NaN where there is none
    quality : (devices,), share of such rates within 5/min
    coverage : (devices,), share of the window that was seen
    """

    per_min: Samples
    quality: Samples
    coverage: Samples


def pulse_rate(pulses: Pulses) -> PulseRate:
    """Rate of the hearts that sent these pulses, over RATE_S up to DELAY_S before the newest."""
    per_min, features = rate_and_features(pulses)
    chance = _logistic(features)
    usable = (pulses.coverage >= LEAST_COVERAGE) & np.isfinite(per_min) & (chance >= EVEN_ODDS)
    return PulseRate(
        np.where(usable, per_min, np.nan),
        np.where(usable, chance * pulses.coverage, 0.0),
        pulses.coverage,
    )


def rate_and_features(pulses: Pulses) -> tuple[Samples, Samples]:
    """Rate per minute, NaN with fewer than two intervals, and what its quality is judged by.

    Returns
    -------
    (devices,), (devices, 8): periodicity, spread of the intervals, logarithm of rate against
    period, strength of the weakest pulse, longest and shortest interval in medians, strongest
    pulse in medians, likeness of the pulses
    """
    devices = len(pulses.period)
    # The filters hold DELAY back, so that the window ends so much before the newest sample.
    end = WINDOW_S * GRID_HZ + DELAY + (PULSE_DELAY_S - DELAY_S) * GRID_HZ
    inside = (pulses.place > end - RATE_S * GRID_HZ) & (pulses.place <= end)
    row, place, strength = pulses.row[inside], pulses.place[inside], pulses.strength[inside]
    interval, n = _intervals(pulses, row, place)
    weakest = np.full(devices, np.inf)
    np.minimum.at(weakest, row, strength)
    heights = _table(row, strength, devices)
    uneven = heights / quantile(heights, 0.5)[:, None]
    middle = quantile(interval, 0.5)[:, None]
    ratio = interval / middle
    periods = np.maximum(np.rint(ratio), 1.0)
    alone = np.where(periods == 1, np.abs(ratio - 1), np.nan)
    is_regular = (quantile(alone, 0.75) < REGULAR)[:, None]
    is_whole = np.abs(ratio - periods) < NEAR_WHOLE * periods
    missed = (periods > 1) & ((is_regular & is_whole) | (periods >= CERTAINLY_MISSED))
    count = np.where(np.isnan(interval), np.nan, np.where(missed, periods, 1.0))
    total, counted = _row_sum(interval), _row_sum(count)
    enough = n >= 2
    per_min = np.where(enough, 60 * GRID_HZ * counted / np.where(enough, total, 1.0), np.nan)
    spread = quantile(np.abs(ratio / count - 1), 0.75)
    apart = np.abs(functions.log(present(per_min * pulses.period) / (60 * GRID_HZ)))
    features = np.stack(
        (
            pulses.periodicity,
            np.clip(np.where(enough, spread, 1.0), 0, 0.6),
            np.clip(apart, 0, 1),
            np.clip(np.where(np.isfinite(weakest), weakest, 0.0), 0, 1),
            np.clip(_row_extreme(ratio, largest=True), 1, 3),
            np.clip(_row_extreme(ratio, largest=False), 0, 1),
            np.clip(_row_extreme(uneven, largest=True), 1, 5),
            _alike(pulses, row, place),
        ),
        axis=1,
    )
    return np.asarray(per_min), features


def _intervals(pulses: Pulses, row: Rows, place: Samples) -> tuple[Samples, NDArray[np.intp]]:
    """Intervals of each device (devices, most), NaN behind the last, and how many there are."""
    devices = len(pulses.period)
    at = np.rint(place + 0.5).astype(np.intp)
    same = row[1:] == row[:-1]
    whole = same & (pulses.holes[row[1:], at[1:]] == pulses.holes[row[1:], at[:-1]])
    owner, interval = row[1:][whole], np.diff(place)[whole]
    return _table(owner, interval, devices), np.bincount(owner, minlength=devices)


def _table(row: Rows, values: Samples, devices: int) -> Samples:
    """Values of each device (devices, most), NaN behind the last; `row` is in order."""
    n = np.bincount(row, minlength=devices)
    table = np.full((devices, max(int(n.max(initial=0)), 1)), np.nan)
    table[row, np.arange(len(row)) - np.searchsorted(row, row, side="left")] = values
    return table


def _alike(pulses: Pulses, row: Rows, place: Samples) -> Samples:
    """Correlation with the median pulse that three of four pulses reach; 0 without pulses."""
    devices, n = pulses.light.shape
    around = np.arange(-SHAPE_BEFORE, SHAPE_AFTER + 1)
    at = np.clip(np.rint(place).astype(np.intp)[:, None] + around, 0, n - 1)
    shape = np.take_along_axis(pulses.light[row], at, axis=1)
    shape = shape - shape.mean(axis=1, keepdims=True)
    count = np.bincount(row, minlength=devices)
    rank = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    table = np.full((devices, max(int(count.max(initial=0)), 1), len(around)), np.inf)
    table[row, rank] = shape
    table.sort(axis=1)
    median = table[np.arange(devices), np.maximum(count - 1, 0) // 2]
    model = np.where(np.isfinite(median), median, 0.0)[row]
    power = (shape * shape).sum(axis=1) * (model * model).sum(axis=1)
    likeness = (shape * model).sum(axis=1) / np.sqrt(np.where(power > 0, power, 1.0))
    low = quantile(_table(row, likeness, devices), 0.25)
    return np.asarray(np.clip(present(low), 0, 1))


def _row_sum(values: Samples) -> Samples:
    """Sum of each row without NaN, one column after the other."""
    total = np.zeros(len(values))
    for column in values.T:
        total += present(column)
    return total


def _row_extreme(values: Samples, *, largest: bool) -> Samples:
    """Largest or smallest of each row without NaN; 1 where there is none."""
    none = -np.inf if largest else np.inf
    filled = np.where(np.isnan(values), none, values)
    extreme = filled.max(axis=1) if largest else filled.min(axis=1)
    return np.asarray(np.where(np.isfinite(extreme), extreme, 1.0))


def _logistic(features: Samples) -> Samples:
    """Chance of each device's rate to be right; one feature after the other, always in order."""
    score = np.full(len(features), learned.OFFSET)
    for column, weight in zip(features.T, learned.WEIGHTS, strict=True):
        score += weight * column
    return np.asarray(1 / (1 + functions.exp(-score)))
