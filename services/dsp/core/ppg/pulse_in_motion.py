"""Pulse rate of somebody who moves, from light and acceleration of one device.

Light alone shows steps and swings of the arm as well as the pulse, and often better. Here what the
acceleration explains is taken off, each rate is judged (`motion.py`) each second, and the rate is
followed through the last seconds (`rate_track.py`).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.butterworth import band_response
from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered, toeplitz
from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.ppg import motion, motion_quality, rate_track
from services.dsp.core.ppg.motion import GRID_HZ, LAG, SPAN, WINDOW_S, Judged
from services.dsp.core.ppg.motion_quality import KEPT, KEPT_S
from services.dsp.core.ppg.rate_track import HOPS, RATES
from services.dsp.core.windows import Instants, Samples, present, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

AXES = 3
MOTION_HZ = GRID_HZ
MOST_LIGHTS = 2
DELAY_S = 2  # one for the filters and the lags, one to look ahead
RESAMPLING_DELAY = 4  # of GRID_HZ: 0.16 s
PASS_HZ = (0.4, 5.0)  # the slowest pulse, and two harmonics of the fastest
SETTLING = 12  # of GRID_HZ: half a second, one period of the slowest that passes is 2.5 s
FILTER_S = 6  # of its impulse response; what follows is below 1e-4 of it
MEMORY_S = KEPT_S + HOPS + (SPAN + 2 * LAG) // GRID_HZ + FILTER_S + 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionState:
    """What is remembered: light and acceleration one below the other, and judged seconds.

    Attributes
    ----------
    light, jolt : (devices, channels, ...), what the resamplers must remember
    tail : (devices, channels, FILTER_S * GRID_HZ - 1), what the filter must remember
    window : (devices, channels, SPAN + 2 * LAG), filtered
    likelihood : (devices, HOPS, rates)
    kept : (devices, KEPT_S, KEPT), what quality keeps of each second, NaN: no rate was told
    """

    light: ResamplerState
    jolt: ResamplerState
    tail: Samples
    window: Samples
    likelihood: Samples
    kept: Samples


def init(devices: int, rate_hz: int, *, lights: int = MOST_LIGHTS) -> MotionState:
    """Nothing seen yet. `rate_hz` is that of the light; acceleration comes at `MOTION_HZ`."""
    channels = lights + AXES
    return MotionState(
        light=_resampler_state(devices, lights, rate_hz),
        jolt=_resampler_state(devices, AXES, MOTION_HZ),
        tail=np.full((devices, channels, FILTER_S * GRID_HZ), np.nan),
        window=np.full((devices, channels, SPAN + 2 * LAG), np.nan),
        likelihood=np.ones((devices, HOPS, len(RATES)), dtype=np.float32),
        kept=np.full((devices, KEPT_S, KEPT), np.nan),
    )


def step(
    state: MotionState, samples: tuple[Samples, Samples], times: Instants
) -> tuple[MotionState, Output]:
    """Take one second of light and acceleration.

    Parameters
    ----------
    samples : light (devices, lights, rate_hz), of one also (devices, rate_hz), and acceleration
        (devices, 3, MOTION_HZ), any linear unit, NaN where missing
    times : (devices,), of their first samples
    """
    light, jolt = samples
    assert len(times) == len(light)
    lights = state.window.shape[1] - AXES
    light = light.reshape(len(light), -1, light.shape[-1])
    # Without light, acceleration says nothing: a silence of the light leaves nothing behind.
    is_dark = np.asarray(np.isnan(light).all(axis=(1, 2)))
    jolt = np.where(is_dark[:, None, None], np.nan, jolt)
    light_state, bright = _resampled(state.light, light[:, :lights])
    jolt_state, shaken = _resampled(state.jolt, jolt)
    tail, newest = _passed(state.tail, np.concatenate((bright, shaken), axis=1))
    window = np.concatenate((state.window[:, :, GRID_HZ:], newest), axis=2)
    inside = window[:, :lights, LAG:-LAG]
    moved = window[:, lights:]
    judged = motion.judge(inside, moved)
    likelihood = shifted(state.likelihood, judged.likelihood[:, None])
    value, quality, coverage, kept = _told(inside, moved, likelihood, judged, state.kept)
    changed = MotionState(
        light=light_state, jolt=jolt_state, tail=tail, window=window, likelihood=likelihood,
        kept=kept,
    )  # fmt: skip
    return changed, Output((
        Reading(Measure.PULSE_RATE, Method.PPG_SPECTRUM, value, quality, coverage),
    ))  # fmt: skip


def _told(
    light: Samples, moved: Samples, likelihood: Samples, judged: Judged, kept: Samples
) -> tuple[Samples, Samples, Samples, Samples]:
    """Value, quality, coverage, and what is kept with this second."""
    seen = motion.whole(light, moved)[:, -WINDOW_S * GRID_HZ :]
    coverage = seen.sum(axis=1) / seen.shape[1]
    has_value = coverage >= motion.LEAST_COVERAGE
    value, quality = np.full(len(light), np.nan), np.zeros(len(light))
    kept = shifted(kept, np.full((len(light), 1, KEPT), np.nan))
    if has_value.any():  # where nothing accelerates there is nothing to follow
        found = rate_track.track(likelihood[has_value])
        value[has_value] = found.per_min
        seen_now = Judged(*(part[has_value] for part in judged))
        kept[has_value, -1] = motion_quality.of_now(found, seen_now)
        quality[has_value] = motion_quality.quality(
            motion_quality.features(found, seen_now, kept[has_value]),
            kept[has_value],
            light.shape[1],
        )
    return value, quality, coverage, kept


def _passed(tail: Samples, newest: Samples) -> tuple[Samples, Samples]:
    """What passes `PASS_HZ`, without delay for what comes before it: light and motion alike.

    Over a hole the filter sees the last value, before the first sample the first; what it makes of
    that, up to SETTLING after it, is missing.
    """
    devices, channels, _ = newest.shape
    window = np.concatenate((tail, newest), axis=2).reshape(devices * channels, -1)
    missing = np.isnan(window)
    held = _held(window, missing) if missing.any() else window
    out = filtered(held - held[:, -1:], _band())
    near = np.cumsum(missing[:, -GRID_HZ - SETTLING - 1 :], axis=1)
    out[near[:, SETTLING + 1 :] > near[:, : -SETTLING - 1]] = np.nan
    kept = window[:, GRID_HZ:].reshape(devices, channels, -1)
    return kept, out.reshape(devices, channels, GRID_HZ)


def _held(window: Samples, missing: NDArray[np.bool_]) -> Samples:
    """Each missing value as the one before it; before the first, the first; 0 without any."""
    place = np.arange(window.shape[1])
    last = np.maximum.accumulate(np.where(missing, -1, place), axis=1)
    first = np.argmin(missing, axis=1)[:, None]
    return present(np.take_along_axis(window, np.where(last < 0, first, last), axis=1))


@cache
def _band() -> FilterBank:
    """A Butterworth band, causal, cut after FILTER_S and without any gain at 0 Hz."""
    kernel = band_response(*PASS_HZ, GRID_HZ, FILTER_S * GRID_HZ + 1)
    return filter_bank(toeplitz((kernel - kernel.mean())[::-1], GRID_HZ))


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = 0.45 * min(rate_hz, GRID_HZ)
    return Resampler(rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)


def _resampler_state(devices: int, channels: int, rate_hz: int) -> ResamplerState:
    tail = _resampler(rate_hz).init(devices * channels).tail
    return ResamplerState(tail=tail.reshape(devices, channels, -1))


def _resampled(state: ResamplerState, samples: Samples) -> tuple[ResamplerState, Samples]:
    devices, channels, rate_hz = samples.shape
    flat = ResamplerState(tail=state.tail.reshape(devices * channels, -1))
    inner, out = _resampler(rate_hz).step(flat, samples.reshape(-1, rate_hz))
    tail = inner.tail.reshape(devices, channels, -1)
    return ResamplerState(tail=tail), out.reshape(devices, channels, GRID_HZ)
