"""The heart rate in a displacement that is mostly breath: a matched filter over harmonics.

Overtones of a breath fall steeply; a heart beat is a short stroke whose second harmonic keeps
40 to 50 % of the first. So each candidate rate is judged by four harmonics, each weighed
against the noise at its place, and the overtones of the breath are part of that noise. Nothing is
subtracted.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.radar.demodulation import GRID_HZ, Chest
from services.dsp.core.radar.segments import hann, line_off
from services.dsp.core.windows import Floats, Samples

SEGMENT_S = 15
SIZE = 1024  # of the transform: bins of 1.5/min; the lobe of a Hann window of 15 s is 16/min wide
AVERAGED = 3  # segments, half overlapped: 30 s
SLOWEST_PER_MIN, FASTEST_PER_MIN, STEP_PER_MIN = 27.0, 218.0, 0.6
BINS = int(12.3 * SIZE / GRID_HZ)  # up to the highest harmonic looked at
SHAPE = (1.0, 0.5, 0.12, 0.04)  # amplitudes of the harmonics of a stroke of the chest
FLOOR_MM = 0.004
BREATH_SHARE, BREATH_LINES = 0.25, 8
LINE_HZ, LINE_SPREAD = 0.08, 0.05  # width of a Hann window; 5 % from breath to breath
AGES = (0, 1, 2, 3, 4)  # half segments ago
LEAST_S = 10  # of the newest segment
FADING = 0.59  # of the evidence in half a segment
APART_PER_MIN = 5.0
CALM_HZ = (0.6, 6.0)  # where somebody who stirs puts power, and a heart its first harmonics
TRUST = ((1, 3), (0.7, 1.0))  # in the evidence of few segments: noise draws peaks there too
MINUTE_S = 60


class Pulse(NamedTuple):
    """Of each device.

    Attributes
    ----------
    per_min : best rate, NaN where too little is clean
    margin : logarithm of how much better it is than any that is not near it
    evidence : how far its first three harmonics stand out in all that is clean of the window
    recent : the same in the newest 30 s
    """

    per_min: Samples
    margin: Samples
    evidence: Samples
    recent: Samples


def pulse(chest: Chest, breath_hz: Samples) -> Pulse:
    """The rate whose harmonics explain best what the breath does not."""
    power, clean = _segments(chest)
    n = power.shape[1]
    ago = [slice(n - age - AVERAGED, n - age) for age in AGES]
    means = np.stack([_mean(power[:, mine], clean[:, mine]) for mine in ago], axis=1)
    shares = [np.where(clean[:, n - age - 1], FADING**age, 0.0) for age in AGES]
    scores = _scores(means, breath_hz)
    total = np.zeros((len(power), len(rates())))
    for k, share in enumerate(shares):
        total += share[:, None] * scores[:, k]
    weight = np.sum(shares, axis=0)
    known = clean[:, -1]
    score = total / np.where(weight > 0, weight, 1.0)[:, None]
    at = np.argmax(score, axis=1)
    best = np.take_along_axis(score, at[:, None], axis=1)[:, 0]
    value = rates()[at]
    far = np.abs(rates()[None, :] - value[:, None]) > APART_PER_MIN
    margin = best - np.where(far, score, -np.inf).max(axis=1)
    evidence = _evidence(_calm(power, clean), value) * np.interp(clean.sum(axis=1), *TRUST)
    recent = _evidence(means[:, 0], value)
    return Pulse(
        np.where(known, value, np.nan),
        np.where(known, margin, 0.0),
        np.where(clean.any(axis=1), evidence, 0.0),
        np.where(clean[:, -AVERAGED:].any(axis=1), recent, 0.0),
    )


def _mean(power: Samples, clean: NDArray[np.bool_]) -> Samples:
    total = np.zeros(power[:, 0].shape, dtype=power.dtype)
    for k in range(power.shape[1]):
        total += np.where(clean[:, k, None], power[:, k], 0.0)
    return np.asarray(total / np.maximum(clean.sum(axis=1), 1).astype(power.dtype)[:, None])


def _calm(power: Samples, clean: NDArray[np.bool_]) -> Samples:
    """Mean of the clean segments, each weighed by how calm it is in the band of the heart."""
    low, high = (int(hz * SIZE / GRID_HZ) for hz in CALM_HZ)
    unrest = power[:, :, low:high].mean(axis=2)
    weight = np.where(clean, 1 / np.maximum(unrest, 1e-9), 0.0).astype(power.dtype)
    total = np.zeros(power[:, 0].shape, dtype=power.dtype)
    for k in range(power.shape[1]):
        total += weight[:, k, None] * power[:, k]
    sum_of = weight.sum(axis=1)
    return np.asarray(total / np.where(sum_of > 0, sum_of, 1.0)[:, None])


@cache
def rates() -> Floats:
    """The candidates, per minute."""
    return np.arange(SLOWEST_PER_MIN, FASTEST_PER_MIN, STEP_PER_MIN)


@cache
def _places() -> tuple[tuple[Samples, NDArray[np.intp], Samples], ...]:
    """Of each harmonic: weight at each candidate, bin below it, and how far beyond that bin."""
    found: list[tuple[Samples, NDArray[np.intp], Samples]] = []
    for k, weight in enumerate(SHAPE, start=1):
        place = k * rates() / MINUTE_S * (SIZE / GRID_HZ)
        inside = place < BINS
        low = np.where(inside, place, 0.0).astype(np.intp)
        part = np.where(inside, place - low, 0.0).astype(np.float32)
        found.append((np.where(inside, weight, 0.0).astype(np.float32), low, part))
    return tuple(found)


def _segments(chest: Chest) -> tuple[Samples, NDArray[np.bool_]]:
    """Spectra in mm^2 (a sine of amplitude A has A^2) of each segment, and which are clean.

    The newest segment may be shorter: it begins where the clean signal does.
    """
    length, n = SEGMENT_S * GRID_HZ, chest.mm.shape[1]
    starts = np.arange(0, n - length + 1, length // 2)
    parts = np.stack([chest.mm[:, start : start + length] for start in starts], axis=1)
    clean = np.stack([chest.clean[:, s : s + length].all(axis=1) for s in starts], axis=1)
    begin = np.maximum(chest.begin - starts[-1], 0)
    clean[:, -1] = begin <= length - LEAST_S * GRID_HZ
    inside = np.ones(parts.shape, dtype=np.bool_)
    inside[:, -1] = np.arange(length) >= begin[:, None]
    taper = np.broadcast_to(hann(length, np.zeros(1, dtype=np.intp)), parts.shape).copy()
    taper[:, -1] = hann(length, np.minimum(begin, length - 1))
    flat = line_off(parts.reshape(-1, length), inside.reshape(-1, length)).reshape(parts.shape)
    spectrum = np.fft.rfft(flat * taper, SIZE, axis=2)[:, :, : BINS + 2]
    power = spectrum.real**2 + spectrum.imag**2
    power *= (2 / taper.sum(axis=2)[:, :, None]) ** 2
    return power.astype(np.float32), clean


def _scores(means: Samples, breath_hz: Samples) -> Samples:
    """Logarithm of the matched filter of each candidate: (devices, ages, rates)."""
    noise = np.full(means.shape, FLOOR_MM**2, dtype=np.float32)
    f = np.arange(means.shape[2]) * (GRID_HZ / SIZE)
    rate = np.where(np.isfinite(breath_hz), breath_hz, 0.0)
    for k in range(1, BREATH_LINES + 1):
        width = LINE_HZ + LINE_SPREAD * k * rate
        apart = (f - k * rate[:, None]) / width[:, None]
        line = functions.exp((-0.5 * apart * apart).astype(np.float32))
        noise += (BREATH_SHARE * _at(means, k * rate))[:, :, None] * line[:, None, :]
    up = np.zeros((*means.shape[:2], len(rates())), dtype=np.float32)
    down = np.zeros(up.shape, dtype=np.float32)
    for weight, low, part in _places():
        harmonic = means[:, :, low] * (1 - part) + means[:, :, low + 1] * part
        beside = noise[:, :, low] * (1 - part) + noise[:, :, low + 1] * part
        up += weight * np.sqrt(harmonic) / beside
        down += weight * weight / beside
    return functions.log(up * up / down + 1e-12)


def _at(means: Samples, hz: Samples) -> Samples:
    """Power between two bins, each device at its own frequency: (devices, ages)."""
    place = np.minimum(hz * (SIZE / GRID_HZ), means.shape[2] - 2.0)
    low = place.astype(np.intp)
    pair = np.take_along_axis(means, np.stack((low, low + 1), axis=1)[:, None, :], axis=2)
    part = (place - low).astype(np.float32)[:, None]
    return np.asarray(pair[:, :, 0] * (1 - part) + pair[:, :, 1] * part)


def _evidence(power: Samples, per_min: Samples) -> Samples:
    """How far the first three harmonics stand out of what lies beside them."""
    f = np.arange(power.shape[1]) * (GRID_HZ / SIZE)
    told = np.zeros(len(power))
    for k, weight in ((1, 0.5), (2, 1.0), (3, 0.5)):
        apart = np.abs(f - k * per_min[:, None] / MINUTE_S)
        peak = np.where(apart <= 0.05, power, 0.0).max(axis=1)
        beside = np.median(np.sort(_beside(power, k * per_min / MINUTE_S), axis=1), axis=1)
        told += weight * functions.log(peak / np.maximum(beside, 1e-12) + 1e-12)
    return told


def _beside(power: Samples, hz: Samples) -> Samples:
    """Power from 0.15 to 0.45 Hz on both sides: (devices, bins)."""
    bins = GRID_HZ / SIZE
    offsets = np.arange(round(0.15 / bins), round(0.45 / bins))
    place = np.rint(hz / bins).astype(np.intp)[:, None] + np.concatenate((-offsets, offsets))
    return np.take_along_axis(power, np.clip(place, 0, power.shape[1] - 1), axis=1)
