"""The chain published for such a radar (system C), beside ours under its own name.

Demodulate with the mean as DC, keep 0.017 to 3.5 Hz, matched filter, transform, the highest peak
of each band; four harmonics of the breath are taken out before the heart is looked for.
Departures: no template of the matched filter is published; for a single line it is the transform
itself. The band is kept by looking at it only. It always answers, of an empty room too, so its
quality stays below what is shown without a mark; it is offered for comparison.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.spectra import parabola
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.radar.demodulation import GRID_HZ, MM_PER_RADIAN, turned
from services.dsp.core.radar.segments import hann, line_off
from services.dsp.core.radar.thinning import thinned
from services.dsp.core.windows import Instants, Samples, put, second_of, take
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

WINDOW_S = 30
HOP_S = 2  # on the grid of UTC
MEMORY_S = WINDOW_S + HOP_S
SIZE = 8192  # bins of 0.2/min
BREATH_HZ, HEART_HZ = (0.017, 1.17), (0.5, 3.5)
HARMONICS = 4  # of the breath, taken out before the heart is looked for
TAKEN_HZ = 0.067  # on both sides: the lobe of a Hann window of 30 s
RIGHT = (0.45, 0.65)  # of its heart and breath; it does not know when it is wrong
MEASURES = (Measure.HEART_RATE, Measure.RESPIRATION_RATE)
MINUTE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedState:
    """The last half minute (devices, 2, samples), and rates of the last hop (devices, 2)."""

    window: NDArray[np.float32]
    told: Samples


def init(devices: int, rate_hz: int) -> PublishedState:  # noqa: ARG001 - the same window
    """Nothing seen yet."""
    return PublishedState(
        window=np.full((devices, 2, WINDOW_S * GRID_HZ), np.nan, dtype=np.float32),
        told=np.full((devices, 2), np.nan),
    )


def step(state: PublishedState, samples: Samples, times: Instants) -> tuple[PublishedState, Output]:
    """Take one second of (devices, 2, rate_hz): I and Q, any linear unit."""
    newest = thinned(samples)
    window = np.concatenate((state.window[:, :, GRID_HZ:], newest), axis=2, dtype=np.float32)
    changed = PublishedState(window=window, told=state.told.copy())
    due = np.flatnonzero((second_of(times) + 1) % HOP_S == 0)
    if len(due):
        part = take(changed, due)
        put(changed, due, PublishedState(window=part.window, told=_rates(part.window)))
    coverage = np.isfinite(window[:, 0]).mean(axis=1)
    told = np.where(coverage[:, None] > 0, changed.told, np.nan)
    quality = np.where(np.isfinite(told), RIGHT, 0.0)
    readings = [
        Reading(measure, Method.RADAR_PUBLISHED, told[:, k], quality[:, k], coverage)
        for k, measure in enumerate(MEASURES)
    ]
    return changed, Output(tuple(readings))


def _rates(window: NDArray[np.float32]) -> Samples:
    """Heart and breath per minute (devices, 2), NaN unless the whole window is there."""
    seen = np.asarray(np.isfinite(window).all(axis=(1, 2)))
    iq = np.where(seen[:, None, None], window, 0.0).astype(np.float64)
    level = iq - iq.mean(axis=2, keepdims=True)
    mm = turned(level[:, 1], level[:, 0]) * MM_PER_RADIAN
    n = mm.shape[1]
    flat = line_off(mm, np.ones(mm.shape, dtype=np.bool_))
    spectrum = np.fft.rfft(flat * hann(n, np.zeros(len(mm), dtype=np.intp)), SIZE, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    breath_hz = _peak(power, *BREATH_HZ)
    f = np.arange(power.shape[1]) * (GRID_HZ / SIZE)
    for k in range(1, HARMONICS + 1):
        power = np.where(np.abs(f - k * breath_hz[:, None]) <= TAKEN_HZ, 0.0, power)
    rates = np.stack((_peak(power, *HEART_HZ), breath_hz), axis=1) * MINUTE_S
    return np.where(seen[:, None], rates, np.nan)


def _peak(power: Samples, low_hz: float, high_hz: float) -> Samples:
    first = max(int(np.ceil(low_hz * SIZE / GRID_HZ)), 1)
    at = first + np.argmax(power[:, first : int(high_hz * SIZE / GRID_HZ) + 1], axis=1)
    rows = np.arange(len(power))
    shift = parabola(power[rows, at - 1], power[rows, at], power[rows, at + 1])
    return np.asarray((at + shift) * (GRID_HZ / SIZE))
