"""Respiration rate from the photoplethysmogram: breath moves the level of each pulse.

Of each pulse the foot and the peak are taken; the third series is the light below 1 Hz
(`modulation`). Amplitude and interval of the pulse are left out: in the sick and in the old they
show slow waves of the circulation rather than breath. The pulses of the last minute are found
anew at each hop, from one light, whatever its colour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.conditioning.spectra import autocorrelation
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.respiration import modulation, track
from services.dsp.core.respiration.likelihood import LEAST_S, LONG_S, bounded, detrended
from services.dsp.core.respiration.modulation import SERIES_HZ
from services.dsp.core.respiration.track import TrackState
from services.dsp.core.windows import Instants, Rows, Samples, present, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

LIGHT_HZ = 32
LIGHT_DELAY = 8  # of LIGHT_HZ: 0.25 s
LIGHT_CUT_HZ = 8.0  # a pulse has nothing above
SLOW_CUT_HZ = 1.0
BEHIND_S = 2  # of the newest series behind the newest sample: the slow signal, and the next pulse
DELAY_S = 5
KEPT_S = LONG_S + BEHIND_S + 2  # of light: the window, what it is behind, a pulse at each edge
HOPS = 20  # of likelihood: there is room for more than a minute
MEMORY_S = KEPT_S + 4 + track.held_s(HOPS)
SHORTEST_S, LONGEST_S = 0.27, 2.2  # of a pulse: 27 to 220 /min
FIRST_OF_HIGHEST = 0.6  # the first summit of the autocorrelation so high is the period
APART = 0.55  # of a period
LOWEST_RISE = 0.35  # of the 96th percentile of the rises of the minute
BEFORE_S, AFTER_S = 0.35, 0.4  # of the steepest rise: foot and peak lie there
WHITENING = 0.75  # exponent on the power: vasomotion and drift of the light fall like 1/f
# Share of intervals within 30 % of their median: 13 people in bed 0.79 (one in a hundred minutes is
# below) to 1; white noise, a random walk and a converter's own noise up to 0.71. Half way.
ALIKE, EVEN = 0.3, 0.75
UNEVEN_QUALITY = 0.25  # below the least that is shown
FULL_COVERAGE = 0.6
# Certainty, and the share of such answers within 2/min of the annotated breaths (703 windows of
# 26 people in bed, docs/science/respiration.md); pulses without breath reach 0.65. One source may
# be wrong with all certainty (waves of the circulation at 6 to 10 /min): never above 0.95.
CALIBRATION = ((0.5, 0.65, 0.75, 0.85, 0.93, 0.97), (0.0, 0.3, 0.6, 0.85, 0.92, 0.95))


@dataclass(frozen=True, slots=True, kw_only=True)
class PpgRespirationState:
    """The last minute of one light.

    Attributes
    ----------
    light : (devices, KEPT_S * LIGHT_HZ), ends LIGHT_DELAY before the newest sample
    slow : (devices, LONG_S * SERIES_HZ), ends `BEHIND_S` before the newest sample
    even : (devices,), whether the pulses came as those of a heart at the last hop
    """

    resampler: ResamplerState
    slow_resampler: ResamplerState
    light: Samples
    slow: Samples
    even: NDArray[np.bool_]
    track: TrackState


def init(devices: int, rate_hz: int) -> PpgRespirationState:
    """Nothing seen yet."""
    return PpgRespirationState(
        resampler=_resampler(rate_hz).init(devices),
        slow_resampler=_slow_resampler(rate_hz).init(devices),
        light=np.full((devices, KEPT_S * LIGHT_HZ), np.nan),
        slow=np.full((devices, LONG_S * SERIES_HZ), np.nan),
        even=np.zeros(devices, dtype=np.bool_),
        track=track.init(devices, HOPS),
    )


def step(
    state: PpgRespirationState, samples: Samples, times: Instants
) -> tuple[PpgRespirationState, Output]:
    """Take one second of (devices, rate_hz) counts; `times` of its first samples."""
    rate_hz = samples.shape[1]
    inner, fresh = _resampler(rate_hz).step(state.resampler, samples)
    slow_inner, slow_fresh = _slow_resampler(rate_hz).step(state.slow_resampler, samples)
    light, slow = shifted(state.light, fresh), shifted(state.slow, slow_fresh)
    even, found = _followed(state, light, slow, times)
    changed = PpgRespirationState(
        resampler=inner, slow_resampler=slow_inner, light=light, slow=slow, even=even, track=found
    )
    return changed, Output((_reading(found, slow, even),))


def _followed(
    state: PpgRespirationState, light: Samples, slow: Samples, times: Instants
) -> tuple[NDArray[np.bool_], TrackState]:
    rows = track.due(times)
    if not len(rows):
        return state.even, state.track
    row, at_s, values = pulses(light[rows])
    grid_s = KEPT_S - BEHIND_S - (np.arange(LONG_S * SERIES_HZ)[::-1] + 1) / SERIES_HZ
    series = modulation.interpolated(row, at_s, values, devices=len(rows), grid_s=grid_s)
    series = np.concatenate((series, slow[rows][None]))
    heart = modulation.heart_rate(row, at_s, len(rows))
    newest = modulation.belief(series, heart, whitening=WHITENING)
    changed, rate = track.advanced(
        state.track, rows, newest, newest.max(axis=1) > newest.min(axis=1)
    )
    even = state.even.copy()
    even[rows] = _beats_evenly(row, at_s, len(rows))
    return even, track.told(changed, rows, rate)


def pulses(light: Samples) -> tuple[Rows, Samples, Samples]:
    """Device, time and (foot, peak) of each pulse of `light` (devices, KEPT_S * LIGHT_HZ).

    Times are seconds after `KEPT_S` before the newest sample, of the steepest rise.
    """
    light = light * _turn(light)[:, None]
    known = np.clip(present(np.diff(light, axis=1, prepend=np.nan)), 0, None)
    period = _period(known)
    ordered = np.sort(known, axis=1)
    lowest = LOWEST_RISE * ordered[:, int(0.96 * ordered.shape[1])]
    steepest = np.zeros(known.shape, dtype=np.bool_)
    reach = np.maximum(np.floor(APART * period), 2).astype(np.intp)
    for samples in np.unique(reach):
        some = np.flatnonzero(reach == samples)
        part = known[some]
        top = maximum_filter1d(part, 2 * int(samples) + 1, axis=1, mode="constant")
        steepest[some] = part == top
    steepest &= known > lowest[:, None]
    before, after = int(BEFORE_S * LIGHT_HZ), int(AFTER_S * LIGHT_HZ)
    steepest[:, :before] = steepest[:, light.shape[1] - after :] = False
    row, at = np.nonzero(steepest)
    around = light[row[:, None], at[:, None] + np.arange(-before, after)]
    foot, peak = around[:, : before + 1].min(axis=1), around[:, before:].max(axis=1)
    return row, (at - LIGHT_DELAY) / LIGHT_HZ, np.stack((foot, peak))


def _beats_evenly(row: Rows, at_s: Samples, devices: int) -> NDArray[np.bool_]:
    """Whether most intervals of a device are alike: those of the highest points of noise are not.

    Without a heart in the light there is no breath in its pulses.
    """
    apart = np.diff(at_s)
    inside = row[1:] == row[:-1]
    owner, apart = row[1:][inside], apart[inside]
    n = np.bincount(owner, minlength=devices)
    first = np.concatenate(([0], np.cumsum(n)[:-1]))
    ordered = apart[np.lexsort((apart, owner))]
    middle = np.zeros(devices)
    some = n > 0
    middle[some] = ordered[(first + n // 2)[some]]
    near = np.abs(apart - middle[owner]) <= ALIKE * middle[owner]
    alike = np.bincount(owner, weights=near, minlength=devices)
    return np.asarray(some & (alike >= EVEN * n))


def _turn(light: Samples) -> Samples:
    """1 or -1: so that the steep side of the pulse rises; light falls where a pulse comes in."""
    slope = present(np.diff(light, axis=1))
    ordered = np.sort(np.abs(slope), axis=1)
    most = ordered[:, int(0.98 * ordered.shape[1])]  # a jump of the sensor does not decide
    cut = np.clip(slope, -most[:, None], most[:, None])
    return np.where((cut * cut * cut).sum(axis=1) < 0, -1.0, 1.0)


def _period(known: Samples) -> Samples:
    """Period of the pulse in samples, `LONGEST_S` where nothing repeats."""
    first, last = int(SHORTEST_S * LIGHT_HZ), int(LONGEST_S * LIGHT_HZ)
    seen = np.ones(known.shape, dtype=np.bool_)
    curve = autocorrelation(detrended(bounded(known, seen), seen), last + 1)
    inner = curve[:, first : last + 1]
    summit = (inner > curve[:, first - 1 : last]) & (inner >= curve[:, first + 1 : last + 2])
    height = np.where(summit, inner, -1.0)
    highest = height.max(axis=1)
    at = np.argmax(summit & (height >= FIRST_OF_HIGHEST * highest[:, None]), axis=1)
    return np.where(highest > 0, at + first, last)


def _reading(found: TrackState, slow: Samples, even: NDArray[np.bool_]) -> Reading:
    coverage = np.isfinite(slow).sum(axis=1) / slow.shape[1]
    quality = np.interp(found.certainty, *CALIBRATION)
    quality *= np.interp(coverage, (LEAST_S / LONG_S, FULL_COVERAGE), (0.6, 1.0))
    quality = np.where(even, quality, np.minimum(quality, UNEVEN_QUALITY))
    seen = np.isfinite(found.value) & (coverage >= LEAST_S / LONG_S)
    return Reading(
        Measure.RESPIRATION_RATE,
        Method.PPG_RESPIRATION,
        np.where(seen, found.value, np.nan),
        np.where(seen, quality, 0.0),
        coverage,
    )


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = min(LIGHT_CUT_HZ, 0.45 * rate_hz)
    return Resampler(rate_hz=rate_hz, to_hz=LIGHT_HZ, delay=LIGHT_DELAY, cut_hz=cut_hz)


def _slow_resampler(rate_hz: int) -> Resampler:
    delay = BEHIND_S * SERIES_HZ
    return Resampler(rate_hz=rate_hz, to_hz=SERIES_HZ, delay=delay, cut_hz=SLOW_CUT_HZ)
