"""Saturation: named curves, both ways to the ratio, one jolt, no light."""

import numpy as np
import pytest

from services.dsp.core.ppg.calibrations import (
    BEER_LAMBERT,
    CALIBRATIONS,
    LINEAR,
    MAXIM_QUADRATIC,
    Calibration,
)
from services.dsp.core.ppg.pulsation import GRID_HZ
from services.dsp.core.ppg.saturation import WINDOW_S, RatioBy, saturation
from tests.unit.services.dsp.signals import Floats

RATIOS = np.array([0.5, 0.8, 1.1, 1.4])


def lights(noise: float = 0.0) -> tuple[Floats, Floats]:
    """Pulsation and light of red and infrared whose ratio of ratios is `RATIOS`."""
    t = np.arange(WINDOW_S * GRID_HZ) / GRID_HZ
    wave = np.sin(2 * np.pi * 1.2 * t) + 0.3 * np.sin(4 * np.pi * 1.2 * t + 1)
    depth = np.stack((0.01 * RATIOS, 0.01 * np.ones(len(RATIOS))), axis=1)
    level = np.array([8e4, 1e5])[:, None]
    pulse = level * depth[:, :, None] * wave
    rng = np.random.default_rng(3)
    light = pulse + level + noise * rng.standard_normal(pulse.shape)
    return pulse, light


@pytest.mark.parametrize("by", RatioBy)
@pytest.mark.parametrize("calibration", CALIBRATIONS.values(), ids=CALIBRATIONS)
def test_the_ratio_is_read_from_the_named_curve(by: RatioBy, calibration: Calibration) -> None:
    curve = CALIBRATIONS[calibration.key]
    found = saturation(*lights(noise=5.0), calibration=curve, by=by)
    np.testing.assert_allclose(found.ratio, RATIOS, rtol=0.02)
    wanted = np.minimum(curve.percent(found.ratio), 100)
    np.testing.assert_array_equal(found.spo2[:3], wanted[:3])
    assert found.agreement.min() > 0.95


def test_curves_are_those_of_their_sources() -> None:
    one = np.array([1.0])
    np.testing.assert_allclose(MAXIM_QUADRATIC.percent(one), 80.139)
    np.testing.assert_allclose(LINEAR.percent(one), 85.0)
    np.testing.assert_allclose(BEER_LAMBERT.percent(one), 100 * 0.63 / 0.74)


def test_one_jolt_does_not_count() -> None:
    pulse, light = lights()
    shaken = light.copy()
    shaken[:, :, 180:200] += 3000 * np.hanning(20)  # both alike: a ratio of its own
    plain, jolted = saturation(pulse, light), saturation(pulse, shaken)
    by_rms = saturation(pulse, shaken, by=RatioBy.ROOT_MEAN_SQUARE)
    assert np.abs(jolted.ratio - plain.ratio).max() < 0.03
    assert np.abs(by_rms.ratio - plain.ratio).max() > 0.1


def test_two_and_a_half_seconds_are_enough() -> None:
    pulse, light = lights()
    light[:, :, : -int(2.5 * GRID_HZ)] = np.nan
    pulse[:, :, : -int(2.5 * GRID_HZ)] = np.nan
    np.testing.assert_allclose(saturation(pulse, light).ratio, RATIOS, rtol=0.02)


@pytest.mark.parametrize("value", [0.0, -5.0, 65535.0, np.nan])
def test_no_pulsation_is_no_saturation(value: float) -> None:
    flat = np.full((2, 2, WINDOW_S * GRID_HZ), value)
    found = saturation(flat * 0, flat)
    assert np.isnan(found.spo2).all()
    assert np.isnan(found.perfusion).all()
    assert not found.agreement.any()


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    pulse, light = lights(noise=50.0)
    together = saturation(pulse, light)
    for row in range(len(RATIOS)):
        alone = saturation(pulse[row : row + 1], light[row : row + 1])
        for one, other in zip(together, alone, strict=True):
            assert one[row].tobytes() == other[0].tobytes()
