"""How likely a pulse rate of somebody who moves is right: a logistic of six features.

The posterior alone does not know that a rate that stays may be that of an arm, nor that the light
has lost its pulse. So the light less motion is asked too: whether a line stands above what lies
beside it, second after second, and whether the wave on it keeps its shape, as pulses of one person
do and what is left of jolts does not. Chosen and learned on people who run, each left out
(docs/science/ppg.md; `tests/accuracy/train_motion_quality.py`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ppg.motion import Judged
from services.dsp.core.ppg.motion_quality_weights import OFFSET, WEIGHTS
from services.dsp.core.ppg.rate_track import FASTEST, SLOWEST, Track
from services.dsp.core.windows import Rows, Samples, present

NEAR = 4  # rates on each side: half a line of 8 s
LEAST_DOUBT = 1e-4  # of the posterior's mass
# Shares below these count as these: few windows had less, and a body quite still was in none.
LEAST_STRIDE, LEAST_CLEAR = 1e-3, 0.01
MOVING = slice(
    40, FASTEST + 201
)  # where motion is looked for: half of the slowest, twice the rates
MOST = 0.997  # of 1,000 windows that nothing spoke against three were wrong
MOST_LEAN = 5.0  # one spike in 8 s leans by 10
BESIDE = np.concatenate((np.arange(-30, -11), np.arange(12, 31)))  # /min; a line of 8 s has 15
FREED = 4.0  # times the power that the light shows: a jolt that took half of a pulse away
KEPT_S = 30
STRIDE_S, SHAPE_S, LEAST_S = 6, 8, 8
ABOVE, STRIDE, SHAPE_RE, SHAPE_IM, ALIKE = range(5)  # what is kept of a second, see `of_now`
KEPT = 5
# Noise in place of the light has a summit in each second, but none that stays, and two lights have
# nothing in common in it. So the mean of ABOVE over half a minute bounds all quality, that of
# QUICK_S seconds the quality of lights that are not alike: (at, share of the quality). One light
# scatters more, and its summits in noise are higher (docs/science/ppg.md tells what each leaves).
QUICK_S = 8
NOT_ALIKE = ((0.25, 0.5), (1.0, 0.0))


class Bounds(NamedTuple):
    """Mean of ABOVE, and the share of the quality that it leaves."""

    long: tuple[tuple[float, ...], tuple[float, ...]]
    quick: tuple[tuple[float, ...], tuple[float, ...]]


BOUNDS = (
    Bounds(((0.8, 1.0, 1.2), (0.0, 0.5, 1.0)), ((0.7, 1.0, 1.3), (0.0, 0.5, 1.0))),
    Bounds(((0.4, 0.6, 0.8), (0.0, 0.5, 1.0)), ((0.4, 0.7, 1.0), (0.0, 0.5, 1.0))),
)
# What is withheld keeps its order: the least share times the most quality is below the 0.3 from
# which a pulse rate is shown.
LEAST_SHARE = 0.28
_TINY = 1e-30


def of_now(track: Track, judged: Judged) -> Samples:
    """What is kept of this second: (devices, KEPT).

    How far the line at the rate stands above what lies beside it; motion at twice the rate; the
    shape of the wave as a direction (phase of the second harmonic against the first); how much two
    lights have in common, -1 to 1 (0 for one light: unknown).
    """
    k = _place(track)
    shape = _shape(judged, k)
    alike = _alike(judged) if judged.wave.shape[1] > 1 else np.zeros(len(k))
    return np.stack((_above(judged, k), _stride(judged, k), *shape, alike), axis=1)


def features(track: Track, judged: Judged, kept: Samples) -> Samples:
    """Of each device the six that speak for its rate or against it.

    Doubt of the posterior, motion at twice the rate, clearness of the light, steadiness of the
    wave's shape, least line of the last seconds, lean of the slopes.

    Parameters
    ----------
    kept : (devices, KEPT_S, KEPT), this second included
    """
    k = _place(track)
    near = np.clip(k[:, None] + np.arange(-NEAR, NEAR + 1), SLOWEST, FASTEST)
    bright = judged.light[:, :, SLOWEST : FASTEST + 1].sum(axis=2)
    here = np.take_along_axis(judged.light, near[:, None], axis=2).sum(axis=2)
    clear = (here / _not_0(bright)).max(axis=1)
    re, im = (_mean(kept[:, -SHAPE_S:, part]) for part in (SHAPE_RE, SHAPE_IM))
    return np.stack(
        (
            functions.log(1 - np.minimum(track.mass, 1.0) + LEAST_DOUBT),
            _mean(kept[:, -STRIDE_S:, STRIDE]),
            functions.log(np.maximum(clear, LEAST_CLEAR)),
            np.sqrt(re * re + im * im),
            np.nanmin(kept[:, -LEAST_S:, ABOVE], axis=1),
            np.minimum(np.abs(judged.lean), MOST_LEAN),
        ),
        axis=1,
    )


def quality(seen: Samples, kept: Samples, lights: int) -> Samples:
    """Share of such rates within 5/min of the heart's."""
    odds = np.full(len(seen), OFFSET)
    for place, weight in enumerate(WEIGHTS):
        odds += weight * seen[:, place]
    return np.minimum(1 / (1 + functions.exp(-odds)), MOST) * share(kept, lights)


def share(kept: Samples, lights: int) -> Samples:
    """Of the quality, what is left of it where no line stands out: 1 where one does."""
    bounds = BOUNDS[min(lights, len(BOUNDS)) - 1]
    long = np.interp(_mean(kept[:, :, ABOVE]), *bounds.long)
    quick = np.interp(_mean(kept[:, -QUICK_S:, ABOVE]), *bounds.quick)
    unlike = np.interp(_mean(kept[:, -QUICK_S:, ALIKE]), *NOT_ALIKE)
    left = np.minimum(long, 1 - unlike * (1 - quick))
    return np.asarray(LEAST_SHARE + (1 - LEAST_SHARE) * left)


def _place(track: Track) -> Rows:
    return np.clip(np.rint(track.per_min).astype(np.intp), SLOWEST, FASTEST)


def _stride(judged: Judged, k: Rows) -> Samples:
    """Logarithm of the share of the motion that is at twice the rate."""
    twice = 2 * k[:, None] + np.arange(-NEAR - 2, NEAR + 3)
    twice = np.clip(twice, 0, judged.jolt.shape[1] - 1)
    moving = judged.jolt[:, MOVING].sum(axis=1)
    stride = np.take_along_axis(judged.jolt, twice, axis=1).sum(axis=1) / _not_0(moving)
    return functions.log(np.maximum(stride, LEAST_STRIDE))


def _above(judged: Judged, k: Rows) -> Samples:
    """Logarithm of the power near the rate over that beside it, the mean of the lights.

    As much is looked at below as above, so that the slope of a spectrum does not count.
    """
    lights = judged.rest.shape[1]

    def mean(power: Samples, at: NDArray[np.intp]) -> Samples:
        place = np.repeat((k[:, None] + at)[:, None], lights, axis=1)
        return np.asarray(np.take_along_axis(power, place, axis=2).sum(axis=2) / len(at) + _TINY)

    # What the removal of motion put into a light that has nothing there is no line of it.
    own = np.minimum(judged.rest, FREED * judged.light)
    line = mean(own, np.arange(-NEAR, NEAR + 1))
    return np.asarray(functions.log(line / mean(judged.rest, BESIDE)).sum(axis=1) / lights)


def _shape(judged: Judged, k: Rows) -> tuple[Samples, Samples]:
    """Direction of the first harmonic squared times the second's conjugate, lights summed.

    It does not depend on when a pulse began; (0, 0) where there is nothing.
    """
    re, im = judged.wave.real, judged.wave.imag
    power = re * re + im * im
    near = k[:, None] + np.arange(-NEAR, NEAR + 1)
    all_lights = power[:, 0] if power.shape[1] == 1 else power[:, 0] + power[:, 1]
    top = np.take_along_axis(all_lights, near, axis=1).argmax(axis=1)
    first = (k - NEAR + top)[:, None, None]
    place = np.broadcast_to(first, (len(k), power.shape[1], 1))
    a, b, c, d = (
        np.take_along_axis(part, times * place, axis=2)[..., 0]
        for times in (1, 2)
        for part in (re, im)
    )
    square_re, square_im = a * a - b * b, 2 * a * b
    along = (square_re * c + square_im * d).sum(axis=1)
    across = (square_im * c - square_re * d).sum(axis=1)
    size = _not_0(np.sqrt(along * along + across * across))
    return np.asarray(along / size), np.asarray(across / size)


def _alike(judged: Judged) -> Samples:
    """Correlation of the first two lights in the band of the rates."""
    one, other = (judged.wave[:, light, SLOWEST : FASTEST + 1] for light in (0, 1))
    common = (one.real * other.real + one.imag * other.imag).sum(axis=1)
    power = [(each.real * each.real + each.imag * each.imag).sum(axis=1) for each in (one, other)]
    size = np.sqrt(power[0]) * np.sqrt(power[1])
    return np.asarray(np.clip(common / _not_0(size), -1.0, 1.0))


def _mean(values: Samples) -> Samples:
    """Of each row (devices, seconds), NaN left out; 0 without any."""
    seen = np.isfinite(values).sum(axis=1)
    return np.asarray(present(values).sum(axis=1) / np.maximum(seen, 1))


def _not_0(values: Samples) -> Samples:
    return np.where(values > 0, values, 1.0)
