"""The pulse of somebody who runs: synthetic truth, bad input, rows, memory."""

from typing import NamedTuple

import numpy as np
import pytest

from services.dsp.core.outputs import Reading
from services.dsp.core.ppg import pulse_in_motion
from services.dsp.core.ppg.pulse_in_motion import MEMORY_S, MOTION_HZ
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ = 64
DURATION_S = 60
PULSES = np.array([72.0, 95.0, 130.0, 165.0])
STEPS = np.array([150.0, 160.0, 171.0, 140.0] * 3)


class Run(NamedTuple):
    light: Floats
    jolt: Floats


def running(pulses: Floats = PULSES, seconds: int = DURATION_S, jolts: float = 1.0) -> Run:
    """Two lights with a pulse under steps three times as high, and the acceleration."""
    rng = np.random.default_rng(4)

    def wave(per_min: Floats, rate_hz: int, late_s: float = 0.0) -> Floats:
        t = np.arange(seconds * rate_hz) / rate_hz - late_s
        phase = 2 * np.pi * per_min[:, None] / 60 * t
        return np.asarray(np.cos(phase) + 0.4 * np.cos(2 * phase + 1))

    steps = STEPS[: len(pulses)]
    jolt = wave(steps, MOTION_HZ)[:, None] * np.array([0.5, 0.3, 0.1])[:, None]
    jolt = jolt + 0.05 * rng.standard_normal(jolt.shape) + np.array([0.0, 0.0, 1.0])[:, None]
    pulse, shaken = wave(pulses, RATE_HZ), wave(steps, RATE_HZ, late_s=0.08)
    light = np.stack((pulse + 3 * jolts * shaken, 0.7 * pulse - 2 * jolts * shaken), axis=1)
    light += 0.3 * rng.standard_normal(light.shape)
    return Run(2e4 + 100 * light, jolt)


def told(run: Run, *, start: int = 0) -> list[Reading]:
    lights = run.light.shape[1]
    state = pulse_in_motion.init(len(run.light), RATE_HZ, lights=lights)
    readings: list[Reading] = []
    for second in range(start, run.light.shape[2] // RATE_HZ):
        light = run.light[:, :, second * RATE_HZ : (second + 1) * RATE_HZ]
        jolt = run.jolt[:, :, second * MOTION_HZ : (second + 1) * MOTION_HZ]
        times = np.full(len(light), (START_S + second) * SECOND_US)
        state, output = pulse_in_motion.step(state, (light, jolt), times)
        readings += output.readings
    return readings


def bits(reading: Reading, row: int) -> tuple[bytes, ...]:
    return tuple(column[row].tobytes() for column in reading[2:])


def test_finds_the_pulse_under_the_steps() -> None:
    last = told(running())[-1]
    assert np.abs(last.value - PULSES).max() < 2
    assert last.quality.min() > 0.8


def test_one_light_is_enough() -> None:
    run = running()
    last = told(run._replace(light=run.light[:, :1]))[-1]
    assert np.abs(last.value - PULSES).max() < 2


def test_is_silent_without_acceleration_or_light() -> None:
    run = running(PULSES[:2], 30)
    for missing in (
        run._replace(jolt=np.full_like(run.jolt, np.nan)),
        run._replace(light=np.full_like(run.light, np.nan)),
    ):
        for reading in told(missing):
            assert np.isnan(reading.value).all()
            assert not reading.quality.any()
            assert not reading.coverage.any()


@pytest.mark.parametrize("light", [np.zeros, np.ones], ids=["zero", "saturated"])
def test_a_flat_line_has_no_pulse(light: type[Floats]) -> None:
    run = running(PULSES[:2], 30)
    last = told(run._replace(light=65535.0 * np.asarray(light(run.light.shape))))[-1]
    assert last.quality.max() < 0.3


def test_noise_is_not_trusted() -> None:
    run = running(PULSES, DURATION_S)
    noise = np.random.default_rng(1).standard_normal(run.light.shape)
    qualities = np.array([reading.quality for reading in told(run._replace(light=noise))[20:]])
    assert np.median(qualities) < 0.5


def test_a_hole_is_followed_by_right_answers_or_none() -> None:
    run = running()
    holed = run.light.copy()
    holed[:, :, 30 * RATE_HZ : 34 * RATE_HZ] = np.nan
    for reading in told(run._replace(light=holed))[30:]:
        trusted = reading.quality > 0.6
        assert (np.abs(reading.value - PULSES)[trusted] < 5).all()


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    run = running(seconds=30)
    together = told(run)
    for row in range(len(PULSES)):
        alone = told(Run(run.light[row : row + 1], run.jolt[row : row + 1]))
        for one, other in zip(together, alone, strict=True):
            assert bits(one, row) == bits(other, 0)


def test_forgets_all_that_is_older_than_its_memory() -> None:
    run = running(PULSES[:2], MEMORY_S + 25)
    whole, later = told(run), told(run, start=20)
    for one, other in zip(whole[20 + MEMORY_S :], later[MEMORY_S:], strict=True):
        assert bits(one, 0) == bits(other, 0)
        assert bits(one, 1) == bits(other, 1)


@pytest.mark.parametrize("lights", [1, 2])
@pytest.mark.parametrize("kind", ["white", "walk"])
def test_noise_in_light_and_movement_alike_has_no_pulse(kind: str, lights: int) -> None:
    """Its summits come and go: half a minute of them does not stand above its neighbours."""
    rng = np.random.default_rng(2)
    light = rng.standard_normal((12, lights, 75 * RATE_HZ))
    jolt = rng.standard_normal((12, 3, 75 * MOTION_HZ))
    if kind == "walk":
        light, jolt = np.cumsum(light, axis=2), np.cumsum(jolt, axis=2)
    qualities = np.array([reading.quality for reading in told(Run(light, jolt))[40:]])
    assert (qualities >= 0.3).mean() < 0.12
    assert (qualities >= 0.7).mean() < 0.03


@pytest.mark.parametrize("kind", ["white", "walk", "flat"])
def test_quality_falls_when_the_light_loses_its_pulse(kind: str) -> None:
    """Within the window of 8 s and a little: not when half a minute has gone."""
    run, lost, gone = running(np.repeat(PULSES, 3), 62), 40, 12
    rng = np.random.default_rng(3)
    after = run.light[:, :, lost * RATE_HZ :]
    noise = rng.standard_normal(after.shape)
    if kind == "walk":
        noise = np.cumsum(noise, axis=2) / RATE_HZ**0.5
    run.light[:, :, lost * RATE_HZ :] = 2e4 + 300 * noise * (kind != "flat")
    qualities = np.array([reading.quality for reading in told(run)])
    assert (qualities[lost - 10 : lost] >= 0.7).mean() > 0.9
    assert (qualities[lost + gone :] >= 0.3).mean() < 0.2
    assert (qualities[lost + gone :] >= 0.7).mean() < 0.05
