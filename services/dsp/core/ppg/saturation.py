"""Oxygen saturation and perfusion index from red and infrared light.

References
----------
Ratio of ratios: Tremper and Barker 1989, Anesthesiology 70:98. The ratio of the two pulsations is
found by total least squares on differences 40 ms apart, not by two separate amplitudes: what
both channels do not share (noise) then does not count, and drift does not enter. It is found in
each second of light, a fifth of a second apart, and the median is taken, each with the pulsation
in it as weight: one jolt does not count. The way of two amplitudes stands beside it by name.
Perfusion index: Lima et al. 2002, Crit Care Med 30:1210. Departs from it: the pulsatile part is the
5-95 % span, because one motion spike decides peak to peak.
"""

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ppg.calibrations import percent_by
from services.dsp.core.ppg.pulsation import GRID_HZ
from services.dsp.core.windows import Samples

RED, INFRARED = 0, 1
WINDOW_S = 8
APART = 2  # grid samples, 40 ms
PART = GRID_HZ  # 1 s: about a pulse
PART_STEP = GRID_HZ // 5  # 0.1 to 0.5 s: refitted A_rms 3.00 to 3.11 % (docs/science/ppg.md)
LEAST_PART = 0.8  # of a part that must be seen
LEAST_COVERAGE = 0.2  # 1.6 s: more than one pulse
LOWEST_PERCENT = 40.0
RATIO_RANGE = (0.2, 2.2)  # outside no tissue gives such a ratio


class RatioBy(StrEnum):
    """How the two pulsations are compared."""

    LEAST_SQUARES = "least_squares"
    ROOT_MEAN_SQUARE = "root_mean_square"


class Saturation(NamedTuple):
    """Saturation, perfusion index (both percent, NaN where there is none) and what speaks for it.

    Attributes
    ----------
    ratio : (devices,), ratio of ratios, NaN where there is none
    agreement : (devices,), squared correlation of the two pulsations
    coverage : (devices,), share of the window that was seen
    """

    spo2: Samples
    perfusion: Samples
    ratio: Samples
    agreement: Samples
    coverage: Samples


def saturation(
    pulse: Samples,
    light: Samples,
    *,
    curve: NDArray[np.intp],
    by: RatioBy = RatioBy.LEAST_SQUARES,
) -> Saturation:
    """From (devices, 2, n) pulsation and smoothed light of red and infrared, dark light off.

    Parameters
    ----------
    curve : (devices,), place of each device's curve in `CURVES`
    """
    change = light[:, :, APART:] - light[:, :, :-APART]
    seen = np.isfinite(change[:, RED]) & np.isfinite(change[:, INFRARED])
    n = seen.sum(axis=1)
    coverage = n / (WINDOW_S * GRID_HZ)
    light_seen = np.where(seen[:, None], light[:, :, APART:], 0)
    mean = light_seen.sum(axis=2) / np.maximum(n, 1)[:, None]
    lit = (mean > 0).all(axis=1)
    # Each channel by its mean light, so that both noises weigh alike in the fit.
    change = np.where(seen[:, None], change, 0) / np.where(lit[:, None], mean, 1.0)[:, :, None]
    red, infrared = change[:, RED], change[:, INFRARED]
    red_2, infrared_2 = (red**2).sum(axis=1), (infrared**2).sum(axis=1)
    both = (red * infrared).sum(axis=1)
    usable = lit & (coverage >= LEAST_COVERAGE) & (red_2 > 0) & (infrared_2 > 0) & (both > 0)
    if by is RatioBy.ROOT_MEAN_SQUARE:
        ratio = np.sqrt(red_2 / np.where(usable, infrared_2, 1.0))
    else:
        ratio = _median_ratio(red, infrared, seen)
    with np.errstate(invalid="ignore"):
        usable &= (ratio > RATIO_RANGE[0]) & (ratio < RATIO_RANGE[1])
    ratio = np.where(usable, ratio, np.nan)
    percent = percent_by(curve, ratio)
    known = np.where(percent >= LOWEST_PERCENT, np.minimum(percent, 100.0), np.nan)
    strength = np.where(usable, red_2 * infrared_2, 1.0)
    return Saturation(
        np.asarray(known),
        np.where(usable, _perfusion(pulse[:, INFRARED], mean[:, INFRARED]), np.nan),
        ratio,
        np.where(usable, both**2 / strength, 0.0),
        coverage,
    )


def _median_ratio(red: Samples, infrared: Samples, seen: NDArray[np.bool_]) -> Samples:
    """Median of the ratios in each part of the window, by infrared pulsation; NaN without one."""
    last = red.shape[1] - PART
    start = np.arange(last % PART_STEP, last + 1, PART_STEP)
    place = start[:, None] + np.arange(PART)
    # `take` lays parts out one after the other: their sums do not depend on the other devices.
    red, infrared = np.take(red, place, axis=1), np.take(infrared, place, axis=1)
    a, b = (red * red).sum(axis=2), (infrared * infrared).sum(axis=2)
    c = (red * infrared).sum(axis=2)
    usable = (seen[:, place].sum(axis=2) >= LEAST_PART * PART) & (c > 0)
    apart = a - b
    ratio = (apart + np.sqrt(apart * apart + 4 * c * c)) / (2 * np.where(usable, c, 1.0))
    order = np.argsort(np.where(usable, ratio, np.inf), axis=1, kind="stable")
    weight = np.take_along_axis(np.where(usable, b, 0.0), order, axis=1)
    total = np.cumsum(weight, axis=1)
    at = np.argmax(total >= 0.5 * total[:, -1:], axis=1)
    rows = np.arange(len(red))
    found = total[:, -1] > 0
    return np.asarray(np.where(found, ratio[rows, order[rows, at]], np.nan))


def _perfusion(pulse: Samples, mean: Samples) -> Samples:
    """5-95 % span of the pulsation in percent of the light."""
    ordered = np.sort(pulse, axis=1)  # NaN last
    n = np.isfinite(pulse).sum(axis=1)
    rows = np.arange(len(pulse))
    low, high = (
        ordered[rows, np.clip((share * (n - 1)).astype(np.intp), 0, None)] for share in (0.05, 0.95)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100 * (high - low) / mean)
