"""How likely each pulse rate is, from light and acceleration of the same few seconds.

References
----------
Zhang, Pi and Liu 2015, IEEE TBME 62:522 (the task; TROIKA); Temko 2017, IEEE TBME 64:2016 (WFPV:
Wiener filter on spectra). Departs from them: what the acceleration explains is taken off in time by
least squares before the Wiener filter; each light, and what two lights have in common, is a witness
of its own, and their logarithms are added; spectra are whitened; every rate is judged, none is
chosen here.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ppg.rate_track import RATES
from services.dsp.core.windows import Floats, Samples, present

Spectrum = NDArray[np.complex128]

GRID_HZ = 25
WINDOW_S = 8
CONTEXTS_S = (8, 20)  # the least squares rest on so much; tried: 8, 14, 20, 30 and mixtures
LAGS = (-6, -4, -2, 0, 2, 4, 6)  # of GRID_HZ, 0.24 s each way: light may lead and follow a jolt
LAG = max(LAGS)
SPAN = max(CONTEXTS_S) * GRID_HZ
RIDGE = 0.3  # of the power of the acceleration: it takes off what it explains well
TRANSFORM = 60 * GRID_HZ  # points: one a rate of one per minute
AFTER_REMOVAL = 0.8  # weight of the light less motion; the rest is of the light as it came
WHITENING = 1.0  # exponent: wander of light and slow motion fall like 1/f in power
SECOND_HARMONIC = 0.3  # of a pulse; more takes half of the rate for the rate
HALF_RATE = 0.3  # what is the second harmonic of a slower pulse is no pulse
LEAST_LIKELY = 0.05  # of the likeliest: no single second rules a rate out
TRUST = 0.5  # of a second; seconds overlap by 7/8
LEAST_COVERAGE = 0.6
SHOWN = 2 * int(RATES[-1]) + 20  # rates of a spectrum that quality looks at: the double ones too

_TINY = 1e-30
_WINDOW = np.sqrt(np.hanning(WINDOW_S * GRID_HZ + 2)[1:-1])  # narrower lines than Hann's own
_FIRST, _LAST = int(RATES[0]), int(RATES[-1])
_SPECTRUM = slice(_FIRST, _LAST + 1)
_SECOND = slice(2 * _FIRST, 2 * _LAST + 1, 2)
_HALF_DOWN = np.arange(_FIRST, _LAST + 1) // 2
_HALF_UP = np.arange(_FIRST + 1, _LAST + 2) // 2
_HAS_HALF = RATES >= 2 * _FIRST
_WHITEN = (np.maximum(np.arange(TRANSFORM // 2 + 1), 1) / 100.0) ** WHITENING


class Judged(NamedTuple):
    """What a second says.

    Attributes
    ----------
    likelihood : (devices, rates), 1 for the likeliest of `RATES`; flat: nothing known
    light : (devices, lights, SHOWN), power of each light as it came by rate, from 0 on; 0: unseen
    jolt : (devices, SHOWN), the same of the acceleration
    rest : (devices, lights, SHOWN), of each light less what the acceleration explains
    wave : (devices, lights, SHOWN), its spectrum, not whitened
    lean : (devices,), skewness of its slopes, mean of the lights: 0 where flanks are alike
    """

    likelihood: Samples
    light: Samples
    jolt: Samples
    rest: Samples
    wave: Spectrum
    lean: Samples


def judge(light: Samples, motion: Samples) -> Judged:
    """Judge each rate for each device by the last seconds.

    Parameters
    ----------
    light : (devices, channels, SPAN), pulsation, NaN where missing; one or two channels
    motion : (devices, 3, SPAN + 2 * LAG), acceleration without its slow part, any unit, NaN where
        missing; it begins LAG before the light and ends LAG after it
    """
    window = WINDOW_S * GRID_HZ
    seen = whole(light, motion)
    covered = seen[:, -window:].sum(axis=1) >= LEAST_COVERAGE * window
    found = Judged(
        np.ones((len(light), len(RATES))),
        np.zeros((*light.shape[:2], SHOWN)),
        np.zeros((len(light), SHOWN)),
        np.zeros((*light.shape[:2], SHOWN)),
        np.zeros((*light.shape[:2], SHOWN), dtype=np.complex128),
        np.zeros(len(light)),
    )
    if covered.any():
        parts = _judged(light[covered], motion[covered], seen[covered])
        for whole_of, part in zip(found, parts, strict=True):
            whole_of[covered] = part
    return found


def _judged(light: Samples, motion: Samples, seen: NDArray[np.bool_]) -> Judged:
    window = WINDOW_S * GRID_HZ
    bright = np.where(seen[:, None], np.asarray(light, np.float64), 0.0)
    moved = np.asarray(present(motion), np.float64)
    as_it_came = _transform(bright[:, :, -window:])
    moving = _power(_transform(moved[:, :, LAG:-LAG][:, :, -window:])).sum(axis=1)
    jolt = _scaled(moving)
    total = np.zeros((len(light), len(RATES)))
    rest, left = as_it_came, bright
    for context_s in CONTEXTS_S:
        left = _unexplained(bright, moved, seen, context_s * GRID_HZ)[:, :, -window:]
        rest = _transform(left)
        total += _evidence(rest, as_it_came, jolt[:, None])
    top = total.max(axis=1, keepdims=True)
    return Judged(
        np.asarray(functions.exp(TRUST / len(CONTEXTS_S) * (total - top))),
        _power(as_it_came)[..., :SHOWN],
        moving[:, :SHOWN],
        _power(rest)[..., :SHOWN],
        rest[..., :SHOWN],
        _lean(left),
    )


def _lean(light: Floats) -> Floats:
    slope = np.diff(light, axis=2)
    square = slope * slope
    size = square.sum(axis=2) / slope.shape[2]
    third = (square * slope).sum(axis=2) / slope.shape[2]
    lean = third / np.where(size > _TINY, size * np.sqrt(size), 1.0)
    return np.asarray(lean.sum(axis=1) / lean.shape[1])


def whole(light: Samples, motion: Samples) -> NDArray[np.bool_]:
    """Moments (devices, SPAN) of which all channels are known."""
    known = np.concatenate((light, motion[:, :, LAG:-LAG]), axis=1)
    return np.asarray(np.isfinite(known).all(axis=1))


def _unexplained(light: Floats, motion: Floats, seen: NDArray[np.bool_], n: int) -> Floats:
    """The last `n` samples of light less the best sum of shifted accelerations."""
    length = motion.shape[2] - 2 * LAG
    shifted = [motion[:, :, length + LAG + lag - n : length + LAG + lag] for lag in LAGS]
    causes = np.concatenate(shifted, axis=1) * seen[:, None, -n:]
    effect = light[:, :, -n:]
    gram = causes @ causes.transpose(0, 2, 1)
    power = np.trace(gram, axis1=1, axis2=2) / gram.shape[1]
    ridge = np.where(power > 0, RIDGE * power, 1.0)
    gram += ridge[:, None, None] * np.eye(gram.shape[1])
    # One small system a device: its bits do not depend on the devices beside it.
    weights = np.linalg.solve(gram, causes @ effect.transpose(0, 2, 1))
    return np.asarray(effect - weights.transpose(0, 2, 1) @ causes)


def _evidence(rest: Spectrum, as_it_came: Spectrum, jolt: Floats) -> Floats:
    """Logarithm of likelihood, up to a constant: (devices, rates)."""
    clean, raw = _witnesses(rest), _witnesses(as_it_came)
    score = AFTER_REMOVAL * _where_still(clean, jolt)
    score += (1 - AFTER_REMOVAL) * _where_still(raw, jolt)
    pulse = score[..., _SPECTRUM] + SECOND_HARMONIC * score[..., _SECOND]
    half = 0.5 * (score[..., _HALF_DOWN] + score[..., _HALF_UP])
    pulse = np.maximum(pulse - HALF_RATE * _HAS_HALF * half, 0.0)
    top = pulse.max(axis=2, keepdims=True)
    heard = top[..., 0] > 0
    pulse /= np.where(heard[..., None], top, 1.0)
    # A witness with one clear summit says more than one with many.
    clear = np.where(heard, pulse.shape[2] / np.maximum(pulse.sum(axis=2), _TINY), 0.0)
    all_clear = clear.sum(axis=1, keepdims=True)
    weight = clear / np.where(all_clear > 0, all_clear, 1.0)
    return np.asarray((weight[..., None] * functions.log(pulse + LEAST_LIKELY)).sum(axis=1))


def _witnesses(spectrum: Spectrum) -> Floats:
    """Power of each light and, of two, what they have in common in phase: each scaled."""
    power = _power(spectrum)
    own = _scaled(power)
    if spectrum.shape[1] < 2:
        return own
    first, second = spectrum[:, 0], spectrum[:, 1]
    both = np.maximum(first.real * second.real + first.imag * second.imag, 0.0) * _WHITEN
    sums = power[:, :2, _SPECTRUM].sum(axis=2)
    size = np.sqrt(sums[:, 0] * sums[:, 1])[:, None]
    return np.concatenate((own, (both / np.where(size > 0, size, 1.0))[:, None]), axis=1)


def _where_still(light: Floats, jolt: Floats) -> Floats:
    """Wiener: what stands where the acceleration has power counts less."""
    return np.asarray(light * light / (light + jolt + _TINY))


def _transform(values: Floats) -> Spectrum:
    return np.asarray(np.fft.rfft(values * _WINDOW, TRANSFORM, axis=2))


def _power(spectrum: Spectrum) -> Floats:
    return np.asarray((spectrum.real**2 + spectrum.imag**2) * _WHITEN)


def _scaled(power: Floats) -> Floats:
    """To a sum of one over the rates."""
    total = power[..., _SPECTRUM].sum(axis=-1, keepdims=True)
    return np.asarray(power / np.where(total > 0, total, 1.0))
