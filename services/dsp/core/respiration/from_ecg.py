"""Respiration rate from the electrocardiogram: breath moves the heart's axis and its rhythm.

At each beat the range of the QRS complex, the level before it, its steepest rise, its area and
the interval before it are taken; the sixth series is the signal below 1 Hz (`modulation`). The
beats are those of `ecg.beats`, handed on.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.outputs import Beats, Output, Reading
from services.dsp.core.respiration import modulation, track
from services.dsp.core.respiration.likelihood import LEAST_S, LONG_S
from services.dsp.core.respiration.modulation import SERIES_HZ
from services.dsp.core.respiration.track import TrackState
from services.dsp.core.windows import Instants, Rows, Samples, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

TRACE_HZ = 128
TRACE_DELAY = 8  # of TRACE_HZ: 62 ms
TRACE_S = 3  # beats are told one second late
QRS = (-8, 8)  # of TRACE_HZ: 62 ms to both sides of the R peak
LEVEL = (-14, -7)  # the isoelectric line before QRS: 110 to 55 ms before the R peak
AREA = (-6, 6)
SLOTS = 6  # beats that a second can hold (`ecg.beats`)
FEATURES = 6  # range, level, rise, area, interval, chance that it is a beat
SLOW_CUT_HZ = 1.0
BEHIND_S = 2  # of the newest series behind the newest sample: beats, and the slow signal
DELAY_S = 5
KEPT_S = LONG_S + 4  # of beats: the window, what it is behind, one beat before
BEATS_MEMORY_S = 48  # of `ecg.beats`
MEMORY_S = BEATS_MEMORY_S + KEPT_S + 1 + track.HELD_S
SECOND_US = 1_000_000
WHITENING = 0.5  # exponent on the power: baseline and axis wander, less than 1/f from beat to beat
FULL_COVERAGE = 0.6
BEAT_CHANCE = (0.75, 0.95)  # mean of the minute: below, what is called beats is noise
# Certainty, and the share of such answers within 2/min of the annotated breaths (703 windows of
# 26 people in bed, docs/science/respiration.md); beats without breath reach 0.6. One source may
# be wrong with all certainty (an overtone in every series): never above 0.95.
CALIBRATION = ((0.5, 0.6, 0.7, 0.85, 1.0), (0.0, 0.35, 0.8, 0.92, 0.95))


@dataclass(frozen=True, slots=True, kw_only=True)
class EcgRespirationState:
    """The last minute of beats and of the slow signal.

    Attributes
    ----------
    trace : (devices, TRACE_S * TRACE_HZ)
    t : (devices, KEPT_S * SLOTS), us UTC, 0 in empty places
    features : (devices, FEATURES, KEPT_S * SLOTS)
    slow : (devices, LONG_S * SERIES_HZ), ends `BEHIND_S` before the newest sample
    """

    resampler: ResamplerState
    slow_resampler: ResamplerState
    trace: Samples
    t: Instants
    features: Samples
    slow: Samples
    track: TrackState


def init(devices: int, rate_hz: int) -> EcgRespirationState:
    """Nothing seen yet."""
    return EcgRespirationState(
        resampler=_resampler(rate_hz).init(devices),
        slow_resampler=_slow_resampler(rate_hz).init(devices),
        trace=np.full((devices, TRACE_S * TRACE_HZ), np.nan, dtype=np.float32),
        t=np.zeros((devices, KEPT_S * SLOTS), dtype=np.int64),
        features=np.full((devices, FEATURES, KEPT_S * SLOTS), np.nan, dtype=np.float32),
        slow=np.full((devices, LONG_S * SERIES_HZ), np.nan),
        track=track.init(devices),
    )


def step(
    state: EcgRespirationState, samples: Samples, times: Instants, heart: Output
) -> tuple[EcgRespirationState, Output]:
    """Take one second of (devices, rate_hz), and what the estimator of beats told of it.

    Parameters
    ----------
    samples : any linear unit, NaN where missing
    times : (devices,), us UTC of the first of them
    heart : its beats, one second behind
    """
    assert heart.beats is not None
    rate_hz = samples.shape[1]
    inner, fresh = _resampler(rate_hz).step(state.resampler, samples)
    slow_inner, slow_fresh = _slow_resampler(rate_hz).step(state.slow_resampler, samples)
    trace = shifted(state.trace, fresh)
    slots_t, slots = _newest_beats(trace, times, heart.beats)
    t, slow = shifted(state.t, slots_t), shifted(state.slow, slow_fresh)
    features = np.concatenate((state.features[:, :, SLOTS:], slots), axis=2)
    found = _followed(state.track, _Seen(t, features, slow), times)
    changed = EcgRespirationState(
        resampler=inner, slow_resampler=slow_inner, trace=trace, t=t, features=features,
        slow=slow, track=found,
    )  # fmt: skip
    return changed, Output((_reading(found, slow),))


class _Seen(NamedTuple):
    t: Instants
    features: Samples
    slow: Samples


def _newest_beats(trace: Samples, times: Instants, beats: Beats) -> tuple[Instants, Samples]:
    """Beats of one second with their features: (devices, SLOTS) and (devices, FEATURES, SLOTS)."""
    devices = len(trace)
    t = np.zeros((devices, SLOTS), dtype=np.int64)
    features = np.full((devices, FEATURES, SLOTS), np.nan, dtype=np.float32)
    rank = np.arange(len(beats.row)) - np.searchsorted(beats.row, beats.row, side="left")
    before_us = times[beats.row] + SECOND_US - beats.t
    place = trace.shape[1] + TRACE_DELAY - np.rint(before_us * TRACE_HZ / SECOND_US).astype(int)
    fits = (rank < SLOTS) & (place + LEVEL[0] >= 0) & (place + QRS[1] < trace.shape[1])
    row, rank = beats.row[fits], rank[fits]
    t[row, rank] = beats.t[fits]
    shape = _features(trace, row, place[fits])
    told = (beats.rr_ms[fits], beats.quality[fits])
    features[row, :, rank] = np.stack((*shape, *told), axis=1)
    return t, features


def _features(trace: Samples, row: Rows, place: Rows) -> tuple[Samples, ...]:
    def around(reach: tuple[int, int]) -> Samples:
        return np.asarray(trace[row[:, None], place[:, None] + np.arange(reach[0], reach[1] + 1)])

    complex_ = around(QRS)
    level = around(LEVEL).mean(axis=1)
    rise = np.max(complex_[:, 2:] - complex_[:, :-2], axis=1)
    area = np.abs(around(AREA) - level[:, None]).sum(axis=1)
    return complex_.max(axis=1) - complex_.min(axis=1), level, rise, area


def _followed(state: TrackState, seen: _Seen, times: Instants) -> TrackState:
    rows = track.due(times)
    if not len(rows):
        return state
    end_us = times[rows] + SECOND_US
    row, slot = np.nonzero(seen.t[rows] > 0)
    at_s = KEPT_S + (seen.t[rows][row, slot] - end_us[row]) / SECOND_US
    values = seen.features[rows][row, :, slot].T
    keep = at_s >= 0
    row, at_s, values = row[keep], at_s[keep], values[:, keep]
    grid_s = KEPT_S - BEHIND_S - (np.arange(LONG_S * SERIES_HZ)[::-1] + 1) / SERIES_HZ
    devices = len(rows)
    series = modulation.interpolated(row, at_s, values[:-1], devices=devices, grid_s=grid_s)
    series = np.concatenate((series, seen.slow[rows][None]))
    heart = modulation.heart_rate(row, at_s, devices)
    newest = modulation.belief(series, heart, whitening=WHITENING)
    n = np.bincount(row, minlength=devices)
    chance = np.bincount(row, weights=values[-1], minlength=devices) / np.maximum(n, 1)
    usable = (newest.max(axis=1) > newest.min(axis=1)) & (chance > BEAT_CHANCE[0])
    changed, rate = track.advanced(state, rows, newest, usable)
    return track.told(changed, rows, rate, np.interp(chance, BEAT_CHANCE, (0.0, 1.0)))


def _reading(found: TrackState, slow: Samples) -> Reading:
    coverage = np.isfinite(slow).sum(axis=1) / slow.shape[1]
    quality = np.interp(found.certainty, *CALIBRATION)
    quality *= np.interp(coverage, (LEAST_S / LONG_S, FULL_COVERAGE), (0.6, 1.0))
    seen = np.isfinite(found.value) & (coverage >= LEAST_S / LONG_S)
    return Reading(
        Measure.RESPIRATION_RATE,
        Method.ECG_RESPIRATION,
        np.where(seen, found.value, np.nan),
        np.where(seen, quality, 0.0),
        coverage,
    )


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = 0.45 * min(rate_hz, TRACE_HZ)
    return Resampler(rate_hz=rate_hz, to_hz=TRACE_HZ, delay=TRACE_DELAY, cut_hz=cut_hz)


def _slow_resampler(rate_hz: int) -> Resampler:
    delay = BEHIND_S * SERIES_HZ
    return Resampler(rate_hz=rate_hz, to_hz=SERIES_HZ, delay=delay, cut_hz=SLOW_CUT_HZ)
