"""Oxygen saturation and perfusion index from red and infrared light.

References
----------
Ratio of ratios: Tremper and Barker 1989, Anesthesiology 70:98. The ratio of the two pulsations is
found by total least squares on differences 40 ms apart, not by two separate amplitudes: what
both channels do not share (noise) then does not count, and drift does not enter.
Calibration ``maxim_quadratic``: the curve of the MAX3010x application notes.
Perfusion index: Lima et al. 2002, Crit Care Med 30:1210. Departs from it: the pulsatile part is the
5-95 % span, because one motion spike decides peak to peak.
"""

from typing import NamedTuple

import numpy as np

from services.dsp.core.ppg.pulsation import GRID_HZ
from services.dsp.core.windows import Samples

RED, INFRARED = 0, 1
WINDOW_S = 8
APART = 2  # grid samples, 40 ms
LEAST_COVERAGE = 0.2  # 1.6 s: more than one pulse
MAXIM_QUADRATIC = (-45.060, 30.354, 94.845)
LOWEST_PERCENT, HIGHEST_PERCENT = 40.0, 100.0
RATIO_RANGE = (0.2, 2.2)  # outside no tissue gives such a ratio


class Saturation(NamedTuple):
    """Saturation, perfusion index (both percent, NaN where there is none) and what speaks for it.

    Attributes
    ----------
    agreement : (devices,), squared correlation of the two pulsations
    coverage : (devices,), share of the window that was seen
    """

    spo2: Samples
    perfusion: Samples
    agreement: Samples
    coverage: Samples


def saturation(pulse: Samples, light: Samples) -> Saturation:
    """From (devices, 2, n) pulsation and smoothed light of red and infrared, dark light off."""
    change = light[:, :, APART:] - light[:, :, :-APART]
    seen = np.isfinite(change[:, RED]) & np.isfinite(change[:, INFRARED])
    n = seen.sum(axis=1)
    coverage = n / (WINDOW_S * GRID_HZ)
    red, infrared = np.where(seen, change[:, RED], 0), np.where(seen, change[:, INFRARED], 0)
    red_2, infrared_2 = (red**2).sum(axis=1), (infrared**2).sum(axis=1)
    both = (red * infrared).sum(axis=1)
    light_seen = np.where(seen[:, None], light[:, :, APART:], 0)
    mean = light_seen.sum(axis=2) / np.maximum(n, 1)[:, None]
    usable = (
        (coverage >= LEAST_COVERAGE) & (mean[:, RED] > 0) & (mean[:, INFRARED] > 0) & (red_2 > 0)
    )
    usable &= (infrared_2 > 0) & (both > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Each channel by its mean light, so that both noises weigh alike in the fit.
        a, b = red_2 / mean[:, 0] ** 2, infrared_2 / mean[:, 1] ** 2
        c = both / (mean[:, 0] * mean[:, 1])
        ratio = (a - b + np.sqrt((a - b) ** 2 + 4 * c**2)) / (2 * c)
        agreement = both**2 / (red_2 * infrared_2)
    inside = usable & (ratio > RATIO_RANGE[0]) & (ratio < RATIO_RANGE[1])
    second, first, constant = MAXIM_QUADRATIC
    percent = second * ratio**2 + first * ratio + constant
    spo2 = np.where(inside & (percent >= LOWEST_PERCENT), np.minimum(percent, 100.0), np.nan)
    perfusion = _perfusion(pulse[:, 1], mean[:, 1])
    return Saturation(
        np.asarray(spo2),
        np.where(usable, perfusion, np.nan),
        np.where(usable, agreement, 0.0),
        coverage,
    )


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
