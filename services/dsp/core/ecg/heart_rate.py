"""Beats, the heart rate over the last ten seconds, and what disturbs the ECG."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import beats, inputs, noise
from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.ecg.beats import KEPT_S, MAX_RR_US, SECOND_US, SEEN_AHEAD, BeatsState
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Instants, Samples, present
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

WINDOW_S = 10
LEAST_INTERVALS = 2  # as the reference: three beats
LEAST_COVERAGE = 0.5
# Score of a window (`_score`), and the share of such windows within 5/min of the annotated beats;
# people unseen by the nets, clean and noisy (docs/science/ecg.md).
CALIBRATION = (
    (-22, -17, -12.5, -8.5, -5.5, -3, -1, 1, 3, 5, 7, 9, 11, 13.5, 17, 21, 26),
    (0.43, 0.45, 0.47, 0.57, 0.65, 0.70, 0.72, 0.76, 0.82, 0.88, 0.912, 0.93, 0.958, 0.986, 0.996,
     0.999, 1.0),
)  # fmt: skip
# Log odds of a rate within 5/min by the logarithm of the wrong verdicts expected in the window,
# and twice the log odds of a clean signal by the means of `beats.SEEN`: logistic regressions on
# clean and noisy copies, the same people.
DOUBT_ODDS = (-0.727, 1.413)
CLEAN_ODDS = ((2.823, -1.469, 3.160), -18.071)


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
    rate = heart_rate(changed, times, window_s)
    return HeartState(beats=changed, noise=heard), Output((rate,), found, tuple(noises))


def heart_rate(state: BeatsState, times: Instants, window_s: int = WINDOW_S) -> Reading:
    """Mean rate of the seconds that end at `times`, over intervals that were seen."""
    inside = _inside(state, times, window_s)
    counted = _intervals(state, times, inside)
    enough = counted.n >= LEAST_INTERVALS
    value = np.full(len(times), np.nan)
    value[enough] = 60 * SECOND_US * counted.n[enough] / counted.total_us[enough]
    missing = state.missing[:, -window_s * ENVELOPE_HZ - SEEN_AHEAD : -SEEN_AHEAD]
    coverage = 1 - np.count_nonzero(missing, axis=1) / (window_s * ENVELOPE_HZ)
    quality = np.interp(_score(state, inside, window_s), *CALIBRATION) * coverage
    quality[~enough | (coverage < LEAST_COVERAGE)] = 0
    # Nothing for two intervals and more: either beats are missed or the heart pauses.
    with np.errstate(invalid="ignore"):
        paused = counted.open_us * present(value) > 2 * 60 * SECOND_US
    quality[paused] *= 0.5
    return Reading(Measure.HEART_RATE, Method.ECG_BEAT_INTERVALS, value, quality, coverage)


def _score(state: BeatsState, inside: NDArray[np.bool_], window_s: int) -> Samples:
    """How good the window is: by the doubt in its beats, and by the signal about them."""
    devices, places = inside.shape
    doubt = np.zeros(devices)
    for second in range(KEPT_S - window_s, KEPT_S):
        doubt += state.doubt[:, second]
    slope, level = DOUBT_ODDS
    score = slope * functions.log(doubt + 1e-3) + level
    place = np.flatnonzero(inside)  # a sixth of all: sums over lists, not over windows
    row = place // places
    n = np.maximum(np.bincount(row, minlength=devices), 1) * beats.SEEN_UNIT
    seen = state.seen.reshape(devices * places, -1)[place]
    weights, level = CLEAN_ODDS
    clean = np.full(devices, level)
    for k, weight in enumerate(weights):
        clean += weight * (np.bincount(row, seen[:, k], devices) / n)  # whole numbers: exact
    return np.asarray(score + 2 * clean)


def _inside(state: BeatsState, times: Instants, window_s: int) -> NDArray[np.bool_]:
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
