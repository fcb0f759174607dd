"""What a model chooses, what a single device lays over it, and the bits that carry it."""

import pytest

from shared.contracts.device_model import read_device_model
from shared.contracts.processing import (
    CURVE_BITS,
    CURVES,
    WITH_PUBLISHED_RADAR,
    Processing,
    RadarChain,
    SaturationCurve,
    laid_over,
)
from shared.contracts.quality import FrameFlag

HEAD = 'label = "X"\nmaker = "x"\ncodecs = ["json"]\n'


def test_what_is_not_chosen_is_what_always_ran() -> None:
    assert read_device_model(HEAD).processing == Processing()
    assert Processing().frame_flags == 0


def test_a_choice_is_named_and_checked() -> None:
    chosen = '[processing]\nsaturation_curve = "maxim_table"\nradar_chain = "with_published"\n'
    flags = read_device_model(HEAD + chosen).processing.frame_flags
    assert flags == SaturationCurve.MAXIM_TABLE.number << 8 | WITH_PUBLISHED_RADAR
    for wrong in ('saturation_curve = "mine"', 'radar_chain = "theirs"', 'curve = "maxim_table"'):
        with pytest.raises(ValueError, match="not a device model"):
            read_device_model(f"{HEAD}[processing]\n{wrong}\n")


def test_a_device_lays_its_own_over_that_of_its_model() -> None:
    of_model = Processing(radar_chain=RadarChain.WITH_PUBLISHED)
    found = laid_over(of_model, {"saturation_curve": "linear_110_25"})
    assert found is not None
    assert (found.saturation_curve, found.radar_chain) == (
        SaturationCurve.LINEAR_110_25,
        RadarChain.WITH_PUBLISHED,
    )
    assert laid_over(of_model, {}) == of_model
    for wrong in (None, 3, {"saturation_curve": 1}, {"saturation_curve": "x"}, {"other": "ours"}):
        assert laid_over(of_model, wrong) is None


def test_no_bit_is_used_twice() -> None:
    of_frames = sum(FrameFlag)
    assert not of_frames & CURVE_BITS
    assert not (of_frames | CURVE_BITS) & WITH_PUBLISHED_RADAR
    numbers = [curve.number for curve in CURVES]
    assert numbers == list(range(len(numbers)))
