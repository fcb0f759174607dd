"""Light whose truth is known, as bad as it comes: what is told with confidence is right."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.dsp.core.ppg import pulse_in_motion, pulse_oximetry
from services.dsp.core.ppg.pulse_in_motion import MOTION_HZ
from shared.contracts.measures import Measure
from tests.unit.services.dsp import signals

Floats = NDArray[np.float64]
RATE_HZ, SECONDS = 100, 90
RATES = np.array([48.0, 60.0, 75.0, 90.0, 105.0, 120.0])
BEGUN_S = 25
CONFIDENT = 0.7  # from here on a value is shown without a mark
FALSE_MOST = 0.01
PULSE_NEAR, SPO2_NEAR = 5.0, 4.0
SPO2 = 94.0


def lights() -> Floats:
    return np.array([
        signals.ppg(signals.beat_times(rate, SECONDS, seed=k), SECONDS, RATE_HZ, spo2=SPO2, seed=k)
        for k, rate in enumerate(RATES)
    ])  # fmt: skip


def spoiled(how: str) -> Floats:
    light, rng = lights(), np.random.default_rng(8)
    t = np.arange(light.shape[2]) / RATE_HZ
    depth = np.ptp(light, axis=2, keepdims=True)
    match how:
        case "clean":
            return light
        case "noise":
            return np.asarray(light.mean() + 100 * rng.standard_normal(light.shape))
        case "brown":
            return np.asarray(1e5 + np.cumsum(rng.standard_normal(light.shape), axis=2))
        case "mains":
            return np.asarray(light + 10 * depth * np.sin(2 * np.pi * 49.7 * t))
        case "saturated":
            return np.minimum(light, np.quantile(light, 0.3, axis=2, keepdims=True))
        case "upside down":
            return np.asarray(2 * light.mean(axis=2, keepdims=True) - light)
        case "holes":
            light[:, :, rng.random(light.shape[2] // 20).repeat(20) < 0.3] = np.nan
            return light
        case "jolts":
            struck = (rng.random(light.shape) < 0.3 / RATE_HZ) * rng.standard_normal(light.shape)
            bump = np.hanning(RATE_HZ // 2)
            jolts = np.apply_along_axis(np.convolve, 2, struck, bump, mode="same")
            return np.asarray(light + 3 * depth * jolts)
        case _:
            return np.zeros_like(light)


@pytest.mark.parametrize(
    "how",
    ["clean", "noise", "brown", "mains", "saturated", "upside down", "holes", "dark"],
)
def test_no_false_confidence_of_light(how: str) -> None:
    wrong, right = confident(spoiled(how))
    everything = len(RATES) * (SECONDS - BEGUN_S)
    assert max(wrong.values()) <= FALSE_MOST * everything, (wrong, right)
    if how in ("clean", "upside down"):
        assert min(right.values()) >= 0.9 * everything, right


def test_confidence_keeps_its_word_under_jolts() -> None:
    """Half a second, up to several times the pulse, every three seconds: most are right."""
    wrong, right = confident(spoiled("jolts"))
    for measure, n_right in right.items():
        assert n_right >= 0.88 * (n_right + wrong[measure]), (wrong, right)


def confident(light: Floats) -> tuple[dict[Measure, int], dict[Measure, int]]:
    """Seconds in which a confident value is wrong, and right."""
    state = pulse_oximetry.init(len(light), RATE_HZ)
    wrong = {Measure.PULSE_RATE: 0, Measure.SPO2: 0}
    right = dict(wrong)
    for second in range(SECONDS):
        block = light[:, :, second * RATE_HZ : (second + 1) * RATE_HZ]
        state, output = pulse_oximetry.step(state, block, np.full(len(light), second * 1_000_000))
        if second < BEGUN_S:
            continue
        for reading in output.readings:
            if reading.measure in wrong:
                is_rate = reading.measure is Measure.PULSE_RATE
                truth: Any = RATES if is_rate else SPO2
                near = np.abs(reading.value - truth) <= (PULSE_NEAR if is_rate else SPO2_NEAR)
                sure = reading.quality >= CONFIDENT
                wrong[reading.measure] += int((sure & ~near).sum())
                right[reading.measure] += int((sure & near).sum())
    return wrong, right


def test_pulse_under_steps_of_any_cadence(floors: dict[str, Any]) -> None:
    """Steps twice as high as the pulse, from half to twice its rate."""
    rng = np.random.default_rng(6)
    pulse = np.repeat([70.0, 100.0, 140.0, 170.0], 6)
    cadence = np.tile([80.0, 95.0, 115.0, 130.0, 155.0, 182.0], 4)
    seconds = 60

    def wave(per_min: Floats, rate_hz: int) -> Floats:
        phase = 2 * np.pi * per_min[:, None] / 60 * np.arange(seconds * rate_hz) / rate_hz
        return np.asarray(np.cos(phase) + 0.4 * np.cos(2 * phase + 1))

    jolt = wave(cadence, MOTION_HZ)[:, None] * np.array([0.4, 0.2, 0.3])[:, None]
    jolt += 0.03 * rng.standard_normal(jolt.shape)
    light = (wave(pulse, 50) + 2 * wave(cadence, 50))[:, None]
    light = light + 0.5 * rng.standard_normal(light.shape)
    state = pulse_in_motion.init(len(pulse), 50, lights=1)
    values, qualities = [], []
    for second in range(seconds):
        block = light[:, :, second * 50 : (second + 1) * 50]
        moved = jolt[:, :, second * MOTION_HZ : (second + 1) * MOTION_HZ]
        times = np.full(len(pulse), second * 1_000_000)
        state, output = pulse_in_motion.step(state, (block, moved), times)
        values.append(output.readings[0].value)
        qualities.append(output.readings[0].quality)
    error = np.abs(np.array(values)[BEGUN_S:] - pulse)
    sure = np.array(qualities)[BEGUN_S:] >= CONFIDENT
    floor = floors["synthetic"]["pulse_in_motion_near_percent_least"]
    assert 100 * (error <= PULSE_NEAR).mean() >= floor
    assert (sure & (error > PULSE_NEAR)).mean() <= FALSE_MOST
