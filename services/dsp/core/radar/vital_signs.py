"""Heart rate, respiration rate and presence from I and Q, over the last minute, every 2 s.

Each hop works on the window anew: circle, displacement, breath, pulse. Only the evidence of
presence is remembered, for a few hops. Nobody there: no rates at all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.outputs import Output, Reading
from services.dsp.core.radar import presence
from services.dsp.core.radar.breath import breath, stands_still
from services.dsp.core.radar.demodulation import (
    BODY_MM_PER_S,
    GRID_HZ,
    MM_PER_RADIAN,
    Chest,
    demodulated,
)
from services.dsp.core.radar.pulse import pulse
from services.dsp.core.radar.thinning import thinned
from services.dsp.core.radar.triage import triage
from services.dsp.core.windows import Floats, Instants, Samples, put, second_of, shifted, take
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

WINDOW_S = 60
HOP_S = 2  # on the grid of UTC
LEVELS = 6  # hops for which a confirmed presence is held: 12 s
MEMORY_S = WINDOW_S + HOP_S * LEVELS + 1
MINUTE_S = 60
LEAST_MARGIN = 0.07
MARGIN_OF_MISFIT = 1.0  # somebody behind, a tenth as strong, asks for as much more
LEAST_EVIDENCE = 1.5
NEAR_BREATH_PER_MIN = 2.5
# Share of right heart rates (within 5/min of the mean of 30 s) by margin, and how much of it is
# left where the harmonics stand out less: 13,734 answers to five lists of simulated scenes. Never
# above 0.95: no real chest was among them. Presence and breath: right in all of them.
MARGINS = ((0.05, 0.10, 0.15, 0.20, 0.30), (0.80, 0.86, 0.92, 0.95, 0.95))
EVIDENCES = ((1.5, 2.0, 3.0, 4.0), (0.5, 0.65, 0.95, 1.0))
LENGTHS = ((10.0, 20.0), (0.85, 0.95))
SOMEBODY, NOBODY = 0.95, 0.9
QUIET_S = 30  # without any movement: nobody, for a chest would move
ROUGH = 9.0  # times the median variance of the noise of a second
SEEN_S = 10  # of the newest samples: coverage speaks of them


# Each is a column of values and one of qualities of `RadarState.told`.
GIVEN = (
    (Measure.HEART_RATE, Method.RADAR_PULSE),
    (Measure.RESPIRATION_RATE, Method.RADAR_BREATH),
    (Measure.PRESENCE, Method.RADAR_PRESENCE),
    (Measure.BREATHING_SEEN, Method.RADAR_TRIAGE),
    (Measure.FAST_BREATHING, Method.RADAR_TRIAGE),
    (Measure.PULSE_SEEN, Method.RADAR_TRIAGE),
)
NOTHING = (np.nan, 0.0)
MEASURES = tuple(measure for measure, _ in GIVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarState:
    """The last minute.

    Attributes
    ----------
    window : (devices, 2, WINDOW_S * GRID_HZ)
    noise : (devices, WINDOW_S) variance of the noise of a sample of the window
    levels : (devices, LEVELS) evidence of presence at the last hops
    told : (devices, measures, 2) values and qualities of the last hop
    """

    window: NDArray[np.float32]
    noise: NDArray[np.float32]
    levels: Samples
    told: Samples


def init(devices: int, rate_hz: int) -> RadarState:  # noqa: ARG001 - the window has its own rate
    """Nothing seen yet."""
    return RadarState(
        window=np.full((devices, 2, WINDOW_S * GRID_HZ), np.nan, dtype=np.float32),
        noise=np.full((devices, WINDOW_S), np.nan, dtype=np.float32),
        levels=np.zeros((devices, LEVELS)),
        told=np.full((devices, len(GIVEN), 2), NOTHING),
    )


def step(state: RadarState, samples: Samples, times: Instants) -> tuple[RadarState, Output]:
    """Take one second of (devices, 2, rate_hz): I and Q, any linear unit."""
    newest = thinned(samples)
    window = np.concatenate((state.window[:, :, GRID_HZ:], newest), axis=2, dtype=np.float32)
    noise = shifted(state.noise, _noise(samples)[:, None])
    changed = RadarState(
        window=window, noise=noise, levels=state.levels.copy(), told=state.told.copy()
    )
    due = np.flatnonzero((second_of(times) + 1) % HOP_S == 0)
    if len(due):
        put(changed, due, _looked(take(changed, due), samples.shape[2]))
    coverage = np.isfinite(window[:, 0, -SEEN_S * GRID_HZ :]).mean(axis=1)
    told = np.where(coverage[:, None, None] > 0, changed.told, NOTHING)
    readings = [
        Reading(measure, method, told[:, k, 0], told[:, k, 1], coverage)
        for k, (measure, method) in enumerate(GIVEN)
    ]
    return changed, Output(tuple(readings))


def _looked(state: RadarState, rate_hz: int) -> RadarState:
    """What the window says now, for devices whose hop it is."""
    iq = state.window.astype(np.float64)
    noise = _middle(state.noise)
    chest = demodulated(iq, noise, _rough(state.noise, noise, iq, rate_hz))
    breaths = breath(chest)
    still, breath_hz = stands_still(chest, breaths)
    beats = pulse(chest, breath_hz)
    life = presence.life(chest, breaths, beats, iq, noise)
    levels = shifted(state.levels, life.level[:, None])
    there = presence.present(levels)
    per_min = np.where(still, 0.0, breaths.hz * MINUTE_S)
    near = np.abs(beats.per_min - breath_hz * MINUTE_S) <= NEAR_BREATH_PER_MIN
    margin = beats.margin - MARGIN_OF_MISFIT * _beside(chest)
    sure = (margin >= LEAST_MARGIN) & (beats.recent > LEAST_EVIDENCE) & ~near
    heart_quality = np.interp(margin, *MARGINS) * np.interp(beats.recent, *EVIDENCES)
    answers = triage(breaths, beats, life, still)
    given = (
        (np.where(there & sure, beats.per_min, np.nan), heart_quality),
        (np.where(there, per_min, np.nan), np.interp(breaths.clean_s, *LENGTHS)),
        _somebody(there, life, state.noise),
        *answers,
    )
    told = np.stack([np.stack(each, axis=1) for each in given], axis=1)
    told[:, :, 1] = np.where(np.isfinite(told[:, :, 0]), told[:, :, 1], 0.0)
    return RadarState(window=state.window, noise=state.noise, levels=levels, told=told)


def _beside(chest: Chest) -> Samples:
    """Misfit of the circle that is more than noise: somebody else moves too."""
    noise = chest.noise / MM_PER_RADIAN
    return np.sqrt(np.maximum(chest.misfit**2 - noise**2, 0.0))


def _somebody(
    there: NDArray[np.bool_], life: presence.Life, noise: NDArray[np.float32]
) -> tuple[Samples, Samples]:
    """1 or 0 and how sure; NaN where something moves that shows no breath and no pulse."""
    seen = np.isfinite(noise[:, -QUIET_S:]).all(axis=1)
    nobody = ~there & seen & life.still
    value = np.where(there, 1.0, np.where(nobody, 0.0, np.nan))
    quality = np.where(there, SOMEBODY, np.where(nobody, NOBODY, 0.0))
    return value, quality


def _noise(samples: Samples) -> Samples:
    """Variance of the noise of a mean of 40 ms, from third differences: no chest is so quick."""
    rough = np.diff(samples, n=3, axis=2)
    seen = np.isfinite(rough)
    squares = np.where(seen, rough * rough, 0.0).sum(axis=2).sum(axis=1)
    n = seen.sum(axis=2).sum(axis=1)
    per_sample = squares / np.maximum(n, 1) / 20  # 1 + 9 + 9 + 1
    return np.where(n > 0, per_sample * GRID_HZ / samples.shape[2], np.nan)


def _rough(
    variances: NDArray[np.float32], noise: Samples, iq: Samples, rate_hz: int
) -> NDArray[np.bool_]:
    """Seconds in which something passed much faster than a chest, (devices, seconds).

    Third differences of such seconds stand out of the noise, and of what a chest would give.
    """
    seen = np.isfinite(iq)
    n = np.maximum(seen.sum(axis=2), 1)
    power = np.where(seen, iq * iq, 0.0).sum(axis=2) / n
    level = np.where(seen, iq, 0.0).sum(axis=2) / n
    spread = (power - level * level).sum(axis=1)
    chest = spread * (BODY_MM_PER_S / MM_PER_RADIAN / rate_hz) ** 6 / 40 * GRID_HZ / rate_hz
    allowed = np.maximum(ROUGH * noise * noise, chest)
    return np.asarray(variances > allowed[:, None])


def _middle(variances: NDArray[np.float32]) -> Floats:
    """Square root of the median of what is there, 0 where nothing is."""
    ordered = np.sort(variances, axis=1).astype(np.float64)
    n = np.isfinite(ordered).sum(axis=1)
    middle = np.take_along_axis(
        ordered, np.maximum(n // 2, 0)[:, None].clip(0, ordered.shape[1] - 1), axis=1
    )
    return np.sqrt(np.where(n > 0, middle[:, 0], 0.0))
