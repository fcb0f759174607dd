"""Pulses are told once, in time, where they are; a rate in doubt is none."""

import numpy as np
import pytest

from services.dsp.core.outputs import Output
from services.dsp.core.ppg import pulse_oximetry
from shared.contracts.beats import BeatKind
from shared.contracts.measures import Measure
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ = 100
DURATION_S = 60
RATES = np.array([40.0, 60.0, 72.0, 100.0])
BEATS = [signals.beat_times(rate, DURATION_S, seed=k) for k, rate in enumerate(RATES)]


def lights() -> Floats:
    return np.array([signals.ppg(b, DURATION_S, RATE_HZ, seed=k) for k, b in enumerate(BEATS)])


def run(light: Floats) -> list[Output]:
    state = pulse_oximetry.init(len(light), RATE_HZ)
    outputs = []
    for second in range(light.shape[2] // RATE_HZ):
        block = light[:, :, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(len(light), (START_S + second) * SECOND_US)
        state, output = pulse_oximetry.step(state, block, times)
        outputs.append(output)
    return outputs


def feet_s(outputs: list[Output], row: int) -> Floats:
    told = [output.beats.t[output.beats.row == row] for output in outputs if output.beats]
    return np.asarray((np.concatenate(told) - START_S * SECOND_US) / SECOND_US)


def test_each_pulse_is_told_once_and_within_three_seconds() -> None:
    outputs = run(lights())
    for second, output in enumerate(outputs):
        assert output.beats is not None
        assert output.beats.kind is BeatKind.PULSE_FOOT
        delay_s = START_S + second + 1 - output.beats.t / SECOND_US
        assert (delay_s > 1.4).all()
        assert (delay_s < 3).all()
    for row, beats in enumerate(BEATS):
        feet = feet_s(outputs, row)
        inside = beats[(beats > 12) & (beats < DURATION_S - 4)]
        nearest = feet[np.abs(feet[:, None] - (inside + 0.2)[None, :]).argmin(axis=0)]
        late = nearest - inside
        assert np.ptp(late) < 0.03, "feet stand at the same place of each pulse"
        assert 0.15 < np.median(late) < 0.35
        assert len(feet[(feet > 12.3) & (feet < DURATION_S - 4)]) == pytest.approx(
            len(inside), abs=1
        )


def test_intervals_are_those_of_the_beats() -> None:
    for output in run(lights())[14:]:
        assert output.beats is not None
        per_min = 60_000 / output.beats.rr_ms
        wanted = RATES[output.beats.row]
        assert (np.abs(per_min / wanted - 1) < 0.15).all()


def test_upside_down_is_the_same() -> None:
    light = lights()
    plain, turned = run(light), run(2 * light.mean(axis=2, keepdims=True) - light)
    for one, other in zip(plain[20:], turned[20:], strict=True):
        np.testing.assert_allclose(one.readings[0].value, other.readings[0].value, atol=0.05)


def test_noise_has_no_pulses() -> None:
    rng = np.random.default_rng(2)
    outputs = run(1e5 + 50 * rng.standard_normal((6, 2, DURATION_S * RATE_HZ)))
    told = sum(len(output.beats.row) for output in outputs if output.beats)
    assert told < 0.05 * 6 * DURATION_S
    values = [
        reading.value for output in outputs[15:] for reading in output.readings
        if reading.measure is Measure.PULSE_RATE
    ]  # fmt: skip
    assert np.isfinite(np.array(values)).mean() < 0.05


def test_mains_at_ten_times_the_pulse_does_no_harm() -> None:
    light = lights()
    t = np.arange(light.shape[2]) / RATE_HZ
    hum = 10 * np.ptp(light, axis=2, keepdims=True) * np.sin(2 * np.pi * 49.3 * t)
    for reading in run(light + hum)[-1].readings:
        if reading.measure is Measure.PULSE_RATE:
            wrong = np.abs(reading.value - RATES) > 5
            assert not (wrong & (reading.quality > 0.5)).any()
