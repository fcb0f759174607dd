"""Forced breaths in a flow that comes second by second."""

from dataclasses import dataclass

import numpy as np

from services.dsp.core.outputs import Output, Reading
from services.dsp.core.spirometry.blow import (
    LEAST_PEAK_L_S,
    NOTHING_AT,
    QUIET_OFFSET_L_S,
    QUIET_SPREAD_L_S,
    Blow,
    last_peak,
    measure,
)
from services.dsp.core.windows import Floats, Instants, Samples, shifted
from shared.contracts.forced_breaths import Fault, faults
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

WINDOW_S = 30  # breaths of 20 s, the rest before, the settling after
MEMORY_S = WINDOW_S + 1
PER_MIN = 60.0
NO_PEAK_AGAIN_S = 2  # a forced breath is not over while the flow was high so lately
ACCEPTABLE, USABLE, UNUSABLE = 0.95, 0.6, 0.3  # 78 of 78 standard waveforms are right
TOLD_BESIDE = (
    Measure.EXTRAPOLATED_VOLUME,
    Measure.EXPIRATORY_TIME,
    Measure.END_RISE,
    Measure.FLOW_REGAINED,
)
"""By what a breath is judged: true of any breath, so good as the sensor is."""
MEASURES = (
    Measure.FVC,
    Measure.FEV1,
    Measure.PEF,
    Measure.FEF25,
    Measure.FEF50,
    Measure.FEF75,
    Measure.FEF25_75,
    *TOLD_BESIDE,
)

_HARMED_BY = {
    Measure.PEF: frozenset({Fault.SLOW_START}),
    Measure.FEV1: frozenset({Fault.SLOW_START, Fault.COUGH}),
}
_WHOLE_HARMED_BY = frozenset({Fault.SLOW_START, Fault.EARLY_END})  # FVC, and shares of it


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderState:
    """The last WINDOW_S and a second of flow: (devices, n), L/s."""

    window: Floats


def init(devices: int, rate_hz: int) -> FinderState:
    """Nothing seen yet."""
    return FinderState(window=np.full((devices, MEMORY_S * rate_hz), np.nan))


def step(state: FinderState, samples: Samples, times: Instants) -> tuple[FinderState, Output]:
    """Take one second of (devices, rate_hz) in L/s, out positive; tell blows that are over."""
    changed, blows = advance(state, samples)
    table = np.full((len(MEASURES), len(times)), np.nan)
    quality = np.zeros((len(MEASURES), len(times)))
    for row, blow in blows:
        table[:, row] = [
            blow.fvc, blow.fev1, blow.pef * PER_MIN, blow.fef25, blow.fef50, blow.fef75,
            blow.fef25_75, blow.extrapolated, blow.lasted_s, blow.end_rise, blow.regained,
        ]  # fmt: skip
        quality[:, row] = [_trust(blow, measure) for measure in MEASURES]
    readings = tuple(
        Reading(measure, Method.FLOW_BLOW, value, trust, np.isfinite(value).astype(np.float64))
        for measure, value, trust in zip(MEASURES, table, quality, strict=True)
    )
    return changed, Output(readings)


def advance(state: FinderState, samples: Samples) -> tuple[FinderState, list[tuple[int, Blow]]]:
    """The state after a second, and the breaths that became settled in it, by device."""
    window: Floats = shifted(state.window, samples)
    changed = FinderState(window=window)
    rate_hz = samples.shape[1]
    newest = np.where(np.isnan(samples), 0.0, samples)
    spread = newest.max(axis=1) - newest.min(axis=1)
    quiet = (np.abs(newest.mean(axis=1)) <= 2 * QUIET_OFFSET_L_S) & (spread < LEAST_PEAK_L_S / 2)
    with np.errstate(invalid="ignore"):
        strong = (window >= LEAST_PEAK_L_S).any(axis=1)
    found = []
    for row in np.flatnonzero(quiet & strong):
        now, before = window[row, rate_hz:], window[row, :-rate_hz]
        blow = _settled(now, rate_hz)
        if blow is not None and _settled(before, rate_hz, at=blow.zero_s + 1) is None:
            found.append((int(row), blow))
    return changed, found


def _settled(flow: Floats, rate_hz: int, at: float | None = None) -> Blow | None:
    """The last breath of a window if it is over (and began about `at` seconds into it)."""
    peak = last_peak(flow)
    if peak == NOTHING_AT:
        return None
    blow = measure(flow, rate_hz, peak=peak)
    over = blow is not None and blow.settled_s * rate_hz <= len(flow)
    same = blow is None or at is None or abs(blow.zero_s - at) <= NO_PEAK_AGAIN_S / 2
    return blow if over and same else None


def _trust(blow: Blow, measure: Measure) -> float:
    if np.isnan(blow.zero) or blow.noise > QUIET_SPREAD_L_S or blow.is_cut_off:
        return UNUSABLE
    if measure in TOLD_BESIDE:
        return ACCEPTABLE
    wrong = frozenset(faults(blow.how_blown))
    return USABLE if wrong & _HARMED_BY.get(measure, _WHOLE_HARMED_BY) else ACCEPTABLE
