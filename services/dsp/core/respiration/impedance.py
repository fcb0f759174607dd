"""Respiration rate from the impedance of the chest, over the last minute.

Every five seconds: how likely each rate is by the spectra of the last 30 and 60 seconds
(`likelihood`), followed over a minute (`track`), then the breaths about that rate are counted
(`breaths`). What is told in between is the value of the last hop.
"""

from dataclasses import dataclass

import numpy as np

from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.respiration import track
from services.dsp.core.respiration.background import trust
from services.dsp.core.respiration.breaths import counted_rate
from services.dsp.core.respiration.likelihood import (
    FASTEST_PER_MIN,
    LEAST_S,
    LONG_S,
    log_likelihood,
)
from services.dsp.core.respiration.track import TrackState
from services.dsp.core.windows import Instants, Samples, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

GRID_HZ = 8
RESAMPLING_DELAY = 8  # of GRID_HZ: 1 s, so that the low pass at 1.5 Hz is steep enough
CUT_HZ = 1.5  # 70 breaths a minute are 1.17 Hz
DELAY_S = 5  # of the minute that is counted: one hop of look-ahead
AHEAD_S = DELAY_S - RESAMPLING_DELAY // GRID_HZ
KEPT_S = LONG_S + AHEAD_S
MEMORY_S = KEPT_S + 4 + track.held_s()  # window, filter, likelihoods before
# Certainty, and the share of such answers within 2/min of the annotated breaths (703 windows of
# 26 people in bed); noise without breath reaches 0.13 (docs/science/respiration.md).
CALIBRATION = ((0.11, 0.14, 0.2, 0.3, 0.5, 0.8, 0.95), (0.0, 0.5, 0.88, 0.95, 0.97, 0.99, 0.995))
WHITENING = 0.25  # breath is nearly all that varies here: drift falls off slower than 1/f
FULL_COVERAGE = 0.6  # 36 s: from there on a minute with holes is as good as a whole one


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpedanceState:
    """The last `KEPT_S` seconds at GRID_HZ: (devices, KEPT_S * GRID_HZ), and the track."""

    resampler: ResamplerState
    window: Samples
    track: TrackState


def init(devices: int, rate_hz: int) -> ImpedanceState:
    """Nothing seen yet."""
    return ImpedanceState(
        resampler=_resampler(rate_hz).init(devices),
        window=np.full((devices, KEPT_S * GRID_HZ), np.nan),
        track=track.init(devices),
    )


def step(state: ImpedanceState, samples: Samples, times: Instants) -> tuple[ImpedanceState, Output]:
    """Take one second of (devices, rate_hz), any linear unit; `times` of its first samples."""
    inner, newest = _resampler(samples.shape[1]).step(state.resampler, samples)
    window = shifted(state.window, newest)
    followed = _followed(state.track, window, times)
    coverage = np.isfinite(window[:, -LONG_S * GRID_HZ :]).sum(axis=1) / (LONG_S * GRID_HZ)
    quality = np.interp(followed.certainty, *CALIBRATION)
    quality *= np.interp(coverage, (LEAST_S / LONG_S, FULL_COVERAGE), (0.6, 1.0))
    seen = np.isfinite(followed.value) & (coverage >= LEAST_S / LONG_S)
    reading = Reading(
        Measure.RESPIRATION_RATE,
        Method.IMPEDANCE_SPECTRUM,
        np.where(seen, followed.value, np.nan),
        np.where(seen, quality, 0.0),
        coverage,
    )
    return ImpedanceState(resampler=inner, window=window, track=followed), Output((reading,))


def _followed(state: TrackState, window: Samples, times: Instants) -> TrackState:
    rows = track.due(times)
    if not len(rows):
        return state
    part = window[rows]
    fastest = np.full(len(rows), FASTEST_PER_MIN)
    likely = log_likelihood(part[:, -LONG_S * GRID_HZ :], GRID_HZ, fastest, whitening=WHITENING)
    followed, rate = track.advanced(state, rows, likely, likely.max(axis=1) > 0)
    counted = counted_rate(part[:, : LONG_S * GRID_HZ], GRID_HZ, rate)
    trusted = trust(part[:, -LONG_S * GRID_HZ :], GRID_HZ, counted)
    return track.told(followed, rows, counted, trusted)


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = min(CUT_HZ, 0.45 * rate_hz)
    return Resampler(rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)
