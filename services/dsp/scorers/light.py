"""Light through the skin for a scorer."""

from typing import Any

import numpy as np

from services.dsp.core.outputs import Output
from services.dsp.core.ppg import pulse_in_motion, pulse_oximetry
from services.dsp.core.windows import Samples
from services.dsp.scorers.heart import hr
from services.dsp.scorers.seconds import Seconds, Step, only, reading_of, stream
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.processing import Processing, SaturationCurve

THE_LINE = Processing(saturation_curve=SaturationCurve.LINEAR_110_25)


def ppg_rate(fs: float, channels: list[str]) -> Seconds:
    """Task ppg_rate. A rate below the least quality of its measure is an abstention."""
    only(channels, "PPG")
    state = pulse_oximetry.init(1, int(fs), channels=1)
    least = MEASURES[Measure.PULSE_RATE].least_quality
    told = reading_of(Measure.PULSE_RATE, delay_s=pulse_oximetry.DELAY_S, least=least)
    return stream(fs, state, _with_channels(pulse_oximetry.step, (0,)), told)


def ppg_motion(fs: float, channels: list[str]) -> Seconds:
    """Tasks ppg_motion and quality (its PPG part). Acceleration by means at 25 Hz, as in life."""
    only(channels, "PPG1", "PPG2", "ACCX", "ACCY", "ACCZ")
    told = reading_of(Measure.PULSE_RATE, delay_s=pulse_in_motion.DELAY_S)
    motion_hz = pulse_in_motion.MOTION_HZ
    if fs % motion_hz:
        raise ValueError(f"no means at {motion_hz} Hz from {fs} Hz")

    def step(state: Any, samples: Samples, times: Any) -> tuple[Any, Output]:
        jolt = samples[:, 2:].reshape(1, 3, motion_hz, -1).mean(axis=3)
        return pulse_in_motion.step(state, (samples[:, :2], jolt), times)

    return stream(fs, pulse_in_motion.init(1, int(fs)), step, told)


def quality(fs: float, channels: list[str]) -> Seconds:
    """Task quality: the quality of the heart rate, or of the pulse rate in motion."""
    return hr(fs, channels) if channels == ["ECG"] else ppg_motion(fs, channels)


def spo2(fs: float, channels: list[str]) -> Seconds:
    """Task spo2: red and infrared, each less the light that is there with the lamps off.

    No curve of this sensor (MAXM86161) is published: the textbook line.
    """
    only(channels, "RED", "IR", "AMBIENT")
    state = pulse_oximetry.init(1, int(fs), channels=2)
    told = reading_of(Measure.SPO2, delay_s=pulse_oximetry.DELAY_S)

    flags = np.array([THE_LINE.frame_flags], dtype=np.uint32)

    def step(state: Any, samples: Samples, times: Any) -> tuple[Any, Output]:
        light = samples[:, :2] - samples[:, 2:]
        return pulse_oximetry.step(state, light, times, flags=flags)

    return stream(fs, state, step, told)


def _with_channels(step: Step, wanted: tuple[int, ...]) -> Step:
    def changed(state: Any, samples: Samples, times: Any) -> tuple[Any, Output]:
        return step(state, samples[:, None][:, list(wanted)], times)

    return changed
