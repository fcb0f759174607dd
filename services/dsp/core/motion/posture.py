"""Posture from the directions of gravity at the chest and at the thigh.

The two directions (body axes, over about a second) go through a few questions: is the trunk
upright, is the thigh, which side is up. How far the closest question was from the other answer is
the margin. It gives the quality, and while it is small the posture before holds on. Nothing is told
where a sensor holds one value or makes noise, where an axis stands still that should move, or where
the mean of a second is not about 1 g.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered
from services.dsp.core.motion import alive
from services.dsp.core.motion.wearing import AS_NAMED, gated, turned, upright
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Floats, Instants, Samples, present
from shared.contracts.measures import Measure
from shared.contracts.methods import Method


class Posture(IntEnum):
    """Value of the measure ``posture``."""

    STANDING = 1  # walking too
    SITTING = 2
    BENDING = 3
    LYING_BACK = 4
    LYING_FRONT = 5
    LYING_LEFT = 6
    LYING_RIGHT = 7


CHEST, THIGH = slice(0, 3), slice(3, 6)
N_CHANNELS = 6
PER_S = 10  # postures a second
GRAVITY_S = 1.1  # two steps of a slow walk, so that its swing averages out
HOLD_S = 3  # how long an unsure moment keeps the posture before
HISTORY_S = HOLD_S + 2
DELAY_S = 1  # what is given speaks of the second before; half of GRAVITY_S lies ahead of it
STOOD_S = 165  # of standing seconds that say how this wearer stands
TOLD_STANCE_S = 12  # weight of the stance that was told, in such seconds: one stay on one spot
STANCE_LEAN_DEG = 3.0  # of a standing trunk, forward
FLAT = 0.2  # sine: a trunk within 12 degrees of level lies on a level bed
FLAT_WEIGHT = 2.0  # against a second of standing: people lie flatter than they stand upright
MEMORY_S = STOOD_S + HISTORY_S
LEAST_SEEN = 0.5  # of the weights of the mean
# Mean of GRAVITY_S: offsets of 0.1 g an axis and a scale that is 15 % off (it occurs) lie within.
LEAST_G, MOST_G = 0.65, 1.4
# Spread of three axes: at 10 Hz walks look like white noise for seconds, with 0.35 at most in the
# recordings and simulated wearers of docs/science/motion.md.
LOUD_G = 0.45
JAMMED_S = 30  # in which an axis that works changes if another does
MOVED_G = 0.1  # more than what crosses from an axis to another
MOST_DEG = 180.0

# Limits in degrees from upright: halfway between what bodies do on either side, chosen on 200
# simulated wearers that no score uses (docs/science/motion.md).
TRUNK_DEG = 50.0  # a trunk leans back to 42 in a chair, a raised bed holds it at 50 and more
LEG_DEG = 36.0  # a step or sway reaches 20; the thigh of a sitting person is 60 to 110 up
BENDING = ((45.0, 80.0), (25.0, 43.0))  # thigh ahead: the trunk must lean more, a seat is likely
TURNED_OVER_DEG = 45.0  # a thigh so far back belongs to a body that lies on its front
SURE_DEG = 4.0  # what the mean of a second sways
# Margin, and the share of such answers that are right: 26,800 moments of 112 simulated wearers.
CALIBRATION = ((0.0, 1.0, 2.0, 4.0, 8.0, 12.0), (0.5, 0.65, 0.85, 0.95, 0.98, 1.0))


class Postures(NamedTuple):
    """Postures of one second, PER_S of them: 0 where there is none; margin in degrees."""

    code: NDArray[np.int64]
    margin: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class PostureState:
    """What is remembered of each device.

    Attributes
    ----------
    chest, thigh : (devices, 3, 3), how the sensors sit, as `wearing.standing` gives it
    window : (devices, 6, n), the last HISTORY_S of samples in body axes
    stood : (devices, 6, STOOD_S), direction of each second that was standing, else NaN
    lowest, highest : (devices, 6, JAMMED_S), of the samples of each second, as they came
    """

    chest: Floats
    thigh: Floats
    window: Samples
    stood: Samples
    lowest: Samples
    highest: Samples


def init(devices: int, rate_hz: int) -> PostureState:
    """Nothing seen yet; sensors sit as their axes are named."""
    return PostureState(
        chest=np.repeat(AS_NAMED[None], devices, axis=0),
        thigh=np.repeat(AS_NAMED[None], devices, axis=0),
        window=np.full((devices, N_CHANNELS, HISTORY_S * rate_hz), np.nan),
        stood=np.full((devices, N_CHANNELS, STOOD_S), np.nan),
        lowest=np.full((devices, N_CHANNELS, JAMMED_S), np.nan),
        highest=np.full((devices, N_CHANNELS, JAMMED_S), np.nan),
    )


def step(
    state: PostureState,
    samples: Samples,
    times: Instants,
    *,
    lives: NDArray[np.bool_] | None = None,
) -> tuple[PostureState, Output]:
    """Take one second of (devices, 6, rate_hz) in g: chest x, y, z, thigh x, y, z.

    Parameters
    ----------
    lives : what more is known of each device, see `advance`
    """
    assert len(times) == len(samples)
    changed, postures, coverage = advance(state, samples, lives)
    code, margin = postures.code[:, -1], postures.margin[:, -1]
    known = code > 0
    quality = np.where(known, np.interp(margin, *CALIBRATION), 0.0)
    value = np.where(known, code, np.nan)
    reading = Reading(Measure.POSTURE, Method.MOTION_TILT, value, quality, coverage)
    return changed, Output((reading,))


def worn(state: PostureState, sitting: Floats) -> PostureState:
    """The state with sensors that sit so, (devices, 2, 3, 3) of chest and thigh.

    Where they sat otherwise before, what was seen in other axes is forgotten.
    """
    chest, thigh = sitting[:, 0], sitting[:, 1]
    other = ((chest != state.chest) | (thigh != state.thigh)).any(axis=(1, 2))
    if not other.any():
        return state
    forgotten = other[:, None, None]
    return replace(
        state,
        chest=chest,
        thigh=thigh,
        window=np.where(forgotten, np.nan, state.window),
        stood=np.where(forgotten, np.nan, state.stood),
    )


def advance(
    state: PostureState, samples: Samples, lives: NDArray[np.bool_] | None = None
) -> tuple[PostureState, Postures, Samples]:
    """The state after a second, the postures of the second before it, and its coverage.

    Parameters
    ----------
    lives : whether the last seconds may be of a body, by who has seen more of them; None: nobody
    """
    rate_hz = samples.shape[2]
    chest = gated(turned(samples[:, CHEST], state.chest))
    thigh = gated(turned(samples[:, THIGH], state.thigh))
    newest = np.concatenate((chest, thigh), axis=1)
    window = np.concatenate((state.window[:, :, rate_hz:], newest), axis=2)
    low, high = alive.lowest(samples)[:, :, None], alive.highest(samples)[:, :, None]
    lowest = np.concatenate((state.lowest[:, :, 1:], low), axis=2)
    highest = np.concatenate((state.highest[:, :, 1:], high), axis=2)
    is_dead = _is_jammed(lowest, highest)
    if lives is not None:
        is_dead |= ~lives
    for part in (CHEST, THIGH):
        judged_now = window[:, part, -alive.JUDGED_S * rate_hz :]
        is_dead |= ~alive.is_body(judged_now, loud_g=LOUD_G)
    up = np.where(is_dead[:, None, None], np.nan, gravity(window, rate_hz))
    stood = np.concatenate((state.stood[:, :, 1:], _stance_now(up)[:, :, None]), axis=2)
    changed = PostureState(
        chest=state.chest, thigh=state.thigh, window=window, stood=stood,
        lowest=lowest, highest=highest,
    )  # fmt: skip
    code, margin = judged(_from_own_stance(up, stood))
    held = _held(code, margin)
    seen = np.isfinite(window[:, :, -2 * rate_hz : -rate_hz]).all(axis=1).mean(axis=1)
    return changed, Postures(held[:, -PER_S:], margin[:, -PER_S:]), np.where(is_dead, 0.0, seen)


def _is_jammed(lowest: Samples, highest: Samples) -> NDArray[np.bool_]:
    """Whether an axis of chest or thigh stands still although another one moved: (devices,)."""
    known = np.isfinite(lowest).sum(axis=2) >= alive.JUDGED_S
    extent: Samples = np.fmax.reduce(highest, axis=2) - np.fmin.reduce(lowest, axis=2)
    stands = (known & (extent <= alive.ONE_VALUE_G)).reshape(len(known), 2, -1).any(axis=2)
    moves = (known & (extent >= MOVED_G)).reshape(len(known), 2, -1).any(axis=2)
    return np.asarray((stands & moves).any(axis=1))


def _stance_now(up: Samples) -> Samples:
    """Where up would be if this body stood straight (devices, 6), NaN where nothing tells.

    Who stands tells it for trunk and thigh, who lies flat on back or front for the trunk (a bed
    is level).
    """
    code, margin = judged(up[:, :, -1:])
    code, sure = code[:, 0], margin[:, 0] >= SURE_DEG
    now = up[:, :, -1].copy()
    x, level = now[:, 0].copy(), np.abs(now[:, 0]) <= FLAT
    stands = (code == Posture.STANDING) & sure
    on_back = (code == Posture.LYING_BACK) & sure & level
    on_front = (code == Posture.LYING_FRONT) & sure & level
    lies = on_back | on_front
    lean_cos, lean_sin = np.cos(np.radians(STANCE_LEAN_DEG)), np.sin(np.radians(STANCE_LEAN_DEG))
    straight = (now[:, 0] * lean_cos - now[:, 2] * lean_sin, now[:, 2] * lean_cos + x * lean_sin)
    now[:, 0] = np.where(lies, np.sqrt(np.maximum(1 - x * x, 0)), straight[0])
    now[:, 1] = np.where(lies, 0.0, now[:, 1])
    now[:, 2] = np.where(lies, np.where(on_back, -x, x), straight[1])
    now[:, CHEST] *= np.where(lies, FLAT_WEIGHT, 1.0)[:, None]
    now[:, THIGH][~stands] = np.nan
    now[:, CHEST][~(stands | lies)] = np.nan
    return now


def _from_own_stance(up: Samples, stances: Samples) -> Samples:
    """Directions as seen from the mean stance of the last minutes, the told one among them."""
    total = present(stances).sum(axis=2)
    told = np.radians(STANCE_LEAN_DEG)
    out = np.empty_like(up)
    for part, lean in ((CHEST, told), (THIGH, 0.0)):
        stance = total[:, part].copy()
        stance[:, 0] += TOLD_STANCE_S * np.cos(lean)
        stance[:, 2] += TOLD_STANCE_S * np.sin(lean)
        stance /= np.sqrt((stance * stance).sum(axis=1, keepdims=True))
        out[:, part] = turned(up[:, part], upright(stance))
    return out


def gravity(window: Samples, rate_hz: int) -> Samples:
    """Directions of up, PER_S a second up to DELAY_S before the end: (devices, 6, moments)."""
    bank, moments = _mean_over_gravity_s(rate_hz)
    flat = window.reshape(-1, window.shape[2])[:, -bank.weights.shape[0] :]
    weight = np.isfinite(flat).astype(np.float64)
    share = filtered(weight, bank)
    mean = filtered(np.where(weight > 0, flat, 0.0), bank)
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(share >= LEAST_SEEN, mean / share, np.nan)
    up = up.reshape(len(window), N_CHANNELS, moments)
    for part in (CHEST, THIGH):
        size = np.sqrt((up[:, part] * up[:, part]).sum(axis=1, keepdims=True))
        up[:, part] /= np.where((size >= LEAST_G) & (size <= MOST_G), size, np.nan)
    return up


@cache
def _mean_over_gravity_s(rate_hz: int) -> tuple[FilterBank, int]:
    taps = max(1, round(GRAVITY_S * rate_hz)) | 1
    kernel = np.hanning(taps + 2)[1:-1]
    kernel /= kernel.sum()
    moments = (HISTORY_S - 2) * PER_S
    ends = HISTORY_S * rate_hz - DELAY_S * rate_hz
    matrix = np.zeros((HISTORY_S * rate_hz, moments))
    for i in range(moments):
        middle = ends - 1 - (moments - 1 - i) * rate_hz // PER_S
        matrix[middle - taps // 2 : middle + taps // 2 + 1, i] = kernel
    return filter_bank(matrix), moments


def judged(up: Samples) -> tuple[NDArray[np.int64], Samples]:
    """Posture and margin in degrees of directions (devices, 6, moments); 0 where one is missing."""
    y, z, thigh_z = up[:, 1], up[:, 2], up[:, 5]
    trunk, leg = _tilt(up[:, 0]), _tilt(up[:, 3])
    ahead = 45 * _balance(-z, np.abs(y))
    limit = np.interp(leg, *BENDING)
    turned_over = np.where(thigh_z < 0, leg - TURNED_OVER_DEG, -MOST_DEG)
    forward = 90 - _tilt(-z)
    bends = np.minimum(np.minimum(forward - limit, ahead), -turned_over)
    across, along = y + up[:, 4], z + thigh_z  # both parts vote on the side that is up
    on_side = 45 * _balance(np.abs(across), np.abs(along))
    lies, leg_up = trunk - TRUNK_DEG, leg - LEG_DEG
    code = np.select(
        (bends > 0, lies <= 0, leg_up <= 0, on_side > 0),
        (
            Posture.BENDING,
            np.where(leg_up > 0, Posture.SITTING, Posture.STANDING),
            Posture.BENDING,
            np.where(across > 0, Posture.LYING_LEFT, Posture.LYING_RIGHT),
        ),
        np.where(along > 0, Posture.LYING_BACK, Posture.LYING_FRONT),
    )
    margin = np.abs(bends)
    asked = np.minimum(margin, np.minimum(np.abs(lies), np.abs(leg_up)))
    margin = np.where(bends > 0, margin, asked)
    lying = code >= Posture.LYING_BACK
    margin = np.where(lying, np.minimum(margin, np.abs(on_side)), margin)
    known = np.isfinite(up).all(axis=1)
    return np.where(known, code, 0), np.where(known, margin, 0.0)


def _tilt(cosine: Samples) -> Samples:
    return np.asarray(np.degrees(functions.arccos(np.clip(cosine, -1, 1))))


def _balance(one: Samples, other: Samples) -> Samples:
    """-1 to 1: which of two is larger, the second not negative."""
    one_size = np.abs(one) + other
    return np.where(one_size > 0, (one - other) / np.where(one_size > 0, one_size, 1.0), 0.0)


def _held(code: NDArray[np.int64], margin: Samples) -> NDArray[np.int64]:
    """Each moment's posture, or the last sure one of HOLD_S where it is unsure."""
    n = code.shape[1]
    sure = (code > 0) & (margin >= SURE_DEG)
    last = np.maximum.accumulate(np.where(sure, np.arange(n), -1), axis=1)
    before = np.take_along_axis(code, np.maximum(last, 0), axis=1)
    return np.where((last >= 0) & (code > 0), before, code)
