"""A device with sensors at chest and thigh: both for the posture, one for the steps."""

import numpy as np

from services.dsp.core.motion import steps, with_thigh
from services.dsp.core.motion.posture import Posture, init
from services.dsp.core.outputs import Reading
from tests.unit.services.dsp.bodies import Floats, stay, walk

RATE_HZ = 25


def told_steps(thigh: Floats) -> tuple[dict[int, float], dict[int, float]]:
    """What the chest and the thigh tell, by the second of it."""
    chest = walk(1.7, RATE_HZ)[None]
    of_chest, of_thigh = with_thigh.steps_init(1, RATE_HZ), steps.init(1, RATE_HZ)
    told: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for second in range(60):
        part = slice(second * RATE_HZ, (second + 1) * RATE_HZ)
        times = np.array([second * 1_000_000])
        both = (chest[:, :, part], thigh[:, :, part])
        of_chest, chest_out = with_thigh.steps_step(of_chest, both, times)
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
    state = init(1, 10)
    readings: list[Reading] = []
    for second in range(11):
        block = both[:, :, second * 10 : (second + 1) * 10]
        times = np.array([second * 1_000_000])
        state, out = with_thigh.posture_step(state, (block[:, :3], block[:, 3:]), times)
        readings += out.readings
    assert readings[7].value == Posture.SITTING
    assert readings[7].coverage == 1
    assert not readings[10].coverage.any()
    assert np.isnan(readings[10].value).all()
