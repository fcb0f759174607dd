"""Pulse rate over ten seconds, from the intervals between the steepest rises.

In a regular rhythm an interval of two or more periods is a pulse that was missed: it counts as so
many periods, so that it does not bias the rate. In an irregular one each interval counts as it is.
A jolt of the finger adds pulses and moves others: what it struck counts only where it is of one
period all the same, or in two parts that are one together.
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
# A jolt is what stands so much above the usual height of the light, or an interval whose pulses are
# so unlike the others. Heights from 1.3 on: early beats and weak pulses of people in bed are taken
# for jolts below 1.7, jolts for pulses above 2 (docs/science/ppg.md).
JOLT_HEIGHT = 1.8
HEIGHT_S = 0.8  # the highest in each such part: there is a pulse in it from 75 /min on
STRUCK_S = 0.3  # on both sides of an interval
LEAST_ALIKE = 0.6  # correlation with the median pulse
PART_OF_PERIOD = 0.8  # at most, of one that a jolt cut in two
SHAPE_BEFORE, SHAPE_AFTER = 10, 20  # of GRID_HZ: 0.2 s and 0.4 s about the steepest rise
ALIKE = 7  # of the features
CERTAINLY_MISSED = 3  # periods: no heart in this state, a loss of pulses


class PulseRate(NamedTuple):
    """Rate of each device and what speaks for it.

    Attributes
    ----------
    per_min : (devices,), NaN where there is none
    quality : (devices,), share of such rates within 5/min
    coverage : (devices,), share of the window that was seen
    alike : (devices,), correlation with their median that all but a quarter of the pulses have
    """

    per_min: Samples
    quality: Samples
    coverage: Samples
    alike: Samples


def pulse_rate(pulses: Pulses) -> PulseRate:
    """Rate of the hearts that sent these pulses, over RATE_S up to DELAY_S before the newest."""
    per_min, features = rate_and_features(pulses)
    chance = _logistic(features)
    usable = (pulses.coverage >= LEAST_COVERAGE) & np.isfinite(per_min) & (chance >= EVEN_ODDS)
    return PulseRate(
        np.where(usable, per_min, np.nan),
        np.where(usable, chance * pulses.coverage, 0.0),
        pulses.coverage,
        features[:, ALIKE],
    )


def rate_and_features(pulses: Pulses) -> tuple[Samples, Samples]:
    """Rate per minute, NaN with fewer than two intervals, and what its quality is judged by.

    Returns
    -------
    (devices,), (devices, 9): periodicity, spread of the intervals, logarithm of rate against
    period, strength of the weakest pulse, longest and shortest interval in medians, strongest
    pulse in medians, likeness of the pulses, spread of the most uneven interval
    """
    devices = len(pulses.period)
    # The filters hold DELAY back, so that the window ends so much before the newest sample.
    end = WINDOW_S * GRID_HZ + DELAY + (PULSE_DELAY_S - DELAY_S) * GRID_HZ
    inside = (pulses.place > end - RATE_S * GRID_HZ) & (pulses.place <= end)
    row, place, strength = pulses.row[inside], pulses.place[inside], pulses.strength[inside]
    likeness = _likeness(pulses, row, place)
    interval, is_struck = _intervals(pulses, row, place, likeness)
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
    is_part = is_struck & is_regular & _in_two(ratio)
    count = np.where(missed, periods, np.where(is_part, 0.5, 1.0))
    count[np.isnan(interval)] = np.nan
    counts = ~(is_struck & is_regular) | is_part | (is_whole & (periods == count))
    counts &= np.isfinite(interval)
    total = _row_sum(np.where(counts, interval, np.nan))
    counted = _row_sum(np.where(counts, count, np.nan))
    enough = counts.sum(axis=1) >= 2
    per_min = np.where(enough, 60 * GRID_HZ * counted / np.where(enough, total, 1.0), np.nan)
    apart_from_whole = np.abs(ratio / count - 1)
    spread, most_uneven = quantile(apart_from_whole, 0.75), quantile(apart_from_whole, 0.95)
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
            np.clip(present(quantile(_table(row, likeness, devices), 0.25)), 0, 1),
            np.clip(np.where(enough, most_uneven, 1.0), 0, 1),
        ),
        axis=1,
    )
    return np.asarray(per_min), features


def _intervals(
    pulses: Pulses, row: Rows, place: Samples, likeness: Samples
) -> tuple[Samples, NDArray[np.bool_]]:
    """Intervals of each device (devices, most), NaN behind the last, and which a jolt struck."""
    devices, length = pulses.light.shape
    at = np.rint(place + 0.5).astype(np.intp)
    same = row[1:] == row[:-1]
    whole = same & (pulses.holes[row[1:], at[1:]] == pulses.holes[row[1:], at[:-1]])
    owner, interval = row[1:][whole], np.diff(place)[whole]
    light = np.abs(pulses.light)
    parts = light.reshape(devices, -1, int(HEIGHT_S * GRID_HZ)).max(axis=2)
    usual = quantile(parts, 0.5)[:, None]
    jolts = np.cumsum(light > JOLT_HEIGHT * usual, axis=1)
    reach = int(STRUCK_S * GRID_HZ)
    begin = np.maximum(at[:-1][whole] - reach, 0)
    end = np.minimum(at[1:][whole] + reach, length - 1)
    struck = jolts[owner, end] > jolts[owner, begin]
    struck |= np.minimum(likeness[1:], likeness[:-1])[whole] < LEAST_ALIKE
    return (
        _table(owner, interval, devices),
        _table(owner, struck.astype(np.float64), devices) > 0,
    )


def _in_two(ratio: Samples) -> NDArray[np.bool_]:
    """Intervals (devices, most) that are a period together with the one beside them."""
    short = ratio < PART_OF_PERIOD
    first = np.zeros(ratio.shape, dtype=np.bool_)
    first[:, :-1] = short[:, :-1] & short[:, 1:]
    first[:, :-1] &= np.abs(ratio[:, :-1] + ratio[:, 1:] - 1) < NEAR_WHOLE
    first[:, 1:] &= ~first[:, :-1]
    both = first.copy()
    both[:, 1:] |= first[:, :-1]
    return both


def _table(row: Rows, values: Samples, devices: int) -> Samples:
    """Values of each device (devices, most), NaN behind the last; `row` is in order."""
    n = np.bincount(row, minlength=devices)
    table = np.full((devices, max(int(n.max(initial=0)), 1)), np.nan)
    table[row, np.arange(len(row)) - np.searchsorted(row, row, side="left")] = values
    return table


def _likeness(pulses: Pulses, row: Rows, place: Samples) -> Samples:
    """Correlation of each pulse with the median pulse of its device."""
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
    return np.asarray((shape * model).sum(axis=1) / np.sqrt(np.where(power > 0, power, 1.0)))


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
