"""How likely a pulse rate of somebody who moves is right: a logistic of three features.

The posterior alone does not know that a rate that stays may be that of an arm. Three things speak:
how much of the posterior lies near the answer; whether the acceleration has its power at twice the
answer (an arm swings once in two steps, so such a rate may be its own); and whether one light shows
a clear line there. Chosen by leave-one-record-out inside of leave-one-record-out
(docs/science/ppg.md), learned by `tests/accuracy/train_motion_quality.py`.
"""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ppg.motion import Judged
from services.dsp.core.ppg.motion_quality_weights import OFFSET, WEIGHTS
from services.dsp.core.ppg.rate_track import FASTEST, SLOWEST, Track
from services.dsp.core.windows import Samples, present

NEAR = 4  # rates on each side: half a line of 8 s
LEAST_DOUBT = 1e-4  # of the posterior's mass
# Shares below these count as these: few windows had less, and a body quite still was in none.
LEAST_STRIDE, LEAST_CLEAR = 1e-3, 0.01
MOVING = slice(
    40, FASTEST + 201
)  # where motion is looked for: half of the slowest, twice the rates
# No more is said than the posterior's own share of right rates in the recordings, up to 0.95 of
# mass: noise that no heart made has wide posteriors, and no arm in it that speaks against them.
MASSES = ((0.4, 0.55, 0.65, 0.75, 0.85, 0.95), (0.0, 0.25, 0.42, 0.58, 0.73, 1.0))
MOST = 0.997  # of 1,000 windows that nothing spoke against three were wrong
# How far the line at the told rate stands above what lies beside it, in the light less motion: the
# mean logarithm of `ABOVE_S` seconds, each at the rate of its own. One second in noise has a summit
# at its rate, half a minute at rates that wander has none. By the number of lights: one alone
# scatters more, and its summits in noise are higher (docs/science/ppg.md tells what each leaves).
BESIDE = np.concatenate((np.arange(-30, -11), np.arange(12, 31)))  # /min; a line of 8 s has 15
ABOVE_S = 30
ABOVE = (((0.8, 1.0, 1.2), (0.0, 0.5, 1.0)), ((0.4, 0.6, 0.8), (0.0, 0.5, 1.0)))
_TINY = 1e-30


def features(track: Track, judged: Judged) -> Samples:
    """(devices, 3): doubt of the posterior, motion at twice the rate, clearness of the light."""
    k = np.clip(np.rint(track.per_min).astype(np.intp), SLOWEST, FASTEST)[:, None]
    near = np.clip(k + np.arange(-NEAR, NEAR + 1), SLOWEST, FASTEST)
    twice = np.clip(2 * k + np.arange(-NEAR - 2, NEAR + 3), 0, judged.jolt.shape[1] - 1)
    moving = judged.jolt[:, MOVING].sum(axis=1)
    stride = np.take_along_axis(judged.jolt, twice, axis=1).sum(axis=1) / _not_0(moving)
    bright = judged.light[:, :, SLOWEST : FASTEST + 1].sum(axis=2)
    here = np.take_along_axis(judged.light, near[:, None], axis=2).sum(axis=2)
    clear = (here / _not_0(bright)).max(axis=1)
    return np.stack(
        (
            functions.log(1 - track.mass + LEAST_DOUBT),
            functions.log(np.maximum(stride, LEAST_STRIDE)),
            functions.log(np.maximum(clear, LEAST_CLEAR)),
        ),
        axis=1,
    )


def chance(seen: Samples, mass: Samples) -> Samples:
    """Share of such rates within 5/min of the heart's; `mass` of the posterior near the answer."""
    odds = np.full(len(seen), OFFSET)
    for place, weight in enumerate(WEIGHTS):
        odds += weight * seen[:, place]
    known = np.minimum(np.interp(mass, *MASSES), MOST)
    return np.minimum(1 / (1 + functions.exp(-odds)), known)


def above_beside(track: Track, judged: Judged) -> Samples:
    """Logarithm of the power near the rate over that beside it, the mean of the lights: (devices,).

    As much is looked at below as above, so that the slope of a spectrum does not count.
    """
    k = np.clip(np.rint(track.per_min).astype(np.intp), SLOWEST, FASTEST)[:, None]
    lights = judged.rest.shape[1]

    def mean(at: NDArray[np.intp]) -> Samples:
        place = np.repeat((k + at)[:, None], lights, axis=1)
        power = np.take_along_axis(judged.rest, place, axis=2)
        return np.asarray(power.sum(axis=2) / len(at) + _TINY)

    near = mean(np.arange(-NEAR, NEAR + 1))
    return np.asarray(functions.log(near / mean(BESIDE)).sum(axis=1) / lights)


def bounded(quality: Samples, above: Samples, lights: int) -> Samples:
    """No more than what a line that stood above its neighbours for so long allows.

    Parameters
    ----------
    above : (devices, ABOVE_S), NaN where there was no rate
    """
    seen = np.isfinite(above)
    mean = present(above).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    at, most = ABOVE[min(lights, len(ABOVE)) - 1]
    return np.asarray(np.minimum(quality, np.interp(mean, at, most)))


def _not_0(values: Samples) -> Samples:
    return np.where(values > 0, values, 1.0)
