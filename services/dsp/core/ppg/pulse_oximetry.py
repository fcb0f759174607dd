"""All that one photoplethysmogram gives: pulses, pulse rate, oxygen saturation, perfusion."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.limits import at_limits
from services.dsp.core.outputs import Beats, FrameFlags, Output, Reading
from services.dsp.core.ppg import pulsation
from services.dsp.core.ppg.calibrations import curves_of, methods_of
from services.dsp.core.ppg.pulsation import DELAY, GRID_HZ, PulsationState
from services.dsp.core.ppg.pulse_rate import PulseRate, pulse_rate
from services.dsp.core.ppg.pulses import WINDOW_S as RATE_WINDOW_S
from services.dsp.core.ppg.pulses import Pulses, find_pulses
from services.dsp.core.ppg.saturation import WINDOW_S as SATURATION_WINDOW_S
from services.dsp.core.ppg.saturation import Saturation, saturation
from services.dsp.core.windows import Instants, Samples, present, shifted
from shared.contracts.beats import BeatKind
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

RED, INFRARED = 0, 1
DELAY_S = 2  # of the readings behind the newest sample
# Pulses are told this long before the newest sample: half a second of light behind each at least.
TOLD_S = (1.5, 2.5)
LEAST_QUALITY = 0.3  # of the rate that pulses make: less is noise
# Share of samples that stand at a limit of the sensor. The perfusion index is what lies between the
# 5th and the 95th hundredth: from so many at one end on, it is what the sensor let through.
CUT_OFF = (0.05, 0.1)
LIMITED_S = SATURATION_WINDOW_S + 1  # what the filters hold back is less than a second
# ISO 80601-2-61 asks for the accuracy of 70 to 100 % only, and curves are made of volunteers whose
# saturation is not brought lower: what is below is told, and told as doubtful.
CALIBRATED_FROM, BELOW_IT = 70.0, 0.65
SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OximetryState:
    """The last `RATE_WINDOW_S` seconds of each channel: (devices, channels, samples).

    `limited` is of each of the last `LIMITED_S` the share at a limit of the sensor.
    """

    pulsation: PulsationState
    pulse: Samples
    light: Samples
    limited: Samples


def init(devices: int, rate_hz: int, channels: int = 2) -> OximetryState:
    """Nothing seen yet. `channels`: 1 (any light), or 2 and more (red, infrared, ...)."""
    empty = np.full((devices, channels, RATE_WINDOW_S * GRID_HZ), np.nan)
    inner = pulsation.init(devices, rate_hz, channels)
    limited = np.zeros((devices, LIMITED_S), dtype=np.float32)
    return OximetryState(pulsation=inner, pulse=empty, light=empty.copy(), limited=limited)


def step(
    state: OximetryState,
    samples: Samples,
    times: Instants,
    *,
    flags: FrameFlags | None = None,
    judge: Callable[[PulseRate], PulseRate] | None = None,
) -> tuple[OximetryState, Output]:
    """Take one second of (devices, channels, rate_hz) counts.

    Parameters
    ----------
    times : of the first samples
    flags : of the newest frame of each device: they name its curve; None: the usual one
    judge : what else is known of the rate: it and the pulses are told with the quality that this
        gives
    """
    assert len(times) == len(samples)
    curve = curves_of(np.zeros(len(samples), dtype=np.uint32) if flags is None else flags)
    inner, newest = pulsation.step(state.pulsation, samples)
    changed = OximetryState(
        pulsation=inner,
        pulse=np.concatenate((state.pulse[:, :, GRID_HZ:], newest.pulse), axis=2),
        light=np.concatenate((state.light[:, :, GRID_HZ:], newest.light), axis=2),
        limited=shifted(state.limited, _limited(samples)[:, None]),
    )
    channels = samples.shape[1]
    rate_channel = INFRARED if channels > 1 else 0
    pulses = find_pulses(changed.pulse[:, rate_channel])
    rate = pulse_rate(pulses)
    if judge is not None:
        rate = judge(rate)
    readings: tuple[Reading, ...] = (_rate_reading(rate),)
    if channels > 1:
        window = SATURATION_WINDOW_S * GRID_HZ
        both = slice(RED, INFRARED + 1)
        pulse, light = changed.pulse[:, both, -window:], changed.light[:, both, -window:]
        found = saturation(pulse, light, curve=curve)
        free = np.interp(changed.limited.mean(axis=1), CUT_OFF, (1.0, 0.0))
        readings += _saturation_readings(found, pulses.periodicity, free, methods_of(curve))
    return changed, Output(readings, _beats(pulses, rate, times))


def _limited(samples: Samples) -> Samples:
    """Of a second (devices, channels, n): the greater share of red and infrared at a limit."""
    share = at_limits(samples[:, : INFRARED + 1]).sum(axis=2) / samples.shape[2]
    return np.asarray(share.max(axis=1))


def _rate_reading(rate: PulseRate) -> Reading:
    return Reading(
        Measure.PULSE_RATE, Method.PPG_PULSE_INTERVALS, rate.per_min, rate.quality, rate.coverage
    )


def _beats(pulses: Pulses, rate: PulseRate, times: Instants) -> Beats:
    """Feet of the pulses of one second: each pulse is told once, by its steepest rise."""
    end = RATE_WINDOW_S * GRID_HZ + DELAY
    first, last = (end - seconds * GRID_HZ for seconds in reversed(TOLD_S))
    now = (pulses.place > first) & (pulses.place <= last)
    now &= rate.quality[pulses.row] >= LEAST_QUALITY
    before = np.concatenate((np.zeros(1, dtype=np.bool_), pulses.row[1:] == pulses.row[:-1]))
    at = np.rint(pulses.place + 0.5).astype(np.intp)
    seen = pulses.holes[pulses.row, at]
    whole = before & (seen == np.roll(seen, 1))
    apart = np.where(whole, pulses.foot - np.roll(pulses.foot, 1), np.nan)
    row = pulses.row[now]
    origin = times[row] + SECOND_US - end * SECOND_US // GRID_HZ
    return Beats(
        kind=BeatKind.PULSE_FOOT,
        row=row,
        t=origin + np.rint(pulses.foot[now] * (SECOND_US / GRID_HZ)).astype(np.int64),
        rr_ms=(apart[now] * 1000 / GRID_HZ).astype(np.float32),
        quality=rate.quality[row].astype(np.float32),
    )


def _saturation_readings(
    found: Saturation, periodicity: Samples, free: Samples, method: NDArray[np.int8]
) -> tuple[Reading, Reading]:
    """Quality: both channels show the same pulsation, it repeats, and there is enough of it.

    Parameters
    ----------
    free : 1 where the sensor followed the light all the time, 0 where it stood at a limit
    """
    alike = np.interp(found.agreement, (0.5, 0.8, 0.95), (0.0, 0.6, 1.0))
    enough = np.interp(present(found.perfusion), (0.05, 0.2, 0.5), (0.0, 0.7, 1.0))
    seen = free * np.interp(found.coverage, (0.25, 0.6), (0.6, 1.0))
    repeats = np.interp(periodicity, (0.2, 0.6), (0.5, 1.0))
    quality = np.where(np.isfinite(found.spo2), alike * enough * seen * repeats, 0.0)
    quality = np.where(found.spo2 < CALIBRATED_FROM, np.minimum(quality, BELOW_IT), quality)
    has_index = np.isfinite(found.perfusion)
    index_quality = np.where(has_index, alike * seen * repeats, 0.0)
    return (
        Reading(Measure.SPO2, method, found.spo2, quality, found.coverage),
        Reading(
            Measure.PERFUSION_INDEX, Method.PPG_AC_DC, found.perfusion, index_quality,
            found.coverage,
        ),
    )  # fmt: skip
