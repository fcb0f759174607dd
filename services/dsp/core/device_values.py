"""Vital signs that a device computed itself: passed on as they are, and marked as the device's."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Instants, Samples
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

QUALITY = 0.7  # a device tells none: shown without a mark, and no more than that


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceValueState:
    """The newest value of each device: (devices,)."""

    newest: Samples


def init(devices: int, rate_hz: int = 1) -> DeviceValueState:
    """Nothing seen yet. Values come at any pace up to one a second."""
    if rate_hz != 1:
        raise ValueError(f"single readings have a grid of 1 Hz, not {rate_hz}")
    return DeviceValueState(newest=np.full(devices, np.nan))


def passing_on(
    measure: Measure,
) -> Callable[[DeviceValueState, Samples, Instants], tuple[DeviceValueState, Output]]:
    """The step that passes values of a measure on, in the seconds in which there is one."""

    def step(
        state: DeviceValueState, samples: Samples, times: Instants
    ) -> tuple[DeviceValueState, Output]:
        """Take one second (devices, 1) in the unit of the measure."""
        assert len(state.newest) == len(times)
        value = samples[:, 0]
        there = np.isfinite(value).astype(np.float64)
        reading = Reading(measure, Method.DEVICE, value, QUALITY * there, there)
        return DeviceValueState(newest=value), Output((reading,))

    return step
