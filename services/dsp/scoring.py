"""The shipped estimators for a scorer: one factory a task. Core only; nothing imports it.

A scorer calls ``factory(fs, channels)``, pushes samples in pieces of any size and reads results
``{"t": s, ...}``, t counted from the first sample. The stream begins at a whole second here, as
it does not in life.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from services.dsp.core.ecg import classes, heart_rate
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.ppg import pulse_in_motion, pulse_oximetry
from services.dsp.core.ppg.calibrations import LINEAR
from services.dsp.core.radar import vital_signs
from services.dsp.core.windows import Floats, Samples
from services.dsp.scoring_motion import falls, position, posture, spirometry, steps
from services.dsp.scoring_respiration import breathing_accel, resp
from shared.contracts.beats import BeatClass
from shared.contracts.measures import MEASURES, Measure

__all__ = [  # of scoring_*
    "breathing_accel",
    "falls",
    "position",
    "posture",
    "resp",
    "spirometry",
    "steps",
]

START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
Result = dict[str, Any]
Step = Callable[[Any, Samples, Any], tuple[Any, Output]]
Told = Callable[[Output, float], Iterator[Result]]


class Stream:
    """One device whose samples are cut into whole seconds, as the service does it."""

    def __init__(
        self, fs: float, state: object, step: Step, told: Told, *, more_s: int = 1
    ) -> None:
        if fs != int(fs):
            raise ValueError(f"rates are whole numbers here, not {fs} Hz")
        self._rate_hz = int(fs)
        self._state = state
        self._step = step
        self._told = told
        self._rest = np.empty((0, 0))
        self._second = 0
        self._more_s = more_s

    def push(self, samples: Floats) -> list[Result]:
        """Take samples (n, channels); give what became known."""
        self._rest = np.concatenate((self._rest, samples)) if self._rest.size else samples
        results: list[Result] = []
        while len(self._rest) >= self._rate_hz:
            second, self._rest = self._rest[: self._rate_hz], self._rest[self._rate_hz :]
            results += self._take(second)
        return results

    def finish(self) -> list[Result]:
        """The unfinished second filled up as missing, and more that bring out what waits."""
        results: list[Result] = []
        for rest in (self._rest, *[self._rest[:0]] * self._more_s):
            second = np.full((self._rate_hz, self._rest.shape[1]), np.nan)
            second[: len(rest)] = rest
            results += self._take(second)
        self._rest = self._rest[:0]
        return results

    def _take(self, second: Floats) -> list[Result]:
        columns = np.ascontiguousarray(second.T)
        one = columns[:1] if len(columns) == 1 else columns[None]
        times = np.array([START_US + self._second * SECOND_US])
        self._state, out = self._step(self._state, one, times)
        self._second += 1
        return list(self._told(out, float(self._second)))


def _beats(out: Output, _end_s: float) -> Iterator[Result]:
    assert out.beats is not None
    for k, t in enumerate(out.beats.t.tolist()):
        label = "N" if out.beats.classes is None else BeatClass(out.beats.classes[k]).name
        quality = float(out.beats.quality[k])
        yield {"t": (t - START_US) / SECOND_US, "label": label, "quality": quality}


def _reading(measure: Measure, delay_s: float, least: float = 0.0) -> Told:
    def told(out: Output, end_s: float) -> Iterator[Result]:
        for reading in out.readings:
            if reading.measure == measure:
                yield {"t": end_s - delay_s, **_shown(reading, least)}

    return told


def _shown(reading: Reading, least: float = 0.0) -> Result:
    value, quality = float(reading.value[0]), float(reading.quality[0])
    told = np.isfinite(value) and quality >= least
    return {"value": value if told else None, "quality": quality}


def _only(channels: list[str], *wanted: str) -> None:
    if tuple(channels) != wanted:
        raise ValueError(f"no estimator for {channels}")


def ecg_beats(fs: float, channels: list[str]) -> Stream:
    """Tasks ecg_beats and ecg_noise."""
    _only(channels, "ECG")
    return Stream(fs, heart_rate.init(1, int(fs)), heart_rate.step, _beats)


def ecg_classes(fs: float, channels: list[str]) -> Stream:
    """Task ecg_classes: the beats, told again with their class when it is known."""
    _only(channels, "ECG")

    def step(state: Any, samples: Samples, times: Any) -> tuple[Any, Output]:
        heart, output = heart_rate.step(state[0], samples, times)
        judged, told = classes.step(state[1], samples, times, output)
        return (heart, judged), told

    state = heart_rate.init(1, int(fs)), classes.init(1, int(fs))
    return Stream(fs, state, step, _beats, more_s=classes.DELAY_S)


def ecg_noise(fs: float, channels: list[str]) -> Stream:
    """Task ecg_noise: the same as ecg_beats."""
    return ecg_beats(fs, channels)


def hr(fs: float, channels: list[str]) -> Stream:
    """Tasks hr and quality (its ECG part)."""
    _only(channels, "ECG")
    told = _reading(Measure.HEART_RATE, delay_s=1)
    return Stream(fs, heart_rate.init(1, int(fs)), heart_rate.step, told)


def hr_running(fs: float, channels: list[str]) -> Stream:
    """Task hr_running: as hr, over the 8 s that the task asks for instead of 10."""
    _only(channels, "ECG")
    told = _reading(Measure.HEART_RATE, delay_s=1)
    step = partial(heart_rate.step, window_s=8)
    return Stream(fs, heart_rate.init(1, int(fs)), step, told)


def ppg_rate(fs: float, channels: list[str]) -> Stream:
    """Task ppg_rate. A rate below the least quality of its measure is an abstention."""
    _only(channels, "PPG")
    state = pulse_oximetry.init(1, int(fs), channels=1)
    least = MEASURES[Measure.PULSE_RATE].least_quality
    told = _reading(Measure.PULSE_RATE, delay_s=pulse_oximetry.DELAY_S, least=least)
    return Stream(fs, state, _with_channels(pulse_oximetry.step, (0,)), told)


def ppg_motion(fs: float, channels: list[str]) -> Stream:
    """Tasks ppg_motion and quality (its PPG part). Acceleration by means at 25 Hz, as in life."""
    _only(channels, "PPG1", "PPG2", "ACCX", "ACCY", "ACCZ")
    told = _reading(Measure.PULSE_RATE, delay_s=pulse_in_motion.DELAY_S)
    motion_hz = pulse_in_motion.MOTION_HZ
    if fs % motion_hz:
        raise ValueError(f"no means at {motion_hz} Hz from {fs} Hz")

    def step(state: Any, samples: Samples, times: Any) -> tuple[Any, Output]:
        jolt = samples[:, 2:].reshape(1, 3, motion_hz, -1).mean(axis=3)
        return pulse_in_motion.step(state, (samples[:, :2], jolt), times)

    return Stream(fs, pulse_in_motion.init(1, int(fs)), step, told)


def quality(fs: float, channels: list[str]) -> Stream:
    """Task quality: the quality of the heart rate, or of the pulse rate in motion."""
    return hr(fs, channels) if channels == ["ECG"] else ppg_motion(fs, channels)


def spo2(fs: float, channels: list[str]) -> Stream:
    """Task spo2: red and infrared, each less the light that is there with the lamps off.

    No curve of this sensor (MAXM86161) is published: the textbook line.
    """
    _only(channels, "RED", "IR", "AMBIENT")
    state = pulse_oximetry.init(1, int(fs), channels=2)
    told = _reading(Measure.SPO2, delay_s=pulse_oximetry.DELAY_S)

    def step(state: Any, samples: Samples, times: Any) -> tuple[Any, Output]:
        light = samples[:, :2] - samples[:, 2:]
        return pulse_oximetry.step(state, light, times, calibration=LINEAR)

    return Stream(fs, state, step, told)


def radar(fs: float, channels: list[str]) -> Stream:
    """Task radar: nothing where the quality is too low to show it."""
    _only(channels, "i", "q")

    def told(out: Output, end_s: float) -> Iterator[Result]:
        names = {Measure.HEART_RATE: "heart", Measure.RESPIRATION_RATE: "respiration"}
        for reading in out.readings:
            if reading.measure in names:
                shown = _shown(reading)
                if shown["quality"] < MEASURES[reading.measure].least_quality:
                    shown["value"] = None
                yield {"t": end_s, "measure": names[reading.measure], **shown}

    return Stream(fs, vital_signs.init(1, int(fs)), vital_signs.step, told)


def _with_channels(step: Step, wanted: tuple[int, ...]) -> Step:
    def changed(state: Any, samples: Samples, times: Any) -> tuple[Any, Output]:
        return step(state, samples[:, None][:, list(wanted)], times)

    return changed
