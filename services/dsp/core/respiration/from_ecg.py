"""Respiration rate from the electrocardiogram: breath moves the heart's axis and its rhythm.

At each beat the range of the QRS complex, the level before it, its steepest rise, its area and
the interval before it are taken; the sixth series is the signal below 1 Hz (`modulation`). The
QRS complexes of the last minute are found anew at each hop, by plain steepness: a beat missed or
too many changes little here, and the detector of beats remembers longer than this may.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from services.dsp.core.conditioning.limits import at_limits
from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.respiration import modulation, track
from services.dsp.core.respiration.ectopy import ectopic
from services.dsp.core.respiration.likelihood import LEAST_S, LONG_S
from services.dsp.core.respiration.modulation import SERIES_HZ
from services.dsp.core.respiration.track import TrackState
from services.dsp.core.windows import Instants, Rows, Samples, present, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

TRACE_HZ = 128
TRACE_DELAY = 8  # of TRACE_HZ: 62 ms
QRS = (-8, 8)  # of TRACE_HZ: 62 ms to both sides of the largest deflection
LEVEL = (-14, -7)  # the isoelectric line before QRS: 110 to 55 ms before it
AREA = (-6, 6)
STEEP = 10  # of TRACE_HZ, 80 ms: a QRS complex; two more than a power of two
APART = 32  # of TRACE_HZ: 0.25 s between two beats; a power of two
EDGE = 40  # of TRACE_HZ: what a beat and its neighbourhood need of the ends of the trace
LOWEST = 0.35  # of the usual steepness of a beat: T waves and noise lie below
CONTRAST = (2.0, 3.0)  # of beats over what lies between: noise gives 1.5, an ECG 4 and more
# Share of the last minute's samples at the end of the amplifier. A monitor that cuts each S wave or
# R peak (0.01 to 0.05, docs/science/respiration.md) still shows the breath; more is of T waves.
CUT_OFF = (0.1, 0.2)
# Share of the beats that are ectopic: they are left out, but what they leave behind in the beats
# after them comes as evenly as they do. From one in four on that is a rhythm of its own.
ECTOPIC = (0.15, 0.25)
AREAS = 3  # place of the area of the complexes among `_features`
SLOW_CUT_HZ = 1.0
BEHIND_S = 2  # of the newest series behind the newest sample: the slow signal, and the next beat
DELAY_S = 5
KEPT_S = LONG_S + BEHIND_S + 2  # of trace: the window, what it is behind, a beat at each edge
HOPS = (
    20  # of likelihood: nothing else here remembers, so that there is room for more than a minute
)
MEMORY_S = KEPT_S + 4 + track.held_s(HOPS)
WHITENING = 0.5  # exponent on the power: baseline and axis wander, less than 1/f from beat to beat
FULL_COVERAGE = 0.6
BLOCK = 8  # minutes of trace at once: what they take stays in the cache
# Certainty, and the share of such answers within 2/min of the annotated breaths that a person shows
# who was not seen (docs/science/respiration.md): of n people whose shares right have the sum s, by
# the rule of succession (s + 1) / (n + 2). From 0.85 on 24 people have 23.75, from 0.75 to 0.85 ten
# have 9; beats without breath reach 0.65.
CALIBRATION = ((0.5, 0.65, 0.75, 0.85), (0.0, 0.35, 0.75, 0.95))


@dataclass(frozen=True, slots=True, kw_only=True)
class EcgRespirationState:
    """The last minute of one lead.

    Attributes
    ----------
    trace : (devices, KEPT_S * TRACE_HZ), ends TRACE_DELAY before the newest sample
    slow : (devices, LONG_S * SERIES_HZ), ends `BEHIND_S` before the newest sample
    cut_off : (devices, KEPT_S), share of each second that stood at a limit
    """

    resampler: ResamplerState
    slow_resampler: ResamplerState
    trace: Samples
    slow: Samples
    cut_off: Samples
    track: TrackState


def init(devices: int, rate_hz: int) -> EcgRespirationState:
    """Nothing seen yet."""
    return EcgRespirationState(
        resampler=_resampler(rate_hz).init(devices),
        slow_resampler=_slow_resampler(rate_hz).init(devices),
        trace=np.full((devices, KEPT_S * TRACE_HZ), np.nan, dtype=np.float32),
        slow=np.full((devices, LONG_S * SERIES_HZ), np.nan),
        cut_off=np.zeros((devices, KEPT_S), dtype=np.float32),
        track=track.init(devices, HOPS),
    )


def step(
    state: EcgRespirationState, samples: Samples, times: Instants
) -> tuple[EcgRespirationState, Output]:
    """Take one second of (devices, rate_hz), any linear unit; `times` of its first samples."""
    rate_hz = samples.shape[1]
    inner, fresh = _resampler(rate_hz).step(state.resampler, samples)
    slow_inner, slow_fresh = _slow_resampler(rate_hz).step(state.slow_resampler, samples)
    trace, slow = shifted(state.trace, fresh), shifted(state.slow, slow_fresh)
    limited = at_limits(samples).sum(axis=1) / rate_hz
    cut_off = shifted(state.cut_off, limited[:, None])
    found = _followed(state.track, trace, slow, cut_off, times)
    changed = EcgRespirationState(
        resampler=inner, slow_resampler=slow_inner, trace=trace, slow=slow, cut_off=cut_off,
        track=found,
    )  # fmt: skip
    return changed, Output((_reading(found, slow),))


def _followed(
    state: TrackState, trace: Samples, slow: Samples, cut_off: Samples, times: Instants
) -> TrackState:
    rows = track.due(times)
    if not len(rows):
        return state
    parts = [_newest(trace, slow, rows[at : at + BLOCK]) for at in range(0, len(rows), BLOCK)]
    newest, contrast, ectopy = (np.concatenate(column) for column in zip(*parts, strict=True))
    usable = (newest.max(axis=1) > newest.min(axis=1)) & (contrast > CONTRAST[0])
    changed, rate = track.advanced(state, rows, newest, usable)
    trust = np.interp(contrast, CONTRAST, (0.0, 1.0))
    trust *= np.interp(cut_off[rows].mean(axis=1), CUT_OFF, (1.0, 0.0))
    trust *= np.interp(ectopy, ECTOPIC, (1.0, 0.0))
    return track.told(changed, rows, rate, trust)


def _newest(trace: Samples, slow: Samples, rows: Rows) -> tuple[Samples, Samples, Samples]:
    """Log-likelihood of each rate, (rows, rates), of some devices.

    Beside it the contrast of their beats, and which share of these is ectopic.
    """
    part = trace[rows]
    part -= present(part[:, -1:])
    row, place, contrast = complexes(part)
    at_s = (place - TRACE_DELAY) / TRACE_HZ
    interval = np.diff(at_s, prepend=np.nan)
    interval[np.diff(row, prepend=-1) != 0] = np.nan
    values = np.stack((*_features(part, row, place), interval))
    is_ectopic = ectopic(row, interval, values[AREAS], len(rows))
    share = _share(row, is_ectopic, len(rows))
    grid_s = KEPT_S - BEHIND_S - (np.arange(LONG_S * SERIES_HZ)[::-1] + 1) / SERIES_HZ
    # The interval after an ectopic beat is none of the sinus node either.
    wanted = ((values[:-1], ~is_ectopic), (values[-1:], ~is_ectopic & ~_after(is_ectopic)))
    series = np.concatenate([
        modulation.interpolated(
            row[usable], at_s[usable], each[:, usable], devices=len(rows), grid_s=grid_s
        )
        for each, usable in wanted
    ] + [slow[rows][None]])  # fmt: skip
    even = modulation.without_steps(series.reshape(-1, series.shape[2]))
    heart = modulation.heart_rate(row, at_s, len(rows))
    belief = modulation.belief(even.reshape(series.shape), heart, whitening=WHITENING)
    return belief, contrast, share


def _after(is_ectopic: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which beats follow an ectopic one."""
    return np.append(np.zeros(1, dtype=np.bool_), is_ectopic[:-1])[: len(is_ectopic)]


def _share(row: Rows, is_ectopic: NDArray[np.bool_], devices: int) -> Samples:
    """Share of the beats of each device."""
    n = np.bincount(row, minlength=devices)
    return np.asarray(np.bincount(row[is_ectopic], minlength=devices) / np.maximum(n, 1))


def complexes(trace: Samples) -> tuple[Rows, Rows, Samples]:
    """Device and place of each QRS complex of `trace` (devices, n), and the contrast of each row.

    The place is that of the largest deflection; contrast is how far the steepness of beats stands
    above what lies between them.
    """
    missing = np.isnan(trace)
    holed = np.flatnonzero(missing.any(axis=1))
    known = np.where(missing, 0, trace) if len(holed) else trace
    steep = np.zeros_like(known)
    np.subtract(known[:, 1:], known[:, :-1], out=steep[:, 1:])
    np.abs(steep, out=steep)
    near_hole = missing[holed]
    if len(holed):
        near_hole = maximum_filter1d(near_hole.view(np.uint8), 2 * EDGE + 1, axis=1) > 0
        steep[holed] = np.where(near_hole, 0.0, steep[holed])
    steep = _summed(_summed(steep))
    usual = _middle(steep.reshape(len(trace), -1, TRACE_HZ).max(axis=2))
    is_beat = _summits(steep)
    is_beat &= steep[:, EDGE:-EDGE] > LOWEST * usual[:, None]
    if len(holed):
        is_beat[holed] &= ~near_hole[:, EDGE:-EDGE]
    row, near = np.divmod(np.flatnonzero(is_beat), is_beat.shape[1])
    near += EDGE
    around = _around(trace, row, near, QRS)
    ends = 0.5 * (around[:, :1] + around[:, -1:])
    place = near + QRS[0] + np.argmax(np.abs(around - ends), axis=1)
    between = _middle(steep[:, ::STEEP])
    contrast = np.where(between > 0, usual / np.where(between > 0, between, 1.0), 0.0)
    return row, place, contrast


def _summed(values: Samples) -> Samples:
    """Sum of the `STEEP` about each sample, by doubling: always added in one order."""
    of_2 = values[:, :-1] + values[:, 1:]
    of_4 = of_2[:, :-2] + of_2[:, 2:]
    of_8 = of_4[:, :-4] + of_4[:, 4:]
    summed = np.zeros_like(values)
    middle = slice(STEEP // 2, values.shape[1] - STEEP // 2 + 1)
    np.add(of_8[:, : 8 - STEEP], of_2[:, STEEP - 2 :], out=summed[:, middle])
    return summed


def _summits(values: Samples) -> NDArray[np.bool_]:
    """Which samples are the largest within `APART`: of all but `EDGE` at both ends."""
    largest, wide = values, 1
    while wide < APART:
        largest = np.maximum(largest[:, :-wide], largest[:, wide:])
        wide *= 2
    here = values[:, EDGE:-EDGE]
    n = here.shape[1]
    found = here >= largest[:, EDGE - APART : EDGE - APART + n]
    found &= here >= largest[:, EDGE + 1 : EDGE + 1 + n]
    return np.asarray(found)


def _middle(values: Samples) -> Samples:
    """Median of what is not zero in each row, 0 where there is nothing."""
    ordered = np.sort(values, axis=1)
    zeros = (values == 0).sum(axis=1)
    at = np.minimum(zeros + (values.shape[1] - zeros) // 2, values.shape[1] - 1)
    return np.asarray(ordered[np.arange(len(values)), at])


def _features(trace: Samples, row: Rows, place: Rows) -> tuple[Samples, ...]:
    first = LEVEL[0]
    near = _around(trace, row, place, (LEVEL[0], QRS[1]))
    complex_ = near[:, QRS[0] - first :]
    level = near[:, : LEVEL[1] + 1 - first].mean(axis=1)
    rise = np.max(complex_[:, 2:] - complex_[:, :-2], axis=1)
    area = np.abs(near[:, AREA[0] - first : AREA[1] + 1 - first] - level[:, None]).sum(axis=1)
    return complex_.max(axis=1) - complex_.min(axis=1), level, rise, area


def _around(trace: Samples, row: Rows, place: Rows, reach: tuple[int, int]) -> Samples:
    """What lies so far to both sides of places of `trace`: (places, samples)."""
    width = reach[1] - reach[0] + 1
    windows = sliding_window_view(trace, width, axis=1)
    return np.asarray(windows[row, place + reach[0]])


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
