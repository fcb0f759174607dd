"""Respiration rate from the impedance of the chest, over the last minute.

The window is looked at anew each time: the spectra of the last 30 and 60 seconds are multiplied,
so that what only one of them shows does not win; the answer is the highest peak.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.conditioning.spectra import parabola
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Floats, Instants, Samples, present, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

GRID_HZ = 8
RESAMPLING_DELAY = 8  # of GRID_HZ: 1 s, so that the low pass at 1.5 Hz is steep enough
CUT_HZ = 1.5  # 70 breaths a minute are 1.17 Hz
WINDOW_S = 60
SHORT_S = 30
LEAST_S = 20  # of signal: three breaths at 9 /min
DELAY_S = 1
SLOWEST_PER_MIN, FASTEST_PER_MIN = 4.0, 70.0
STEP_PER_MIN = 0.25
FLOOR = 0.15  # of the highest peak: what is lower says nothing
CLIP_MADS = 3.5  # robust deviations: a cough must not rule the minute
MINUTE_S = 60
# Certainty, and the share of such answers within 2/min of the annotated breaths (703 windows of
# 26 people in bed, docs/science/respiration.md); below 0.2 nothing was seen: steep to nothing.
CALIBRATION = ((0.1, 0.2, 0.35, 0.5, 0.65, 0.75, 0.85), (0.0, 0.3, 0.6, 0.72, 0.84, 0.96, 0.99))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpedanceState:
    """The last minute at GRID_HZ: (devices, WINDOW_S * GRID_HZ)."""

    resampler: ResamplerState
    window: Samples


def init(devices: int, rate_hz: int) -> ImpedanceState:
    """Nothing seen yet."""
    return ImpedanceState(
        resampler=_resampler(rate_hz).init(devices),
        window=np.full((devices, WINDOW_S * GRID_HZ), np.nan),
    )


def step(state: ImpedanceState, samples: Samples, times: Instants) -> tuple[ImpedanceState, Output]:
    """Take one second of (devices, rate_hz), any linear unit; `times` of its first samples."""
    assert len(times) == len(samples)
    inner, newest = _resampler(samples.shape[1]).step(state.resampler, samples)
    window = shifted(state.window, newest)
    changed = ImpedanceState(resampler=inner, window=window)
    coverage = np.isfinite(window).sum(axis=1) / window.shape[1]
    value, certainty = breath_rate(window)
    known = np.isfinite(value)
    quality = np.where(known, np.interp(certainty, *CALIBRATION), 0.0)
    quality *= np.interp(coverage, (LEAST_S / WINDOW_S, 0.6), (0.6, 1.0))
    reading = Reading(Measure.RESPIRATION_RATE, Method.IMPEDANCE_SPECTRUM, value, quality, coverage)
    return changed, Output((reading,))


def breath_rate(window: Samples) -> tuple[Samples, Samples]:
    """Breaths per minute of each window (devices, n), NaN where missing, and its certainty.

    Certainty is the share of the likelihood that lies within 2/min of the answer.
    """
    likely = np.zeros((len(window), len(_rates())))
    for seconds in (WINDOW_S, SHORT_S):
        power = _power(window[:, -seconds * GRID_HZ :])
        top = power.max(axis=1)
        scaled = power / np.where(top > 0, top, 1.0)[:, None]
        likely += 0.5 * functions.log(scaled + FLOOR)
    n = np.isfinite(window).sum(axis=1)
    moving = present(likely).max(axis=1) > np.log(FLOOR)
    usable = (n >= LEAST_S * GRID_HZ) & moving
    rows = np.arange(len(window))
    at = np.clip(np.argmax(likely, axis=1), 1, likely.shape[1] - 2)
    shift = parabola(likely[rows, at - 1], likely[rows, at], likely[rows, at + 1])
    value = SLOWEST_PER_MIN + STEP_PER_MIN * (at + shift)
    mass = functions.exp(3 * (likely - likely.max(axis=1)[:, None]))
    near = np.abs(_rates()[None, :] - value[:, None]) <= 2
    certainty = np.where(near, mass, 0).sum(axis=1) / mass.sum(axis=1)
    return np.where(usable, value, np.nan), np.where(usable, certainty, 0.0)


def _power(window: Samples) -> Samples:
    """Power at each rate of the grid: (devices, rates)."""
    seen = np.isfinite(window)
    bounded = _bounded(window, seen)
    n = window.shape[1]
    taper = np.hanning(n + 2)[1:-1] * seen
    flat = _detrended(bounded, seen) * taper
    size = 2048  # bins of 0.23/min
    spectrum = np.fft.rfft(flat, size, axis=1)
    density = spectrum.real**2 + spectrum.imag**2
    place = _rates() / MINUTE_S * size / GRID_HZ
    low = place.astype(np.intp)
    part = place - low
    power = density[:, low] * (1 - part) + density[:, low + 1] * part
    return np.asarray(power)


def _bounded(window: Samples, seen: NDArray[np.bool_]) -> Samples:
    ordered = np.sort(window, axis=1)
    rows, n = np.arange(len(window)), seen.sum(axis=1)
    middle = present(ordered[rows, np.minimum(n // 2, window.shape[1] - 1)])
    apart = np.where(seen, window - middle[:, None], 0.0)
    spread = np.sort(np.where(seen, np.abs(apart), np.inf), axis=1)[rows, np.maximum(n // 2 - 1, 0)]
    reach = np.where(np.isfinite(spread) & (spread > 0), CLIP_MADS * 1.4826 * spread, np.inf)
    return np.clip(apart, -reach[:, None], reach[:, None])


def _detrended(window: Samples, seen: NDArray[np.bool_]) -> Samples:
    """Without the least-squares parabola over what was seen, by orthogonal steps.

    Each power is made orthogonal to those before over what was seen (Gram-Schmidt): no system of
    equations is solved, so that no library decides about the last bit.
    """
    t = np.linspace(-1, 1, window.shape[1])
    rest = window
    basis: list[Samples] = []
    for power in range(3):
        shape = np.where(seen, t**power, 0.0)
        for other in basis:
            shape = shape - other * (shape * other).sum(axis=1)[:, None]
        size = np.sqrt((shape * shape).sum(axis=1))
        shape = shape / np.where(size > 1e-6, size, np.inf)[:, None]
        basis.append(shape)
        rest = rest - shape * (rest * shape).sum(axis=1)[:, None]
    return np.where(seen, rest, 0.0)


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = min(CUT_HZ, 0.45 * rate_hz)
    return Resampler(rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)


@cache
def _rates() -> Floats:
    return np.arange(SLOWEST_PER_MIN, FASTEST_PER_MIN + STEP_PER_MIN, STEP_PER_MIN)
