"""What takes the accelerometer of the chest and looks at that of the thigh, where there is one.

Both sensors of one device would count the same steps: the thigh does it, which moves more, and
the chest only while there has been no thigh for a while. Both together say what somebody does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.circumstances import Circumstances
from services.dsp.core.conditioning.means import at_rate
from services.dsp.core.motion import posture, steps
from services.dsp.core.motion.posture import Posture
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Instants, Samples, shifted
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

POSTURE_HZ = 10  # of the published network and of our figures; gravity turns no quicker
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


def posture_init(devices: int, rate_hz: int) -> posture.PostureState:
    """Nothing seen yet."""
    assert rate_hz >= POSTURE_HZ
    return posture.init(devices, POSTURE_HZ)


def posture_step(
    state: posture.PostureState,
    samples: tuple[Samples, Samples],
    times: Instants,
    circumstances: Circumstances,
    devices: NDArray[np.int32],
) -> tuple[posture.PostureState, Output]:
    """Take one second of chest and thigh, each (devices, 3, any rate), and how they sit."""
    state = posture.worn(state, circumstances.stances.at(devices, times))
    both = [at_rate(part, POSTURE_HZ) for part in samples]
    return posture.step(state, np.concatenate(both, axis=1), times)


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
