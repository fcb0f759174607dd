"""How much a body moves, and how hard that is."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.motion import activity
from services.dsp.core.outputs import Reading
from shared.contracts.measures import MEASURES, Measure
from tests.unit.services.dsp.bodies import walk

Floats = Any


def told(samples: Floats, rate_hz: int) -> list[tuple[Reading, ...]]:
    """What is told each second of (rows, 3, n)."""
    state, given = activity.init(len(samples), rate_hz), []
    for second in range(samples.shape[2] // rate_hz):
        block = samples[:, :, second * rate_hz : (second + 1) * rate_hz]
        times = np.full(len(samples), second * 1_000_000)
        state, out = activity.step(state, block, times, is_trunk=True)
        given.append(out.readings)
    return given


@pytest.mark.parametrize("rate_hz", [20, 50, 100])
def test_is_the_mean_deviation_of_the_size_wherever_up_is(rate_hz: int) -> None:
    t = np.arange(10 * rate_hz) / rate_hz
    swing = np.array([0.01, 0.1, 0.5, 1.0])[:, None] * np.sin(2 * np.pi * 2 * t)
    samples = (1 + swing)[:, None] * np.array([0.6, 0.0, -0.8])[:, None]
    samples += 0.001 * np.random.default_rng(6).standard_normal(samples.shape)
    samples[2] += np.array([0.06, 0.0, -0.08])[:, None]  # a sensor that reads a tenth too much
    given = told(samples, rate_hz)
    assert [bool(amount.coverage.any()) for amount, _ in given] == ([False] * 4 + [True]) * 2
    amount, effort = given[9]
    np.testing.assert_allclose(
        amount.value, np.array([0.01, 0.1, 0.5, 1.0]) * 2 / np.pi, atol=0.02, rtol=0.03
    )
    assert effort.value.tolist() == [
        activity.STILL, activity.LIGHT, activity.MODERATE, activity.VIGOROUS,
    ]  # fmt: skip
    assert (amount.quality > 0.8).all()
    assert (effort.quality > MEASURES[Measure.EFFORT].least_quality).all()


def test_a_walk_is_more_than_standing() -> None:
    given = told(walk(1.8, 50)[None], 50)
    assert given[4][0].value < 0.01
    assert given[4][1].value == activity.STILL
    assert given[29][1].value == activity.MODERATE


def test_holes_and_other_units_tell_nothing() -> None:
    samples = np.stack([walk(1.8, 25)] * 3)
    samples[0] = np.nan
    samples[1] *= 1000
    samples[2, :, 20 * 25 : 22 * 25] = np.nan
    given = told(samples, 25)
    for amount, effort in given:
        for reading in (amount, effort):
            assert np.isnan(reading.value[:2]).all()
            assert not reading.quality[:2].any()
    assert np.isnan(given[24][0].value[2])  # two of its five seconds are missing
    assert np.isfinite(given[29][0].value[2])


def test_names_of_the_codes_are_those_of_the_table() -> None:
    names = MEASURES[Measure.EFFORT].codes
    for name in names:
        assert getattr(activity, name.upper()) == names.index(name) + 1


def test_a_stuck_sensor_one_without_gravity_and_a_clipped_one_tell_nothing() -> None:
    walked = walk(1.8, 50, g=0.5)
    rows = np.stack([walked] * 5)
    rows[0] = rows[0, :, :1]
    rows[1] *= 0.5
    rows[2] *= 3.0
    middle = np.array([0.2, -0.9, 0.387])[:, None]
    rows[3] = np.clip(rows[3], middle - 0.1, middle + 0.1)
    given = told(rows, 50)
    for second in (24, 29, 34):
        for reading in given[second]:
            assert np.isnan(reading.value[:4]).all()
            assert not reading.quality[:4].any()
            assert reading.quality[4] > 0.7
