"""Heart for a scorer."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from services.dsp.core.ecg import classes, heart_rate, ring
from services.dsp.core.outputs import Output
from services.dsp.core.windows import Samples
from services.dsp.scorers.seconds import (
    SECOND_US,
    START_US,
    Result,
    Seconds,
    only,
    reading_of,
    stream,
)
from shared.contracts.beats import BeatClass
from shared.contracts.measures import Measure


def _beats(out: Output, _end_s: float) -> Iterator[Result]:
    assert out.beats is not None
    for k, t in enumerate(out.beats.t.tolist()):
        label = "N" if out.beats.classes is None else BeatClass(out.beats.classes[k]).name
        quality = float(out.beats.quality[k])
        yield {"t": (t - START_US) / SECOND_US, "label": label, "quality": quality}


def ecg_beats(fs: float, channels: list[str]) -> Seconds:
    """Tasks ecg_beats and ecg_noise."""
    only(channels, "ECG")
    return stream(fs, heart_rate.init(1, int(fs)), heart_rate.step, _beats)


def ecg_classes(fs: float, channels: list[str]) -> Seconds:
    """Task ecg_classes: the beats, told again with their class when it is known."""
    only(channels, "ECG")

    def step(state: Any, samples: Samples, times: Any) -> tuple[Any, Output]:
        heart, output = heart_rate.step(state[0], samples, times)
        judged, told = classes.step(state[1], samples, times, output)
        return (heart, judged), told

    state = heart_rate.init(1, int(fs)), ring.init(1, int(fs))
    return stream(fs, state, step, _beats, more_s=ring.DELAY_S)


def ecg_noise(fs: float, channels: list[str]) -> Seconds:
    """Task ecg_noise: the same as ecg_beats."""
    return ecg_beats(fs, channels)


def hr(fs: float, channels: list[str]) -> Seconds:
    """Tasks hr and quality (its ECG part)."""
    only(channels, "ECG")
    told = reading_of(Measure.HEART_RATE, delay_s=1)
    return stream(fs, heart_rate.init(1, int(fs)), heart_rate.step, told)


def hr_running(fs: float, channels: list[str]) -> Seconds:
    """Task hr_running: as hr, over the 8 s that the task asks for instead of 10."""
    only(channels, "ECG")
    told = reading_of(Measure.HEART_RATE, delay_s=1)
    step = partial(heart_rate.step, window_s=8)
    return stream(fs, heart_rate.init(1, int(fs)), step, told)
