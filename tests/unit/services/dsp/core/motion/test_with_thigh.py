"""A device with sensors at chest and thigh: both for the posture, one for the steps."""

import numpy as np

from services.dsp.core.motion import alive, steps, with_thigh
from services.dsp.core.motion.posture import Posture
from services.dsp.core.motion.stances import Stances
from services.dsp.core.outputs import Output, Reading
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import Method
from tests.unit.services.dsp.bodies import Floats, stay, walk

RATE_HZ = 25
NOTHING = Reading(Measure.POSTURE, Method.MOTION_TILT, np.full(1, np.nan), np.zeros(1), np.zeros(1))
NO_POSTURE = Output((NOTHING,))


def told_steps(thigh: Floats) -> tuple[dict[int, float], dict[int, float]]:
    """What the chest and the thigh tell, by the second of it."""
    chest = walk(1.7, RATE_HZ)[None]
    of_chest, of_thigh = with_thigh.steps_init(1, RATE_HZ), steps.init(1, RATE_HZ)
    told: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for second in range(60):
        part = slice(second * RATE_HZ, (second + 1) * RATE_HZ)
        times = np.array([second * 1_000_000])
        both = (chest[:, :, part], thigh[:, :, part])
        of_chest, chest_out = with_thigh.steps_step(of_chest, both, times, NO_POSTURE)
        of_thigh, thigh_out = steps.step(of_thigh, thigh[:, :, part], times)
        for out, into in zip((chest_out, thigh_out), told, strict=True):
            if out.readings[0].coverage[0]:
                into[second] = float(out.readings[0].value[0])
    return told


def test_the_chest_counts_only_while_there_is_no_thigh() -> None:
    walked = walk(1.7, RATE_HZ)[None]
    nothing = np.full_like(walked, np.nan)
    from_chest, from_thigh = told_steps(nothing)
    assert sum(from_chest.values()) > 60
    assert not from_thigh
    from_chest, from_thigh = told_steps(walked)
    assert not from_chest
    assert sum(from_thigh.values()) > 60


def test_no_time_is_told_by_both_when_the_thigh_comes_or_goes() -> None:
    walked = walk(1.7, RATE_HZ)[None]
    for begin, end in ((0, 31), (23, 60), (20, 23), (17, 44)):
        thigh = np.full_like(walked, np.nan)
        thigh[:, :, begin * RATE_HZ + 7 : end * RATE_HZ - 5] = walked[
            :, :, begin * RATE_HZ + 7 : end * RATE_HZ - 5
        ]
        from_chest, from_thigh = told_steps(thigh)
        assert from_thigh
        assert not set(from_chest) & set(from_thigh)


def test_posture_takes_both_and_is_silent_without_the_thigh() -> None:
    both = stay(Posture.SITTING, 11)[None]
    both[:, 3:, 80:] = np.nan
    state = with_thigh.posture_init(1, 10)
    readings: list[Reading] = []
    for second in range(11):
        block = both[:, :, second * 10 : (second + 1) * 10]
        times = np.array([second * 1_000_000])
        state, out = with_thigh.posture_step(
            state, (block[:, :3], block[:, 3:]), times, Stances(), np.zeros(1, dtype=np.int32)
        )
        readings += out.readings
    assert readings[7].value == Posture.SITTING
    assert readings[7].coverage == 1
    assert not readings[10].coverage.any()
    assert np.isnan(readings[10].value).all()


def told_postures(chest: Floats, thigh: Floats, rate_hz: int) -> Floats:
    """Of each second of (devices, 3, n) of both; the codes, 0 where nothing is told."""
    state = with_thigh.posture_init(len(chest), rate_hz)
    rows = []
    for second in range(chest.shape[2] // rate_hz):
        part = slice(second * rate_hz, (second + 1) * rate_hz)
        times = np.full(len(chest), second * 1_000_000)
        rows_of = np.zeros(len(chest), dtype=np.int32)
        state, out = with_thigh.posture_step(
            state, (chest[:, :, part], thigh[:, :, part]), times, Stances(), rows_of
        )
        rows.append(np.where(out.readings[0].coverage > 0, out.readings[0].value, 0.0))
    return np.nan_to_num(np.array(rows))


def test_says_no_posture_of_a_chest_that_is_no_body() -> None:
    rng, seconds = np.random.default_rng(4), 90
    good = stay(Posture.STANDING, seconds, rate_hz=RATE_HZ)
    still = good[:3].mean(axis=1, keepdims=True)
    noise = rng.standard_normal((3, good.shape[1]))
    walked = walk(1.7, RATE_HZ, seconds=seconds, end_s=seconds)
    chest = np.array([
        good[:3],
        still + np.linalg.norm(walked, axis=0) - 1,
        still + 0.15 * noise,
        still + 0.1 * np.array([[0.1], [1.0], [0.1]]) * noise,  # almost of one axis
        still + 0.2 * np.cumsum(noise, axis=1) / np.sqrt(RATE_HZ),
        np.round(still + 0.001 * noise, 3),  # a table
    ])  # fmt: skip
    thigh = np.repeat(good[None, 3:], len(chest), axis=0)
    told = told_postures(chest, thigh, RATE_HZ)[alive.STILL_S + 1 :]
    assert (told[:, :2] == Posture.STANDING).all()
    white, of_one_axis, drifting, table = (told[:, 2:] > 0).mean(axis=0)
    assert max(white, of_one_axis, table) <= 0.05
    assert drifting <= 0.2  # a body turns so too: only what goes on is silenced


def told_doing(samples: Floats, posture_at: dict[int, float]) -> dict[int, tuple[float, float]]:
    """What is done and its quality by the second, of a chest and the postures at each second."""
    state, told = with_thigh.steps_init(1, RATE_HZ), {}
    thigh = np.full((1, 3, 10), np.nan)
    for second in range(samples.shape[1] // RATE_HZ):
        block = samples[None, :, second * RATE_HZ : (second + 1) * RATE_HZ]
        code = posture_at.get(second, np.nan)  # of the second that ends at `second`
        seen = np.full(1, float(np.isfinite(code)))
        given = Output((NOTHING._replace(value=np.array([code]), quality=seen, coverage=seen),))
        times = np.array([second * 1_000_000])
        state, out = with_thigh.steps_step(state, (block, thigh), times, given)
        doing = out.readings[-1]
        assert doing.measure is Measure.DOING
        if doing.coverage[0]:
            told[second + 1 - steps.DELAY_S] = float(doing.value[0]), float(doing.quality[0])
    return told


def test_says_what_somebody_does_by_postures_and_steps() -> None:
    postures: dict[int, float] = dict.fromkeys(range(1, 51), float(Posture.STANDING))
    postures |= dict.fromkeys(range(51, 57), float(Posture.SITTING))
    postures |= dict.fromkeys(range(57, 61), float(Posture.LYING_LEFT))
    postures |= dict.fromkeys(range(61, 80), float(Posture.LYING_FRONT))
    told = told_doing(np.tile(walk(1.7, RATE_HZ), 2)[:, : 80 * RATE_HZ], postures)
    assert int(told[10][0]) == with_thigh.STANDING
    assert {int(told[at][0]) for at in (20, 30, 40)} == {with_thigh.WALKING}
    lying, sitting = float(with_thigh.LYING), float(with_thigh.SITTING)
    # of the five seconds before 60 one was sitting
    assert [told[at] for at in (55, 60, 70)] == [(sitting, 1.0), (lying, 0.8), (lying, 1.0)]


def test_who_lies_does_not_walk_and_without_posture_nothing_is_said() -> None:
    moving = walk(1.7, RATE_HZ)
    lying = told_doing(moving, dict.fromkeys(range(60), float(Posture.LYING_BACK)))
    assert {doing for doing, _ in lying.values()} == {with_thigh.LYING}
    assert told_doing(moving, {}) == {}
    few = dict.fromkeys((21, 22), float(Posture.STANDING))
    assert told_doing(moving, few) == {}


def test_names_of_the_codes_are_those_of_the_table() -> None:
    assert MEASURES[Measure.POSTURE].codes == tuple(each.name.lower() for each in Posture)
    names = MEASURES[Measure.DOING].codes
    for name in names:
        assert getattr(with_thigh, name.upper()) == names.index(name) + 1
