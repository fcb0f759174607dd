"""Respiration rate from an accelerometer on the chest: each breath tilts it.

Every five seconds: the direction in which the acceleration of the last two minutes varies most,
the highest peak of the spectrum of its last minute, then a least-squares fit of three harmonics
on rates about that peak, over as long as `BREATHS` breaths take (a minute at least, two at most):
of a slow breath a minute holds too few to time them. What was before the last movement of the body
counts no more, because chest and sensor lie otherwise since.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.conditioning.spectra import parabola
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.respiration.background import trust
from services.dsp.core.respiration.likelihood import MINUTE_S, detrended
from services.dsp.core.respiration.track import HOP_S, due
from services.dsp.core.windows import Floats, Instants, Samples, present
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

AXES = 3
GRID_HZ = 5
RESAMPLING_DELAY = 5  # of GRID_HZ: 1 s
CUT_HZ = 1.5  # 70 breaths a minute are 1.17 Hz
KEPT_S = 120
LEAST_S = 12  # three breaths at 15 /min
BREATHS = 8
SLOWEST_PER_MIN, FASTEST_PER_MIN = 2.0, 70.0
LEAST_PER_MIN = 2.5  # a peak at the lower end is the foot of something slower
FFT_SIZE = 4096  # bins of 0.07/min
HARMONICS = 3
REACH_PER_MIN, TRIES = 0.6, 13  # about the peak: half the main lobe of a minute, in steps of 0.1
JOLT_G = 0.12  # within a second, beside its mean and slope: a deep breath at 30 /min gives 0.09,
# walking 0.2 and more
TURN_G, TURN_S = 0.2, 5  # between means of so long: a slow breath gives 0.1, who turns over, 0.5
DELAY_S = 1
MEMORY_S = KEPT_S + 3 + HOP_S
# Share of the variation that the fit explains, and the chance of a right rate: breath gives 0.7
# and more, noise that falls like 1/f up to 0.4 (docs/science/respiration.md). Never above 0.95.
CALIBRATION = ((0.4, 0.55, 0.7, 0.85), (0.0, 0.5, 0.85, 0.95))
SHORT_S = (12.0, 40.0), (0.6, 1.0)  # of so few seconds a fit of eight numbers explains too much


@dataclass(frozen=True, slots=True, kw_only=True)
class ChestMotionState:
    """The last two minutes, and what was told at the last hop.

    Attributes
    ----------
    window : (devices, AXES, KEPT_S * GRID_HZ)
    value, explained : (devices,)
    """

    resampler: ResamplerState
    window: Samples
    value: Samples
    explained: Samples


def init(devices: int, rate_hz: int) -> ChestMotionState:
    """Nothing seen yet."""
    tail = _resampler(rate_hz).init(devices * AXES).tail
    return ChestMotionState(
        resampler=ResamplerState(tail=tail.reshape(devices, AXES, -1)),
        window=np.full((devices, AXES, KEPT_S * GRID_HZ), np.nan),
        value=np.full(devices, np.nan),
        explained=np.zeros(devices),
    )


def step(
    state: ChestMotionState, samples: Samples, times: Instants
) -> tuple[ChestMotionState, Output]:
    """Take one second of (devices, AXES, rate_hz) in g; `times` of its first samples."""
    devices, _, rate_hz = samples.shape
    samples = np.where(_moving(samples)[:, None, None], np.nan, samples)
    tail = state.resampler.tail.reshape(devices * AXES, -1)
    inner, fresh = _resampler(rate_hz).step(ResamplerState(tail=tail), samples.reshape(-1, rate_hz))
    fresh = fresh.reshape(devices, AXES, GRID_HZ)
    window = np.concatenate((state.window[:, :, GRID_HZ:], fresh), axis=2)
    value, explained = state.value, state.explained
    rows = due(times)
    if len(rows):
        value, explained = value.copy(), explained.copy()
        value[rows], explained[rows] = breath_rate(window[rows])
    changed = ChestMotionState(
        resampler=ResamplerState(tail=inner.tail.reshape(devices, AXES, -1)),
        window=window,
        value=value,
        explained=explained,
    )
    return changed, Output((_reading(changed),))


def _moving(samples: Samples) -> NDArray[np.bool_]:
    """Whether a body moves in a second of (devices, AXES, n)."""
    seen = np.isfinite(samples).all(axis=1)
    n = np.maximum(seen.sum(axis=1), 1)
    t = np.linspace(-1, 1, samples.shape[2])
    slope = t / np.sqrt((t * t).sum())
    power = np.zeros(len(samples))
    for axis in range(AXES):
        values = np.where(seen, samples[:, axis], 0.0)
        apart = np.where(seen, values - (values.sum(axis=1) / n)[:, None], 0.0)
        rest = apart - slope * (apart * slope).sum(axis=1)[:, None]
        power += (rest * rest).sum(axis=1) / n
    return np.asarray(power > JOLT_G * JOLT_G)


def breath_rate(window: Samples) -> tuple[Samples, Samples]:
    """Breaths per minute of each window (devices, AXES, n), and the share that they explain."""
    line, seen = _strongest(window)
    coarse = _peak(line[:, -MINUTE_S * GRID_HZ :], seen[:, -MINUTE_S * GRID_HZ :])
    seconds = np.clip(BREATHS * MINUTE_S / coarse, MINUTE_S, KEPT_S)
    ago = (line.shape[1] - np.arange(line.shape[1])) / GRID_HZ
    used = seen & (ago[None, :] <= seconds[:, None])
    y = np.where(used, line, 0.0)
    tries = coarse[:, None] + np.linspace(-REACH_PER_MIN, REACH_PER_MIN, TRIES)
    fits = np.stack([_explained(y, used, ago, tries[:, k]) for k in range(TRIES)], axis=1)
    rows = np.arange(len(y))
    best = np.argmax(fits, axis=1)
    at = np.clip(best, 1, TRIES - 2)
    shift = parabola(fits[rows, at - 1], fits[rows, at], fits[rows, at + 1])
    apart = 2 * REACH_PER_MIN / (TRIES - 1)
    rate = tries[rows, at] + shift * apart
    n = used.sum(axis=1)
    enough = (n >= LEAST_S * GRID_HZ) & (y != 0).any(axis=1)
    told = fits[rows, best] * np.interp(n / GRID_HZ, *SHORT_S)
    minute = np.where(seen, line, np.nan)[:, -MINUTE_S * GRID_HZ :]
    told = np.where(rate >= LEAST_PER_MIN, told * trust(minute, GRID_HZ, rate), 0.0)
    return np.where(enough, rate, np.nan), np.where(enough, told, 0.0)


def _strongest(window: Samples) -> tuple[Samples, NDArray[np.bool_]]:
    """Each window (devices, AXES, n) along the direction in which it varies most."""
    seen = np.isfinite(window).all(axis=1)
    level = window - present(window[:, :, -1:])
    seen = np.logical_and.accumulate((seen & ~_before_turn(level))[:, ::-1], axis=1)[:, ::-1]
    flat = np.stack(
        [detrended(np.where(seen, level[:, k], 0.0), seen) for k in range(AXES)], axis=1
    )
    spread = np.stack(
        [
            np.stack([(flat[:, j] * flat[:, k]).sum(axis=1) for k in range(AXES)], axis=1)
            for j in range(AXES)
        ],
        axis=1,
    )
    _, directions = np.linalg.eigh(spread)
    main = directions[:, :, -1]
    line = main[:, :1] * flat[:, 0] + main[:, 1:2] * flat[:, 1] + main[:, 2:] * flat[:, 2]
    return line, seen


def _before_turn(level: Samples) -> NDArray[np.bool_]:
    """Which samples lie before the chest came to lie as it does now: (devices, n)."""
    parts = present(level).reshape(len(level), AXES, -1, TURN_S * GRID_HZ).sum(axis=3)
    change = np.diff(parts / (TURN_S * GRID_HZ), axis=2)
    turned = (change * change).sum(axis=1) > TURN_G * TURN_G
    later = np.logical_or.accumulate(turned[:, ::-1], axis=1)[:, ::-1]
    return np.repeat(
        np.concatenate((later, later[:, -1:] & False), axis=1), TURN_S * GRID_HZ, axis=1
    )


def _peak(line: Samples, seen: NDArray[np.bool_]) -> Samples:
    spectrum = np.fft.rfft(np.where(seen, line, 0.0), FFT_SIZE, axis=1)
    per_min = np.fft.rfftfreq(FFT_SIZE, 1 / GRID_HZ) * MINUTE_S
    inside = (per_min >= SLOWEST_PER_MIN) & (per_min <= FASTEST_PER_MIN)
    power = np.where(inside, spectrum.real**2 + spectrum.imag**2, -1.0)
    return np.asarray(per_min[np.argmax(power, axis=1)])


def _explained(y: Samples, used: NDArray[np.bool_], ago: Floats, per_min: Samples) -> Samples:
    """Share of `y` that a line and three harmonics of a rate explain, by least squares."""
    angle = (2 * np.pi / MINUTE_S) * per_min[:, None] * ago
    first = np.exp(1j * angle)
    columns = [np.ones(y.shape), np.broadcast_to(ago / KEPT_S, y.shape)]
    wave = first
    for _ in range(HARMONICS):
        columns += [wave.real, wave.imag]
        wave = wave * first
    basis = np.stack(columns, axis=1) * used[:, None]
    gram = np.matmul(basis, basis.transpose(0, 2, 1))
    gram += 1e-6 * np.eye(basis.shape[1])
    onto = np.matmul(basis, y[:, :, None])
    weights = np.linalg.solve(gram, onto)
    total = (y * y).sum(axis=1)
    told = (weights * onto).sum(axis=(1, 2))
    return np.asarray(np.where(total > 0, told / np.where(total > 0, total, 1.0), 0.0))


def _reading(state: ChestMotionState) -> Reading:
    recent = np.isfinite(state.window[:, 0, -MINUTE_S * GRID_HZ :]).sum(axis=1)
    coverage = recent / (MINUTE_S * GRID_HZ)
    quality = np.interp(state.explained, *CALIBRATION)
    quality *= np.interp(coverage, (LEAST_S / MINUTE_S, 0.6), (0.6, 1.0))
    seen = np.isfinite(state.value) & (coverage >= LEAST_S / MINUTE_S)
    return Reading(
        Measure.RESPIRATION_RATE,
        Method.CHEST_MOTION_BREATH,
        np.where(seen, state.value, np.nan),
        np.where(seen, quality, 0.0),
        coverage,
    )


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = min(CUT_HZ, 0.45 * rate_hz)
    return Resampler(rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)
