"""What takes the accelerometer of the chest and looks at that of the thigh, where there is one.

Both sensors of one device would count the same steps: the thigh does it, which moves more, and
the chest only while there has been no thigh for a while. Both together say what somebody does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.means import at_rate
from services.dsp.core.motion import alive, posture, steps
from services.dsp.core.motion.posture import Posture
from services.dsp.core.motion.stances import Stances
from services.dsp.core.motion.wearing import possible
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Instants, Samples, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

POSTURE_HZ = 10  # of the published network and of our figures; gravity turns no quicker
# From here on a walk is told from white noise whatever its spread: of 280 walked windows of chest
# and thigh at 20 Hz the least structure is 0.41.
STRUCTURE_HZ = 20
# As long as a second of the thigh is in what its own steps are told from, and in their sum.
THIGH_KEPT_S = steps.DELAY_S + steps.TOLD_EACH_S + 1
# Postures from those of the five seconds that are told now up to the newest.
POSTURES_KEPT = steps.DELAY_S - posture.DELAY_S + steps.TOLD_EACH_S
MEMORY_S = max(steps.MEMORY_S, THIGH_KEPT_S, posture.MEMORY_S + POSTURES_KEPT)
CHEST_SPEED_QUALITY = 0.55  # nobody's chest was measured: doubtful
LYING, SITTING, STANDING, WALKING = 1, 2, 3, 4  # values of the measure ``doing``
_AS = {
    Posture.STANDING: STANDING,
    Posture.SITTING: SITTING,
    Posture.BENDING: STANDING,
}
DOING_OF = np.array([0, *(_AS.get(each, LYING) for each in Posture)])
LEAST_POSTURES = 3  # of the five seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ChestState:
    """Posture, and the chest as finely as it comes: whether it is a body's.

    Attributes
    ----------
    recent : of the last seconds, for `alive`, (devices, 3, n)
    means : of `alive.STILL_HZ` over `alive.STILL_S`, (devices, 3, n)
    finest : steps of each of these seconds, (devices, alive.STILL_S)
    was_adrift : `alive.is_adrift` of the windows up to one that has no second of the newest
    """

    posture: posture.PostureState
    recent: Samples
    means: Samples
    finest: Samples
    was_adrift: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChestStepState:
    """Steps of the chest, in which of the last seconds there was a thigh, and the postures.

    Attributes
    ----------
    doing, sure : (devices, POSTURES_KEPT), what postures say and their quality; 0 without
    """

    steps: steps.StepState
    had_thigh: NDArray[np.bool_]
    doing: NDArray[np.int64]
    sure: Samples


def posture_init(devices: int, rate_hz: int) -> ChestState:
    """Nothing seen yet."""
    assert rate_hz >= POSTURE_HZ
    n = alive.JUDGED_S * alive.grid_hz(rate_hz)
    return ChestState(
        posture=posture.init(devices, POSTURE_HZ),
        recent=np.full((devices, posture.N_CHANNELS // 2, n), np.nan),
        means=np.full((devices, posture.N_CHANNELS // 2, alive.STILL_S * alive.STILL_HZ), np.nan),
        finest=np.full((devices, alive.STILL_S), np.inf),
        was_adrift=np.zeros((devices, alive.JUDGED_S + 1), dtype=np.bool_),
    )


def posture_step(
    state: ChestState,
    samples: tuple[Samples, Samples],
    times: Instants,
    stances: Stances,
    devices: NDArray[np.int32],
) -> tuple[ChestState, Output]:
    """Take one second of chest and thigh, each (devices, 3, any rate), and how they sit."""
    sitting = posture.worn(state.posture, stances.at(devices, times))
    both = np.concatenate([at_rate(part, POSTURE_HZ) for part in samples], axis=1)
    chest = possible(samples[0])
    recent = alive.later(state.recent, chest)
    means = np.concatenate(
        (state.means[:, :, alive.STILL_HZ :], at_rate(chest, alive.STILL_HZ)), axis=2
    )
    finest = shifted(state.finest, alive.finest(chest)[:, None])
    was_adrift = shifted(state.was_adrift, alive.is_adrift(recent)[:, None])
    lives = ~(was_adrift[:, 0] & was_adrift[:, -1])
    lives &= ~alive.is_lifeless(means, finest.min(axis=1))
    if chest.shape[2] >= STRUCTURE_HZ:
        lives &= ~alive.is_white(recent)
    inner, output = posture.step(sitting, both, times, lives=lives)
    changed = ChestState(
        posture=inner, recent=recent, means=means, finest=finest, was_adrift=was_adrift
    )
    return changed, output


def steps_init(devices: int, rate_hz: int) -> ChestStepState:
    """Nothing seen yet."""
    return ChestStepState(
        steps=steps.init(devices, rate_hz),
        had_thigh=np.zeros((devices, THIGH_KEPT_S), dtype=np.bool_),
        doing=np.zeros((devices, POSTURES_KEPT), dtype=np.int64),
        sure=np.zeros((devices, POSTURES_KEPT)),
    )


def steps_step(
    state: ChestStepState, samples: tuple[Samples, Samples], times: Instants, given: Output
) -> tuple[ChestStepState, Output]:
    """Take one second of chest and thigh, each (devices, 3, any rate), and its posture."""
    chest, thigh = samples
    is_there = np.asarray(np.isfinite(thigh).any(axis=(1, 2)))
    had_thigh = shifted(state.had_thigh, is_there[:, None])
    counted, output = steps.step(state.steps, chest, times, speed_quality=CHEST_SPEED_QUALITY)
    (told,) = given.readings
    is_known = np.isfinite(told.value) & (told.coverage > 0)
    code = np.where(is_known, told.value, 0).astype(np.int64)
    doing = shifted(state.doing, DOING_OF[code][:, None])
    sure = shifted(state.sure, np.where(is_known, told.quality, 0.0)[:, None])
    count, cadence, speed = output.readings
    left_to_it = np.asarray(had_thigh.any(axis=1))
    readings = (
        *(_silent(reading, left_to_it) for reading in (count, cadence)),
        speed,
        _doing(cadence, doing[:, : steps.TOLD_EACH_S], sure[:, : steps.TOLD_EACH_S]),
    )
    changed = ChestStepState(steps=counted, had_thigh=had_thigh, doing=doing, sure=sure)
    return changed, Output(readings)


def _silent(reading: Reading, where: NDArray[np.bool_]) -> Reading:
    return reading._replace(
        value=np.where(where, np.nan, reading.value),
        quality=np.where(where, 0.0, reading.quality),
        coverage=np.where(where, 0.0, reading.coverage),
    )


def _doing(cadence: Reading, doing: NDArray[np.int64], sure: Samples) -> Reading:
    """What was done most of the five seconds: walking, unless the postures say lying."""
    kinds = np.arange(LYING, WALKING)
    counts = (doing[:, :, None] == kinds).sum(axis=1)
    most = counts.argmax(axis=1)
    n = counts[np.arange(len(counts)), most]
    rest = kinds[most]
    mine = doing == rest[:, None]
    share = n / doing.shape[1]
    rest_sure = np.where(mine, sure, 0.0).sum(axis=1) / np.maximum(n, 1) * share
    walks = (cadence.value > 0) & (rest != LYING)
    known = (cadence.coverage > 0) & (counts.sum(axis=1) >= LEAST_POSTURES)
    quality = np.where(walks, cadence.quality, rest_sure)
    return Reading(
        Measure.DOING, Method.MOTION_SUMMARY,
        np.where(known, np.where(walks, WALKING, rest), np.nan),
        np.where(known, quality, 0.0), np.where(known, cadence.coverage, 0.0),
    )  # fmt: skip
