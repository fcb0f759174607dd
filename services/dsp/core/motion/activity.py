"""How much a body moves, from one accelerometer: its mean amplitude deviation over five seconds.

The mean distance of the size of the acceleration from its own mean: no gravity is taken off, so
neither the offset of a sensor nor its direction matters. At the trunk it also tells how hard the
work is. Samples at the end of the sensor's range say too little: they count as missing. Nothing
is told of a sensor that holds one value, nor of one that feels no gravity.

References
----------
Vähä-Ypyä et al. 2015, Clin Physiol Funct Imaging 35:64 (the measure), and PLoS ONE 10:e0134813
(limits at the hip from oxygen uptake of 29 walkers and runners: 3 and 6 metabolic equivalents); the
limit of stillness, 1.5 equivalents: the same group 2018, Scand J Med Sci Sports 28:1092.
"""

from dataclasses import dataclass

import numpy as np

from services.dsp.core.conditioning.limits import at_limits
from services.dsp.core.motion import alive
from services.dsp.core.motion.wearing import possible
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Floats, Instants, Samples, present, second_of
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

N_CHANNELS = 3
WINDOW_S = 5
MEMORY_S = WINDOW_S
STILL, LIGHT, MODERATE, VIGOROUS = 1, 2, 3, 4  # values of the measure ``effort``
LIMITS_G = (0.0225, 0.091, 0.414)
QUALITY = 0.9  # the definition is all there is to be right about
# A rule, not a calibration: adults who walk or run are judged well by these limits (the paper);
# frail people do more work for the same movement.
EFFORT_QUALITY = 0.75
LEAST_SEEN = 0.8  # of the window


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityState:
    """The acceleration over the last WINDOW_S: (devices, 3, n)."""

    window: Samples


def init(devices: int, rate_hz: int) -> ActivityState:
    """Nothing seen yet."""
    return ActivityState(window=np.full((devices, N_CHANNELS, WINDOW_S * rate_hz), np.nan))


def step(
    state: ActivityState, samples: Samples, times: Instants, *, is_trunk: bool
) -> tuple[ActivityState, Output]:
    """Take one second of (devices, 3, rate_hz) in g; tell of each WINDOW_S of UTC at its end."""
    rate_hz = samples.shape[2]
    window = np.concatenate((state.window[:, :, rate_hz:], possible(samples)), axis=2)
    deviation, coverage = np.zeros(len(samples)), np.zeros(len(samples))
    rows = np.flatnonzero((second_of(times) + 1) % WINDOW_S == 0)
    if len(rows):
        deviation[rows], coverage[rows] = _deviation(window[rows])
    told = coverage >= LEAST_SEEN
    amount = np.where(told, deviation, np.nan)
    readings = [
        Reading(
            Measure.ACTIVITY, Method.MOTION_MAGNITUDE, amount,
            np.where(told, QUALITY * coverage, 0.0), coverage,
        )
    ]  # fmt: skip
    if is_trunk:
        effort = np.where(told, STILL + np.searchsorted(LIMITS_G, deviation, side="right"), np.nan)
        quality = np.where(told, EFFORT_QUALITY * coverage, 0.0)
        readings.append(Reading(Measure.EFFORT, Method.MOTION_MAGNITUDE, effort, quality, coverage))
    return ActivityState(window=window), Output(tuple(readings))


def _deviation(window: Samples) -> tuple[Floats, Floats]:
    """Of windows (rows, 3, n), and the share of them that tells it."""
    size = np.sqrt((window * window).sum(axis=1))
    seen = np.isfinite(size)
    n = np.maximum(seen.sum(axis=1), 1)
    middle = present(size).sum(axis=1) / n
    deviation = np.where(seen, np.abs(size - middle[:, None]), 0.0).sum(axis=1) / n
    good = (seen & ~at_limits(window).any(axis=1)).mean(axis=1)
    is_body = ~alive.is_held(window) & alive.is_weight(middle)
    return np.asarray(deviation, np.float64), np.where(is_body, good, 0.0)
