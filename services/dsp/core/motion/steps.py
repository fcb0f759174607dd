"""Steps and cadence from one accelerometer anywhere on the body.

The size of the acceleration, less gravity, below 2.7 Hz: its maxima are steps where they are
high enough, the highest within 0.3 s, and one of four at least that follow each other as those
of a walking person do. While the sensor itself is turned it is handled, not walked with: what it
feels then is no step. Nor is anything where the seconds around are noise, cut off, not about 1 g
on the mean, or swing more slowly than steps do. Told as counts of TOLD_EACH_S on the grid of UTC,
each step in one of them, so that they may be added up. At the trunk also the speed: cadence times a
step length from how much the trunk rises and falls, as Weinberg's; the weak fourth root forgives
much of how a sensor sits.

References
----------
Weinberg 2002, Using the ADXL202 in pedometer and personal navigation applications, Analog Devices
AN-602: step length as the fourth root of the vertical bounce.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.means import at_rate
from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.motion import alive
from services.dsp.core.motion.wearing import possible
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Instants, Samples, present, second_of, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

N_CHANNELS = 3
GRID_HZ = 25
RESAMPLING_DELAY = 13  # of GRID_HZ: half a second, so that the low pass is steep
CUT_HZ = 2.7  # the quickest walk has 2.4 steps a second; above lie the overtones of the stride
LEAST_G = 0.05  # half of what the slowest walkers' hips give; breath and sway stay under 0.03
# From the lowest of the neighbours: what merely reads more than 1 g swings by its noise only.
LEAST_SWING_G = 0.02
NEAR = 7  # samples either side, 0.28 s: nobody steps so soon again
APART_S = 1.8  # between two steps of one walk: a turn takes so long
IN_A_ROW = 4
UP_HZ = 5  # directions of gravity
UP_MEAN = 2  # of UP_HZ either side: a second, about a stride, so that its swing averages out
UP_APART = 3  # of UP_HZ either side: turned from 0.6 s before to 0.6 s after a step
# On 7,000 steps of walks 99 in 100 turned less than 12 degrees, in hand, pocket, pouch or at the
# back, and 46 of 60 jolts of phones on their way into the pocket more than 16.
TURNED = np.cos(np.radians(20.0))
WAIT_S = 7  # three more steps, each APART_S later, and the resampling
LENGTH = (2 * WAIT_S + 1) * GRID_HZ
SECONDS = 2 * WAIT_S + 2  # of samples that the window rests on
UP_LENGTH = SECONDS * UP_HZ
# Which direction stands at each sample of the window: that one is late by the resampling.
UP_OF = (GRID_HZ - RESAMPLING_DELAY + np.arange(LENGTH)) * UP_HZ // GRID_HZ
SECOND_OF = UP_OF // UP_HZ
# How long after a second stands what the seconds about it say.
JUDGED_LATE_S = alive.JUDGED_S // 2
DELAY_S = WAIT_S + 1
TOLD_EACH_S = 5  # as often as values are stored
MEMORY_S = SECONDS + TOLD_EACH_S + 3  # of them two for resampling what is judged
CADENCE_S = 5
QUALITY = 0.9  # share of the counts of whole walks within 5 %, docs/science/motion.md
# Step length in m for a spread of 1 g: 16 walks of 20 m of 8 people, docs/science/motion.md
STEP_M = 0.95
# Steps a minute; those walks had 57 to 117. Beyond, nothing is known.
SLOWEST, QUICKEST = 50.0, 135.0
LEAST_BOUNCE_G = 0.04  # of those walks 0.08 to 0.24
# Share of walks of people not seen whose speed lies within 15 %.
WAIST_SPEED_QUALITY = 0.85
STEADY = 0.8  # of the steps that the cadence would give


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """What is remembered of each device.

    Attributes
    ----------
    resampler : of the size
    window : the size less gravity at GRID_HZ, (devices, LENGTH)
    up : means of the samples at UP_HZ, (devices, 3, UP_LENGTH)
    samples : of the last seconds, for `alive`, (devices, 3, n)
    cut : how much of each of these was cut off, (devices, alive.JUDGED_S)
    is_body : whether each second may be of a body, (devices, SECONDS)
    drifts : whether what swings there is slower than steps, (devices, SECONDS)
    counts : steps of the last seconds, (devices, TOLD_EACH_S)
    seen : how much of each was there
    """

    resampler: ResamplerState
    window: Samples
    up: Samples
    samples: Samples
    cut: Samples
    is_body: NDArray[np.bool_]
    drifts: NDArray[np.bool_]
    counts: Samples
    seen: Samples


class Steps(NamedTuple):
    """Steps that are told now: (devices, GRID_HZ) of the asked second, and all in the window."""

    now: NDArray[np.bool_]
    window: NDArray[np.bool_]


def init(devices: int, rate_hz: int) -> StepState:
    """Nothing seen yet."""
    return StepState(
        resampler=_resampler(rate_hz).init(devices),
        window=np.full((devices, LENGTH), np.nan),
        up=np.full((devices, N_CHANNELS, UP_LENGTH), np.nan),
        samples=np.full((devices, N_CHANNELS, alive.JUDGED_S * alive.grid_hz(rate_hz)), np.nan),
        cut=np.zeros((devices, alive.JUDGED_S)),
        is_body=np.ones((devices, SECONDS), dtype=np.bool_),
        drifts=np.zeros((devices, SECONDS), dtype=np.bool_),
        counts=np.zeros((devices, TOLD_EACH_S)),
        seen=np.zeros((devices, TOLD_EACH_S)),
    )


def step(
    state: StepState, samples: Samples, times: Instants, *, speed_quality: float | None = None
) -> tuple[StepState, Output]:
    """Take one second of (devices, 3, rate_hz) in g, gravity included.

    Parameters
    ----------
    speed_quality : of a steady walk's speed where the sensor sits; None: it tells no speed
    """
    assert len(times) == len(samples)
    changed, steps = advance(state, samples)
    is_time = (second_of(times) + 1 - DELAY_S) % TOLD_EACH_S == 0
    coverage = np.where(is_time, changed.seen.mean(axis=1), 0.0)
    told = coverage > 0
    quality = QUALITY * coverage
    count = np.where(told, changed.counts.sum(axis=1), np.nan)
    cadence = np.where(told, _cadence(steps.window), np.nan)
    readings = [
        Reading(Measure.STEPS, Method.MOTION_STEPS, count, quality, coverage),
        Reading(Measure.CADENCE, Method.MOTION_STEPS, cadence, quality, coverage),
    ]
    if speed_quality is not None:
        readings.append(_speed(steps.window, changed.window, cadence, speed_quality * coverage))
    return changed, Output(tuple(readings))


def _speed(found: NDArray[np.bool_], window: Samples, cadence: Samples, sure: Samples) -> Reading:
    """Walking speed over the CADENCE_S before the end of the asked second; nothing in a stand."""
    part = _asked(window)
    seen = np.isfinite(part)
    n = np.maximum(seen.sum(axis=1), 1)
    off = np.where(seen, part - (present(part).sum(axis=1) / n)[:, None], 0.0)
    bounce = np.sqrt((off * off).sum(axis=1) / n)
    walks = cadence > 0
    value = np.where(walks, STEP_M * np.sqrt(np.sqrt(bounce)) * cadence / 60, np.nan)
    is_known = (cadence >= SLOWEST) & (cadence <= QUICKEST) & (bounce >= LEAST_BOUNCE_G)
    # Of a walk that began or ended within the window the spread says less.
    steady = np.minimum(_asked(found).sum(axis=1) * 60.0 / CADENCE_S / np.maximum(cadence, 1), 1)
    quality = np.where(walks & is_known, sure * np.where(steady >= STEADY, 1.0, 0.5), 0.0)
    coverage = np.where(walks, seen.mean(axis=1), 0.0)
    return Reading(
        Measure.WALKING_SPEED, Method.MOTION_STEP_LENGTH, value, np.where(walks, quality, 0.0),
        coverage,
    )  # fmt: skip


def advance(state: StepState, samples: Samples) -> tuple[StepState, Steps]:
    """The state after a second, and the steps of the second WAIT_S before."""
    known = possible(samples)
    size = np.sqrt((known * known).sum(axis=1)) - 1
    inner, newest = _resampler(samples.shape[2]).step(state.resampler, size)
    window = shifted(state.window, newest)
    up = np.concatenate((state.up[:, :, UP_HZ:], at_rate(known, UP_HZ)), axis=2)
    recent = alive.later(state.samples, known)
    part = window[:, -alive.JUDGED_S * GRID_HZ :]
    swings = alive.swings(part)
    cut = shifted(state.cut, alive.cut_share(known)[:, None])
    lives = alive.is_body(recent) & _weighs(part) & ~alive.drifts(swings, alive.SPEED_G)
    lives &= cut.mean(axis=1) < alive.CUT
    is_body = shifted(state.is_body, lives[:, None])
    drifts = shifted(state.drifts, alive.drifts(swings, LEAST_SWING_G)[:, None])
    lives = _about(is_body, unknown=True)
    steps = _maxima(window) & _is_worn(up)[:, UP_OF] & lives & ~_about(drifts, unknown=False)
    found = in_a_row(steps)
    asked = slice(WAIT_S * GRID_HZ, (WAIT_S + 1) * GRID_HZ)
    now, seen = found[:, asked], (np.isfinite(window) & lives)[:, asked].mean(axis=1)
    changed = StepState(
        resampler=inner,
        window=window,
        up=up,
        samples=recent,
        cut=cut,
        is_body=is_body,
        drifts=drifts,
        counts=shifted(state.counts, now.sum(axis=1)[:, None]),
        seen=shifted(state.seen, seen[:, None]),
    )
    return changed, Steps(now, found)


def _about(judged: NDArray[np.bool_], *, unknown: bool) -> NDArray[np.bool_]:
    """What was judged of the five seconds about each sample of the window: (devices, LENGTH)."""
    late = ((0, 0), (0, JUDGED_LATE_S))
    return np.pad(judged[:, JUDGED_LATE_S:], late, constant_values=unknown)[:, SECOND_OF]


def _weighs(part: Samples) -> NDArray[np.bool_]:
    """Whether the mean size may be gravity: hum of the mains cancels in the axes, not in it."""
    seen = np.isfinite(part).sum(axis=1)
    return alive.is_weight(1 + present(part).sum(axis=1) / np.maximum(seen, 1))


def _is_worn(up: Samples) -> NDArray[np.bool_]:
    """Where the direction of gravity in the sensor stays: (devices, UP_LENGTH); unknown stays."""
    n = up.shape[2]
    known = np.pad(present(up), ((0, 0), (0, 0), (UP_MEAN + UP_APART, UP_MEAN + UP_APART)))
    total = np.zeros((*up.shape[:2], n + 2 * UP_APART))
    for k in range(2 * UP_MEAN + 1):
        total += known[:, :, k : k + total.shape[2]]
    before, after = total[:, :, :n], total[:, :, 2 * UP_APART :]
    along = (before * after).sum(axis=1)
    sizes = np.sqrt((before * before).sum(axis=1) * (after * after).sum(axis=1))
    return np.asarray(along >= TURNED * sizes)


def _maxima(window: Samples) -> NDArray[np.bool_]:
    """Highest of their neighbours, the first of equals, and high enough."""
    known = np.where(np.isnan(window), -np.inf, window)
    n = known.shape[1]
    padded = np.pad(known, ((0, 0), (NEAR, NEAR)), constant_values=-np.inf)
    is_top = known > LEAST_G
    lowest = known.copy()
    for k in range(1, NEAR + 1):
        before, after = padded[:, NEAR - k : NEAR - k + n], padded[:, NEAR + k : NEAR + k + n]
        is_top &= (known > before) & (known >= after)
        np.minimum(lowest, before, out=lowest)
        np.minimum(lowest, after, out=lowest)
    is_top &= known - np.where(np.isfinite(known), lowest, 0.0) >= LEAST_SWING_G
    return np.asarray(is_top)


def in_a_row(tops: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those of IN_A_ROW or more of which each follows the one before within APART_S."""
    before = _followed(tops)
    after = _followed(tops[:, ::-1])[:, ::-1]
    return tops & (before + after >= IN_A_ROW - 1)


def _followed(tops: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many, up to IN_A_ROW - 1, lead up to each sample without a longer pause."""
    n = tops.shape[1]
    place = np.arange(n)
    newest = np.maximum.accumulate(np.where(tops, place, -n), axis=1)
    newest = np.concatenate((np.full((len(tops), 1), -n), newest[:, :-1]), axis=1)
    count = np.zeros(tops.shape, dtype=np.int64)
    at = np.repeat(place[None], len(tops), axis=0)
    going = np.ones(tops.shape, dtype=bool)
    for _ in range(IN_A_ROW - 1):
        last = np.take_along_axis(newest, np.maximum(at, 0), axis=1)
        going &= (last >= 0) & (at - last <= round(APART_S * GRID_HZ))
        count += going
        at = np.where(going, last, 0)
    return count


def _cadence(found: NDArray[np.bool_]) -> Samples:
    """Steps a minute over the CADENCE_S before the end of the asked second, from intervals."""
    part = _asked(found)
    n = part.sum(axis=1)
    first = part.argmax(axis=1)
    last = part.shape[1] - 1 - part[:, ::-1].argmax(axis=1)
    walks = n >= IN_A_ROW - 1
    return np.where(walks, (n - 1) * 60.0 * GRID_HZ / np.maximum(last - first, 1), 0.0)


def _asked(window: NDArray[Any]) -> NDArray[Any]:
    """The CADENCE_S before the end of the asked second."""
    end = (WAIT_S + 1) * GRID_HZ
    return window[:, end - CADENCE_S * GRID_HZ : end]


def _resampler(rate_hz: int) -> Resampler:
    return Resampler(
        rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=min(CUT_HZ, 0.45 * rate_hz)
    )
