"""What takes the accelerometer of the chest and looks at that of the thigh, where there is one.

Both sensors of one device would count the same steps: the thigh does it, which moves more, and
the chest only while there has been no thigh for a while.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.means import at_rate
from services.dsp.core.motion import posture, steps
from services.dsp.core.outputs import Output
from services.dsp.core.windows import Instants, Samples, shifted

POSTURE_HZ = 10  # of the published network and of our figures; gravity turns no quicker
# As long as a second of the thigh is in what its own steps are told from, and in their sum.
THIGH_KEPT_S = steps.DELAY_S + steps.TOLD_EACH_S + 1
MEMORY_S = max(steps.MEMORY_S, THIGH_KEPT_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChestStepState:
    """Steps of the chest, and in which of the last seconds there was a thigh."""

    steps: steps.StepState
    had_thigh: NDArray[np.bool_]


def posture_init(devices: int, rate_hz: int) -> posture.PostureState:
    """Nothing seen yet."""
    assert rate_hz >= POSTURE_HZ
    return posture.init(devices, POSTURE_HZ)


def posture_step(
    state: posture.PostureState, samples: tuple[Samples, Samples], times: Instants
) -> tuple[posture.PostureState, Output]:
    """Take one second of chest and thigh, each (devices, 3, any rate)."""
    both = [at_rate(part, POSTURE_HZ) for part in samples]
    return posture.step(state, np.concatenate(both, axis=1), times)


def steps_init(devices: int, rate_hz: int) -> ChestStepState:
    """Nothing seen yet."""
    return ChestStepState(
        steps=steps.init(devices, rate_hz),
        had_thigh=np.zeros((devices, THIGH_KEPT_S), dtype=np.bool_),
    )


def steps_step(
    state: ChestStepState, samples: tuple[Samples, Samples], times: Instants
) -> tuple[ChestStepState, Output]:
    """Take one second of chest and thigh, each (devices, 3, any rate)."""
    chest, thigh = samples
    is_there = np.asarray(np.isfinite(thigh).any(axis=(1, 2)))
    had_thigh = shifted(state.had_thigh, is_there[:, None])
    counted, output = steps.step(state.steps, chest, times)
    left_to_it = had_thigh.any(axis=1)
    readings = tuple(
        reading._replace(
            value=np.where(left_to_it, np.nan, reading.value),
            quality=np.where(left_to_it, 0.0, reading.quality),
            coverage=np.where(left_to_it, 0.0, reading.coverage),
        )
        for reading in output.readings
    )
    return ChestStepState(steps=counted, had_thigh=had_thigh), Output(readings)
