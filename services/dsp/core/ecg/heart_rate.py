"""Beats, the heart rate over the last ten seconds, and what disturbs the ECG."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import beats, inputs, noise
from services.dsp.core.ecg import rate_quality_weights as weights
from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.ecg.beats import KEPT_S, MAX_RR_US, SECOND_US, SEEN_AHEAD, BeatsState
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Instants, Samples, present
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

WINDOW_S = 10
LEAST_INTERVALS = 2  # as the reference: three beats
LEAST_COVERAGE = 0.5
FEATURES = ("doubt", *beats.SEEN, "between", "between_30")
LEAST_DOUBT = 1e-3  # wrong verdicts expected in a window: fewer say nothing more


class _Counted(NamedTuple):
    n: NDArray[np.integer[Any]]
    total_us: Instants
    open_us: Instants


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartState:
    """Beats of late, and the noise about them."""

    beats: BeatsState
    noise: noise.NoiseState


def init(devices: int, rate_hz: int, n_leads: int = 1) -> HeartState:
    """Nothing seen yet."""
    return HeartState(
        beats=beats.init(devices, rate_hz, n_leads), noise=noise.init(devices, n_leads)
    )


def step(
    state: HeartState, samples: Samples, times: Instants, window_s: int = WINDOW_S
) -> tuple[HeartState, Output]:
    """Take one second; give its beats and the rate of the ten seconds before them.

    Parameters
    ----------
    samples : (devices, rate_hz) or (devices, 2, rate_hz), any linear unit, NaN where missing
    times : (devices,), us UTC of the first of them

    Returns
    -------
    state, and beats and heart rate one second behind the end of `samples`, and kinds of noise that
    begin or end. The quality of the rate is about the share of such rates that lie within 5/min of
    the truth, times the coverage; the better the signal, the higher.
    """
    rows = inputs.cleaned(samples.reshape(-1, samples.shape[-1]))
    changed, found = beats.step(state.beats, rows.samples.reshape(samples.shape), times)
    heard, noises = noise.step(state.noise, changed.candidates, rows, times)
    after = HeartState(beats=changed, noise=heard)
    return after, Output((heart_rate(after, times, window_s),), found, tuple(noises))


def heart_rate(state: HeartState, times: Instants, window_s: int = WINDOW_S) -> Reading:
    """Mean rate of the seconds that end at `times`, over intervals that were seen."""
    inside = inside_of(state.beats, times, window_s)
    counted = _intervals(state.beats, times, inside)
    enough = counted.n >= LEAST_INTERVALS
    value = np.full(len(times), np.nan)
    value[enough] = 60 * SECOND_US * counted.n[enough] / counted.total_us[enough]
    missing = state.beats.missing[:, -window_s * ENVELOPE_HZ - SEEN_AHEAD : -SEEN_AHEAD]
    coverage = 1 - np.count_nonzero(missing, axis=1) / (window_s * ENVELOPE_HZ)
    quality = np.interp(_score(features(state, inside, window_s)), *weights.CALIBRATION)
    quality *= coverage
    quality[~enough | (coverage < LEAST_COVERAGE)] = 0
    # Nothing for two intervals and more: either beats are missed or the heart pauses.
    with np.errstate(invalid="ignore"):
        paused = counted.open_us * present(value) > 2 * 60 * SECOND_US
    quality[paused] *= 0.5
    return Reading(Measure.HEART_RATE, Method.ECG_BEAT_INTERVALS, value, quality, coverage)


def features(state: HeartState, inside: NDArray[np.bool_], window_s: int) -> Samples:
    """What tells how good a window is, (devices, len(FEATURES)): doubt in its beats, what they
    look like, and what is between them.
    """
    devices, places = inside.shape
    doubt = np.zeros(devices)
    for second in range(KEPT_S - window_s, KEPT_S):
        doubt += state.beats.doubt[:, second]
    told = np.empty((devices, len(FEATURES)))
    told[:, 0] = functions.log(doubt + LEAST_DOUBT)
    place = np.flatnonzero(inside)  # a sixth of all: sums over lists, not over windows
    row = place // places
    n = np.maximum(np.bincount(row, minlength=devices), 1) * beats.SEEN_UNIT
    seen = state.beats.seen.reshape(devices * places, -1)[place]
    for k in range(len(beats.SEEN)):
        told[:, 1 + k] = np.bincount(row, seen[:, k], devices) / n  # whole numbers: exact
    told[:, 1 + len(beats.SEEN) :] = noise.between(state.noise)
    return told


def _score(told: Samples) -> Samples:
    """How good windows of such features are; summed in one order."""
    score = np.full(len(told), weights.OFFSET)
    for k, weight in enumerate(weights.WEIGHTS):
        score += weight * told[:, k]
    return score


def inside_of(state: BeatsState, times: Instants, window_s: int) -> NDArray[np.bool_]:
    """Which places of beats lie in the window that ends at `times`: (devices, places)."""
    end_us = times[:, None]
    return np.asarray((state.t > end_us - window_s * SECOND_US) & (state.t <= end_us))


def _intervals(state: BeatsState, times: Instants, inside: NDArray[np.bool_]) -> _Counted:
    """Number and sum of the intervals in the window with no sample missing in them."""
    devices, places = state.t.shape
    place = np.flatnonzero(inside & (state.t > 0))
    row, t = place // places, state.t.ravel()[place]
    pair = np.flatnonzero(row[1:] == row[:-1])  # beats of a device stand in the order of time
    last = np.zeros(devices, dtype=np.int64)
    np.maximum.at(last, row, t)
    row, start, end = row[pair], t[pair], t[pair + 1]
    whole = ~beats.missing_between(state, row, start, end, times)
    whole &= (end > start) & (end - start <= MAX_RR_US)
    n = np.bincount(row[whole], minlength=devices)
    total = np.zeros(devices, dtype=np.int64)
    np.add.at(total, row[whole], (end - start)[whole])
    return _Counted(n, total, np.where(last > 0, times - last, 0))
