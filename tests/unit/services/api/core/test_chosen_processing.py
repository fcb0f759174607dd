"""What is chosen of how samples are worked out, as people are told it."""

import pytest

from services.api.core.chosen_processing import ChosenProcessing, chosen
from shared.contracts.processing import RadarChain, SaturationCurve
from shared.device_models.catalogue import load_device_models

MODELS = load_device_models()
OURS, BOTH = RadarChain.OURS, RadarChain.WITH_PUBLISHED
MAXIM, LINEAR = SaturationCurve.MAXIM_QUADRATIC, SaturationCurve.LINEAR_110_25


@pytest.mark.parametrize(
    ("model", "of_device", "found"),
    [
        ("ppg-terminal", None, ChosenProcessing(MAXIM, None)),
        ("ppg-terminal", {"saturation_curve": "linear_110_25"}, ChosenProcessing(LINEAR, None)),
        ("ppg-terminal", {"saturation_curve": "unheard_of"}, ChosenProcessing(MAXIM, None)),
        ("ppg-terminal", "linear_110_25", ChosenProcessing(MAXIM, None)),
        ("radar-monitor", {}, ChosenProcessing(None, OURS)),
        ("radar-monitor", {"radar_chain": "with_published"}, ChosenProcessing(None, BOTH)),
        ("ecg-recorder", {"radar_chain": "with_published"}, ChosenProcessing(None, None)),
    ],
)
def test_the_choice_of_a_device_lies_over_that_of_its_model_where_it_is_one(
    model: str, of_device: object, found: ChosenProcessing
) -> None:
    assert chosen(MODELS[model], of_device) == found


def test_of_an_unknown_model_nothing_is_known() -> None:
    assert chosen(None, {"radar_chain": "with_published"}) == (None, None)
