"""All that one photoplethysmogram gives: pulse rate, oxygen saturation, perfusion index."""

from dataclasses import dataclass

import numpy as np

from services.dsp.core.outputs import Output, Reading
from services.dsp.core.ppg import pulsation
from services.dsp.core.ppg.pulsation import GRID_HZ, PulsationState
from services.dsp.core.ppg.pulse_rate import WINDOW_S as RATE_WINDOW_S
from services.dsp.core.ppg.pulse_rate import PulseRate, pulse_rate
from services.dsp.core.ppg.saturation import WINDOW_S as SATURATION_WINDOW_S
from services.dsp.core.ppg.saturation import Saturation, saturation
from services.dsp.core.windows import Instants, Samples, present
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

RED, INFRARED = 0, 1
DELAY_S = 1  # of the readings behind the newest sample
# Share of pulse rates within 5/min of the ECG by periodicity, and what a spread of the intervals
# takes from it (1034 windows of 26 people in bed, docs/science/ppg.md).
PERIODICITY_CALIBRATION = (
    (0.1, 0.2, 0.3, 0.5, 0.65, 0.75, 0.85, 0.95),
    (0.0, 0.4, 0.7, 0.8, 0.87, 0.94, 0.97, 1.0),
)
SPREAD_CALIBRATION = ((0.03, 0.08, 0.15, 0.3, 0.45, 0.6), (1.0, 0.95, 0.9, 0.8, 0.5, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class OximetryState:
    """The last `RATE_WINDOW_S` seconds of each channel: (devices, channels, samples)."""

    pulsation: PulsationState
    pulse: Samples
    light: Samples


def init(devices: int, rate_hz: int, channels: int = 2) -> OximetryState:
    """Nothing seen yet. `channels`: 1 (any light), or 2 and more (red, infrared, ...)."""
    empty = np.full((devices, channels, RATE_WINDOW_S * GRID_HZ), np.nan)
    inner = pulsation.init(devices, rate_hz, channels)
    return OximetryState(pulsation=inner, pulse=empty, light=empty.copy())


def step(state: OximetryState, samples: Samples, times: Instants) -> tuple[OximetryState, Output]:
    """Take one second of (devices, channels, rate_hz) counts; `times` of its first samples."""
    assert len(times) == len(samples)
    inner, newest = pulsation.step(state.pulsation, samples)
    changed = OximetryState(
        pulsation=inner,
        pulse=np.concatenate((state.pulse[:, :, GRID_HZ:], newest.pulse), axis=2),
        light=np.concatenate((state.light[:, :, GRID_HZ:], newest.light), axis=2),
    )
    channels = samples.shape[1]
    rate_channel = INFRARED if channels > 1 else 0
    rate = pulse_rate(changed.pulse[:, rate_channel])
    readings: tuple[Reading, ...] = (_rate_reading(rate),)
    if channels > 1:
        window = SATURATION_WINDOW_S * GRID_HZ
        both = slice(RED, INFRARED + 1)
        found = saturation(changed.pulse[:, both, -window:], changed.light[:, both, -window:])
        readings += _saturation_readings(found, rate)
    return changed, Output(readings)


def _rate_reading(rate: PulseRate) -> Reading:
    return Reading(
        Measure.PULSE_RATE,
        Method.PPG_PULSE_INTERVALS,
        rate.per_min,
        rate_quality(rate),
        rate.coverage,
    )


def rate_quality(rate: PulseRate) -> Samples:
    """Share of such pulse rates within 5/min of the truth (docs/science/ppg.md)."""
    steady = np.interp(rate.spread, *SPREAD_CALIBRATION)
    periodic = np.interp(rate.periodicity, *PERIODICITY_CALIBRATION)
    return np.asarray(np.where(np.isfinite(rate.per_min), steady * periodic * rate.coverage, 0.0))


def _saturation_readings(found: Saturation, rate: PulseRate) -> tuple[Reading, Reading]:
    """Quality: both channels show the same pulsation, it repeats, and there is enough of it."""
    alike = np.interp(found.agreement, (0.5, 0.8, 0.95), (0.0, 0.6, 1.0))
    enough = np.interp(present(found.perfusion), (0.05, 0.2, 0.5), (0.0, 0.7, 1.0))
    seen = np.interp(found.coverage, (0.25, 0.6), (0.6, 1.0))
    repeats = np.interp(rate.periodicity, (0.2, 0.6), (0.5, 1.0))
    quality = np.where(np.isfinite(found.spo2), alike * enough * seen * repeats, 0.0)
    has_index = np.isfinite(found.perfusion)
    index_quality = np.where(has_index, alike * seen * repeats, 0.0)
    return (
        Reading(
            Measure.SPO2, Method.PPG_RATIO_OF_RATIOS, found.spo2, quality, found.coverage
        ),
        Reading(
            Measure.PERFUSION_INDEX, Method.PPG_AC_DC, found.perfusion, index_quality,
            found.coverage,
        ),
    )  # fmt: skip
