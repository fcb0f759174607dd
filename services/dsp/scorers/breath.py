"""Breath for a scorer: every value, whatever its quality."""

from collections.abc import Iterator
from typing import Any

from services.dsp.core.outputs import Output
from services.dsp.core.respiration import from_chest_motion, from_ecg, from_ppg, impedance
from services.dsp.scorers.seconds import Result, Seconds, Step, shown, stream


def resp(fs: float, channels: list[str]) -> Seconds:
    """Task resp: impedance, ECG or PPG, each by itself."""
    rate_hz = int(fs)
    if channels == ["RESP"]:
        return _rate(fs, impedance.init(1, rate_hz), impedance.step, impedance.DELAY_S)
    if channels == ["PPG"]:
        return _rate(fs, from_ppg.init(1, rate_hz), from_ppg.step, from_ppg.DELAY_S)
    if channels == ["ECG"]:
        return _rate(fs, from_ecg.init(1, rate_hz), from_ecg.step, from_ecg.DELAY_S)
    raise ValueError(f"no estimator for {channels}")


def breathing_accel(fs: float, channels: list[str]) -> Seconds:
    """Task breathing_accel."""
    if channels != ["chest_x", "chest_y", "chest_z"]:
        raise ValueError(f"no estimator for {channels}")
    state = from_chest_motion.init(1, int(fs))
    return _rate(fs, state, from_chest_motion.step, from_chest_motion.DELAY_S)


def _rate(fs: float, state: Any, step: Step, delay_s: float) -> Seconds:
    def told(out: Output, end_s: float) -> Iterator[Result]:
        (reading,) = out.readings
        yield {"t": end_s - delay_s, **shown(reading)}

    return stream(fs, state, step, told)
