"""Heart rate over the last ten seconds, from the intervals between beats."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import beats
from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.ecg.beats import KEPT_S, MAX_RR_US, SECOND_US, BeatsState
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Instants, Samples, present
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

WINDOW_S = 10
LEAST_INTERVALS = 2  # as the reference: three beats
LEAST_COVERAGE = 0.5
# exp(-expected wrong beats) of a window, and the share of such windows within 5/min of the
# annotated beats; people unseen by the net, clean and noisy (docs/science/ecg.md).
CALIBRATION = (
    (0.00, 0.035, 0.075, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.93, 0.97, 1.0),
    (0.15, 0.235, 0.307, 0.42, 0.50, 0.60, 0.74, 0.79, 0.91, 0.95, 0.985, 0.995, 0.997, 1.0),
)


class _Counted(NamedTuple):
    n: NDArray[np.integer[Any]]
    total_us: Instants
    open_us: Instants


def init(devices: int, rate_hz: int) -> BeatsState:
    """Nothing seen yet."""
    return beats.init(devices, rate_hz)


def step(state: BeatsState, samples: Samples, times: Instants) -> tuple[BeatsState, Output]:
    """Take one second; give its beats and the rate of the ten seconds before them.

    Parameters
    ----------
    samples : (devices, rate_hz), any linear unit, NaN where missing
    times : (devices,), us UTC of the first of them

    Returns
    -------
    state, and beats and heart rate one second behind the end of `samples`. The quality is about
    the share of such rates that lie within 5/min of the truth, times the coverage.
    """
    changed, found = beats.step(state, samples, times)
    return changed, Output((heart_rate(changed, times),), found)


def heart_rate(state: BeatsState, times: Instants) -> Reading:
    """Mean rate of the `WINDOW_S` seconds that end at `times`, over intervals that were seen."""
    counted = _intervals(state, times)
    enough = counted.n >= LEAST_INTERVALS
    value = np.full(len(times), np.nan)
    value[enough] = 60 * SECOND_US * counted.n[enough] / counted.total_us[enough]
    seen = ~state.missing[:, -WINDOW_S * ENVELOPE_HZ :]
    coverage = seen.sum(axis=1) / (WINDOW_S * ENVELOPE_HZ)
    doubt = np.zeros(len(times))
    for second in range(KEPT_S - WINDOW_S, KEPT_S):
        doubt += state.doubt[:, second]
    quality = np.interp(functions.exp(-doubt), *CALIBRATION) * coverage
    quality[~enough | (coverage < LEAST_COVERAGE)] = 0
    # Nothing for two intervals and more: either beats are missed or the heart pauses.
    with np.errstate(invalid="ignore"):
        paused = counted.open_us * present(value) > 2 * 60 * SECOND_US
    quality[paused] *= 0.5
    return Reading(Measure.HEART_RATE, Method.ECG_BEAT_INTERVALS, value, quality, coverage)


def _intervals(state: BeatsState, times: Instants) -> _Counted:
    """Number and sum of the intervals in the window with no sample missing in them."""
    devices, places = state.t.shape
    end_us = times[:, None]
    inside = (state.t > end_us - WINDOW_S * SECOND_US) & (state.t <= end_us)
    t = np.where(inside, state.t, 0)
    place = np.where(t > 0, np.arange(places)[None, :], -1)
    latest = np.maximum.accumulate(place, axis=1)
    before = np.concatenate((np.full((devices, 1), -1), latest[:, :-1]), axis=1)
    row, at = np.nonzero((t > 0) & (before >= 0))
    start, end = t[row, before[row, at]], t[row, at]
    whole = ~beats.missing_between(state, row, start, end, times)
    whole &= (end > start) & (end - start <= MAX_RR_US)
    n = np.bincount(row[whole], minlength=devices)
    total = np.zeros(devices, dtype=np.int64)
    np.add.at(total, row[whole], (end - start)[whole])
    last = t.max(axis=1)
    return _Counted(n, total, np.where(last > 0, times - last, 0))
