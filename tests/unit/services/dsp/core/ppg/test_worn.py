"""Pulses where bodies move: what an accelerometer and the rate in motion let them say."""

import numpy as np
import pytest

from services.dsp.core.outputs import Output
from services.dsp.core.ppg import pulse_in_motion, pulse_oximetry, worn
from services.dsp.core.ppg.pulse_rate import PulseRate
from services.dsp.core.ppg.worn import MOVES_G, UNSEEN_SHARE, InMotion, beside_motion
from shared.contracts.beats import BeatKind
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ, MOTION_HZ, SECONDS = 100, pulse_in_motion.MOTION_HZ, 60
PULSE, SWING = 80.0, 132.0


def rate(quality: float = 0.9, per_min: float = 80.0, alike: float = 0.9) -> PulseRate:
    return PulseRate(*(np.full(1, value) for value in (per_min, quality, 1.0, alike)))


def judged(rate: PulseRate, *, told: float, sure: float, moves_g: float) -> float:
    beside = InMotion(np.full(1, told), np.full(1, sure), np.full(1, moves_g))
    return float(beside_motion(rate, beside).quality[0])


def light_of(per_min: float, *, seed: int = 1) -> Floats:
    beats = signals.beat_times(per_min, SECONDS, seed=seed)
    return np.asarray(signals.ppg(beats, SECONDS, RATE_HZ)[-1], np.float64)


def swing(rate_hz: int) -> Floats:
    """An arm that swings, with a harmonic: root mean square 1."""
    phase = 2 * np.pi * SWING / 60 * np.arange(SECONDS * rate_hz) / rate_hz
    wave = np.cos(phase) + 0.4 * np.cos(2 * phase + 1)
    return np.asarray(wave / np.sqrt((wave * wave).mean()))


def swinging(size_g: float) -> Floats:
    felt = size_g * swing(MOTION_HZ)
    noise = np.random.default_rng(1).normal(0.0, 0.01, (3, len(felt)))
    return np.asarray(noise + np.stack((felt, np.zeros(len(felt)), np.ones(len(felt)))))


def told(light: Floats, jolt: Floats) -> list[Output]:
    """What each second gives of lights (rows, samples) beside accelerations (rows, 3, samples)."""
    motion, state = (
        pulse_in_motion.init(len(light), RATE_HZ, lights=1),
        worn.init(len(light), 100, 1),
    )
    outputs = []
    for second in range(SECONDS):
        part = light[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        moved = jolt[:, :, second * MOTION_HZ : (second + 1) * MOTION_HZ]
        times = np.full(len(light), (START_S + second) * SECOND_US)
        motion, found = pulse_in_motion.step(motion, (part, moved), times)
        state, output = worn.step(state, (part, moved), times, found)
        outputs.append(output)
    return outputs


def test_a_still_wrist_leaves_the_quality_of_the_pulses() -> None:
    assert judged(rate(0.9), told=120.0, sure=0.9, moves_g=MOVES_G[0]) == 0.9
    assert judged(rate(0.9), told=np.nan, sure=0.0, moves_g=0.0) == 0.9


def test_a_wrist_that_moves_asks_the_rate_in_motion() -> None:
    moving = MOVES_G[1]
    assert judged(rate(0.9), told=83.0, sure=0.95, moves_g=moving) == pytest.approx(0.9)
    assert judged(rate(0.9), told=83.0, sure=0.4, moves_g=moving) == pytest.approx(0.4)
    assert judged(rate(0.9), told=120.0, sure=0.4, moves_g=moving) == 0.0


def test_between_stillness_and_movement_the_quality_falls_steadily() -> None:
    sizes = np.linspace(*MOVES_G, 5)
    qualities = [judged(rate(0.9), told=120.0, sure=0.9, moves_g=size) for size in sizes]
    assert np.diff(qualities).max() < 0


@pytest.mark.parametrize("moves_g", [np.nan, MOVES_G[1]], ids=["no sensor", "no rate in motion"])
def test_unlike_pulses_of_unknown_movement_are_doubtful(moves_g: float) -> None:
    unlike = judged(rate(1.0, alike=0.9), told=np.nan, sure=0.0, moves_g=moves_g)
    assert unlike == pytest.approx(UNSEEN_SHARE)
    assert judged(rate(1.0, alike=0.99), told=np.nan, sure=0.0, moves_g=moves_g) == 1.0


def test_no_quality_is_higher_than_that_of_the_pulses() -> None:
    rng = np.random.default_rng(2)
    n = 2_000
    own = PulseRate(rng.uniform(60, 70, n), rng.random(n), np.ones(n), rng.random(n))
    other = np.where(rng.random(n) < 0.2, np.nan, rng.uniform(60, 70, n))
    size = np.where(rng.random(n) < 0.2, np.nan, rng.uniform(0, 0.3, n))
    found = beside_motion(own, InMotion(other, rng.random(n), size)).quality
    assert (found <= own.quality).all()
    assert (found >= 0).all()


def test_a_swing_in_the_light_is_no_pulse_where_it_is_felt() -> None:
    """The swing hides the pulse and looks like one: only who feels it withholds its rate."""
    pulse = light_of(PULSE)
    swung = pulse + 4 * pulse.std() * swing(RATE_HZ)
    light = np.stack((swung, swung, pulse))
    jolt = np.stack((swinging(0.0), swinging(0.5), swinging(0.5)))
    outputs = told(light, jolt)[20:]
    values = np.array([output.readings[0].value for output in outputs])
    qualities = np.array([output.readings[0].quality for output in outputs])
    assert np.abs(values[:, 0] - SWING).max() < 2
    assert qualities[:, 0].min() > 0.8
    assert qualities[:, 1].max() < 0.3
    assert np.abs(values[:, 2] - PULSE).max() < 3
    assert qualities[:, 2].min() > 0.7
    beats = [output.beats for output in outputs if output.beats is not None]
    assert all(one.kind is BeatKind.PULSE_FOOT for one in beats)
    assert set(np.concatenate([one.row for one in beats]).tolist()) == {0, 2}


def test_without_acceleration_pulses_like_those_in_bed_are_told() -> None:
    light = light_of(PULSE)[None]
    outputs = told(light, np.full((1, 3, SECONDS * MOTION_HZ), np.nan))
    state = pulse_oximetry.init(1, RATE_HZ, 1)
    for second, output in enumerate(outputs):
        part = light[:, None, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(1, (START_S + second) * SECOND_US)
        state, alone = pulse_oximetry.step(state, part, times)
        np.testing.assert_array_equal(output.readings[0].value, alone.readings[0].value)
    assert outputs[-1].readings[0].quality[0] > 0.9


def test_a_sensor_that_falls_silent_or_sticks_is_not_taken_for_stillness() -> None:
    jolt = swinging(0.5)[None].copy()
    jolt[:, :, 40 * MOTION_HZ :] = np.nan
    noise = np.random.default_rng(3).normal(0.0, 450.0, SECONDS * RATE_HZ)
    noisy = light_of(PULSE)[None] + noise
    held = np.where(np.isnan(jolt), 0.5, jolt)
    jolts = np.concatenate((jolt, np.full_like(jolt, np.nan), swinging(0.0)[None], held))
    moved, unknown, still, stuck = told(np.repeat(noisy, 4, axis=0), jolts)[-1].readings[0].quality
    assert moved == unknown == stuck
    assert 0.3 < unknown < 0.7 < still
