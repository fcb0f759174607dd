"""The shipped estimators of breath for a scorer; see `scoring`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from services.dsp.core.outputs import Output
from services.dsp.core.respiration import from_chest_motion, from_ecg, from_ppg, impedance
from services.dsp.core.windows import Floats
from services.dsp.scoring_motion import Result, Seconds

START_S = 1_700_000_000
SECOND_US = 1_000_000
Step = Callable[[Any, Any, Any], tuple[Any, Output]]


def resp(fs: float, channels: list[str]) -> Seconds:
    """Task resp: impedance, ECG or PPG, each by itself."""
    rate_hz = int(fs)
    if channels == ["RESP"]:
        return _stream(fs, impedance.init(1, rate_hz), impedance.step, impedance.DELAY_S)
    if channels == ["PPG"]:
        return _stream(fs, from_ppg.init(1, rate_hz), from_ppg.step, from_ppg.DELAY_S)
    if channels == ["ECG"]:
        return _stream(fs, from_ecg.init(1, rate_hz), from_ecg.step, from_ecg.DELAY_S)
    raise ValueError(f"no estimator for {channels}")


def breathing_accel(fs: float, channels: list[str]) -> Seconds:
    """Task breathing_accel."""
    if channels != ["chest_x", "chest_y", "chest_z"]:
        raise ValueError(f"no estimator for {channels}")
    state = from_chest_motion.init(1, int(fs))
    return _stream(fs, state, from_chest_motion.step, from_chest_motion.DELAY_S)


def _stream(fs: float, state: Any, step: Step, delay_s: float) -> Seconds:
    """Every value, whatever its quality, at the end of the minute that it speaks of."""

    def take(samples: Floats, second: int) -> list[Result]:
        nonlocal state
        one = samples if len(samples) == 1 else samples[None]
        state, out = step(state, one, np.array([(START_S + second - 1) * SECOND_US]))
        (reading,) = out.readings
        value = float(reading.value[0])
        known = value if np.isfinite(value) else None
        return [{"t": second - delay_s, "value": known, "quality": float(reading.quality[0])}]

    return Seconds(fs, take)
