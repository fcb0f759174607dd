"""Saturation: named curves, both ways to the ratio, one jolt, no light."""

import numpy as np
import pytest
from numpy.typing import NDArray

from services.dsp.core.ppg.calibrations import (
    BEER_LAMBERT,
    CALIBRATIONS,
    LINEAR,
    MAXIM_QUADRATIC,
    MAXIM_TABLE,
    Calibration,
    curves_of,
    methods_of,
)
from services.dsp.core.ppg.pulsation import GRID_HZ
from services.dsp.core.ppg.saturation import WINDOW_S, RatioBy, saturation
from shared.contracts.processing import CURVE_BITS, CURVES, Processing, SaturationCurve
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


def all_by(curve: SaturationCurve) -> NDArray[np.intp]:
    return np.full(len(RATIOS), curve.number)


USUAL = all_by(SaturationCurve.MAXIM_QUADRATIC)


@pytest.mark.parametrize("by", RatioBy)
@pytest.mark.parametrize("calibration", CALIBRATIONS.values(), ids=CALIBRATIONS)
def test_the_ratio_is_read_from_the_named_curve(by: RatioBy, calibration: Calibration) -> None:
    found = saturation(*lights(noise=5.0), curve=all_by(calibration.key), by=by)
    np.testing.assert_allclose(found.ratio, RATIOS, rtol=0.02)
    wanted = np.minimum(calibration.percent(found.ratio), 100)
    np.testing.assert_array_equal(found.spo2[:3], wanted[:3])
    assert found.agreement.min() > 0.95


def test_curves_are_those_of_their_sources() -> None:
    one = np.array([1.0])
    np.testing.assert_allclose(MAXIM_QUADRATIC.percent(one), 80.139)
    np.testing.assert_allclose(LINEAR.percent(one), 85.0)
    np.testing.assert_allclose(BEER_LAMBERT.percent(one), 100 * 0.63 / 0.74)
    ratios = np.linspace(0, 1.82, 200)
    apart = MAXIM_TABLE.percent(ratios) - MAXIM_QUADRATIC.percent(ratios)
    assert np.abs(apart).max() < 1, "the maker's table is its quadratic, rounded"
    assert np.isnan(MAXIM_TABLE.percent(np.array([1.83]))).all()


def test_each_device_is_read_by_its_own_curve() -> None:
    curves = np.array([1, 0, 3, 2])
    found = saturation(*lights(), curve=curves)
    for row, number in enumerate(curves):
        alone = saturation(*(light[row : row + 1] for light in lights()), curve=curves[[row]])
        assert found.spo2[row] == alone.spo2[0]
        calibration = CALIBRATIONS[CURVES[number]]
        wanted = min(calibration.percent(found.ratio[row : row + 1])[0], 100)
        assert found.spo2[row] == wanted
        assert methods_of(curves)[row] == calibration.method


def test_every_curve_has_a_name_a_row_and_a_method_of_its_own() -> None:
    assert set(CALIBRATIONS) == set(SaturationCurve)
    assert len({row.method for row in CALIBRATIONS.values()}) == len(CALIBRATIONS)
    flags = [Processing(saturation_curve=curve).frame_flags for curve in CURVES]
    assert curves_of(np.array(flags, dtype=np.uint32)).tolist() == [one.number for one in CURVES]
    of_later = np.array([CURVE_BITS, 255], dtype=np.uint32)
    assert curves_of(of_later).tolist() == [SaturationCurve.MAXIM_QUADRATIC.number] * 2


def test_one_jolt_does_not_count() -> None:
    pulse, light = lights()
    shaken = light.copy()
    shaken[:, :, 180:200] += 3000 * np.hanning(20)  # both alike: a ratio of its own
    plain, jolted = (saturation(pulse, one, curve=USUAL) for one in (light, shaken))
    by_rms = saturation(pulse, shaken, curve=USUAL, by=RatioBy.ROOT_MEAN_SQUARE)
    assert np.abs(jolted.ratio - plain.ratio).max() < 0.03
    assert np.abs(by_rms.ratio - plain.ratio).max() > 0.1


def test_two_and_a_half_seconds_are_enough() -> None:
    pulse, light = lights()
    light[:, :, : -int(2.5 * GRID_HZ)] = np.nan
    pulse[:, :, : -int(2.5 * GRID_HZ)] = np.nan
    np.testing.assert_allclose(saturation(pulse, light, curve=USUAL).ratio, RATIOS, rtol=0.02)


@pytest.mark.parametrize("value", [0.0, -5.0, 65535.0, np.nan])
def test_no_pulsation_is_no_saturation(value: float) -> None:
    flat = np.full((2, 2, WINDOW_S * GRID_HZ), value)
    found = saturation(flat * 0, flat, curve=USUAL[: len(flat)])
    assert np.isnan(found.spo2).all()
    assert np.isnan(found.perfusion).all()
    assert not found.agreement.any()


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    pulse, light = lights(noise=50.0)
    together = saturation(pulse, light, curve=USUAL)
    for row in range(len(RATIOS)):
        alone = saturation(pulse[row : row + 1], light[row : row + 1], curve=USUAL[:1])
        for one, other in zip(together, alone, strict=True):
            assert one[row].tobytes() == other[0].tobytes()
