"""Postures of bodies whose angles are known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.dsp.core.motion import posture, wearing
from services.dsp.core.motion.posture import Posture
from tests.unit.services.dsp.bodies import POSTURE_HZ as RATE_HZ
from tests.unit.services.dsp.bodies import stay

Floats = Any


def run(samples: Floats, rate_hz: int = RATE_HZ, *, begin: int = 0, state: Any = None) -> Any:
    """Values, qualities of each second (seconds, devices)."""
    state = posture.init(len(samples), rate_hz) if state is None else state
    values, qualities = [], []
    for second in range(begin, samples.shape[2] // rate_hz):
        block = samples[:, :, second * rate_hz : (second + 1) * rate_hz]
        state, out = posture.step(state, block, np.full(len(samples), second * 1_000_000))
        values.append(out.readings[0].value)
        qualities.append(out.readings[0].quality)
    return np.array(values), np.array(qualities)


@pytest.mark.parametrize("rate_hz", [10, 25, 50])
def test_knows_seven_postures(rate_hz: int) -> None:
    samples = np.array([stay(name, 12, rate_hz=rate_hz) for name in Posture])
    values, qualities = run(samples, rate_hz)
    assert (values[4:] == np.array(list(Posture))).all()
    assert (qualities[4:] > 0.9).all()


def test_a_told_stance_rights_sensors_that_sit_askew() -> None:
    tilt = np.radians(30)
    askew = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    days = [np.concatenate((stay(Posture.STANDING, 6), stay(name, 8)), axis=1) for name in Posture]
    samples = np.array(days)
    samples[:, 3:] = np.einsum("ij,djn->din", askew, samples[:, 3:])
    state = posture.init(len(samples), RATE_HZ)
    stood = samples[:, :, : wearing.STAND_S * RATE_HZ]
    state = replace(state, thigh=np.array([wearing.standing(each[3:]) for each in stood]))
    values, _ = run(samples, state=state)
    assert (values[9:] == np.array(list(Posture))).all()


def test_a_change_shows_within_a_second_and_a_third() -> None:
    day = np.concatenate((stay(Posture.STANDING, 20), stay(Posture.SITTING, 10)), axis=1)
    state = posture.init(1, RATE_HZ)
    codes = []
    for second in range(30):
        block = day[None, :, second * RATE_HZ : (second + 1) * RATE_HZ]
        state, told, _ = posture.advance(state, block)
        codes += told.code[0].tolist()
    seen_s = codes.index(Posture.SITTING) / posture.PER_S - posture.DELAY_S
    assert -0.5 <= seen_s - 20 <= 1.3


def test_walking_is_standing_and_a_knock_changes_nothing() -> None:
    day = stay(Posture.STANDING, 40)
    t = np.arange(day.shape[1]) / RATE_HZ
    day[:3] += 0.22 * np.sin(2 * np.pi * 1.8 * t)
    day[3:] += 0.35 * np.sin(2 * np.pi * 0.9 * t)
    day[:, 200:202] += 0.9
    values, _ = run(day[None])
    assert (values[3:] == Posture.STANDING).all()


def test_says_nothing_where_gravity_cannot_be_told() -> None:
    wild = np.repeat(stay(Posture.STANDING, 20)[None], 4, axis=0)
    wild[0] = np.nan
    wild[1] *= 3.0  # another unit, or in free motion
    wild[2] = 0.0
    wild[3, 3:] = np.nan  # no thigh
    values, qualities = run(wild)
    assert np.isnan(values).all()
    assert not qualities.any()


def test_says_nothing_of_sensors_that_do_not_live() -> None:
    rng = np.random.default_rng(3)
    rows = np.repeat(stay(Posture.STANDING, 30)[None], 6, axis=0)
    rows[0, :3] = rows[0, :3, :1]  # the chest holds one value
    rows[1, 3:] = rows[1, 3:, :1]  # the thigh does
    rows[2, :3] += 0.32 * rng.standard_normal(rows[2, :3].shape)  # white noise
    rows[3, 3:] += 0.1 * np.cumsum(rng.standard_normal(rows[3, 3:].shape), axis=1)  # drift
    rows[4] *= 0.6  # a scale that is out of place, within the gate
    values, qualities = run(rows)
    for row in range(5):
        assert np.isnan(values[6:, row]).mean() > 0.95, row
        assert not qualities[6:, row][np.isnan(values[6:, row])].any()
    assert (values[6:, 5] == Posture.STANDING).all()


def test_says_nothing_while_an_axis_stands_that_should_move() -> None:
    day = np.concatenate(
        [stay(name, 10) for name in (Posture.STANDING, Posture.SITTING, Posture.STANDING)], axis=1
    )
    jammed = day.copy()
    jammed[5] = 0.3  # of the thigh
    values, _ = run(np.array([day, jammed]))
    assert (values[24:, 0] == Posture.STANDING).all()
    assert np.isnan(values[13:, 1]).all()


def test_a_stance_needs_somebody_who_stands_still() -> None:
    with pytest.raises(ValueError, match="stand still"):
        wearing.standing(np.full((3, 50), np.nan))
    with pytest.raises(ValueError, match="upside down"):
        wearing.standing(np.repeat([[-1.0], [0.0], [0.0]], 50, axis=1))


def wild_day() -> Floats:
    order = [*Posture, Posture.SITTING, Posture.STANDING] * 4
    day = np.array(
        [np.concatenate([stay(p, 7, seed=d) for p in order[d:] + order[:d]], 1) for d in range(5)]
    )
    rng = np.random.default_rng(1)
    day += 0.3 * rng.standard_t(2, day.shape)
    day[1, :, 300:360] = np.nan
    return day


def test_forgets_what_is_older_than_its_memory() -> None:
    day, begin = wild_day(), 30
    whole = run(day)
    again = run(day, begin=begin)
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(
            one[begin + posture.MEMORY_S :], other[posture.MEMORY_S :], strict=True
        )


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    day = wild_day()[:, :, :400]
    together = run(day)
    for row in range(len(day)):
        alone = run(day[row : row + 1])
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_array_equal(one[:, row], other[:, 0])
