"""Every device model is whole, and its codecs exist."""

import pytest

from shared.codecs.register import load_codecs
from shared.contracts.device_model import Identity, read_device_model
from shared.contracts.model_values import refuse_values
from shared.device_models.catalogue import load_device_models

MODELS = load_device_models()


def test_the_generic_models_are_there() -> None:
    assert {"vw-monitor", "vw-replay"} <= set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_speaks_codecs_that_exist(name: str) -> None:
    assert set(MODELS[name].codecs) <= set(load_codecs())
    assert MODELS[name].identity is Identity.ENVELOPE


@pytest.mark.parametrize("name", MODELS)
def test_constants_and_dialogue_of_a_model_are_those_of_its_codecs(name: str) -> None:
    model, codecs = MODELS[name], load_codecs()
    assert set(model.constants) <= set(model.codecs)
    for codec, constants in model.constants.items():
        assert codecs[codec].with_constants(constants)
    if model.dialogue:
        assert model.dialogue in model.codecs
        assert codecs[model.dialogue].new_dialogue is not None
    for unit in model.units:
        assert unit.model in MODELS


def test_the_units_of_the_systems_of_single_sensors_are_there() -> None:
    streams = {
        name: {(one.key, one.place, one.rate_hz) for one in MODELS[name].streams}
        for name in ("ppg-terminal", "radar-monitor", "wellness-ecg", "wellness-motion")
    }
    assert streams["ppg-terminal"] == {("ppg", "finger", 100), ("temperature", "none", 0)}
    assert streams["radar-monitor"] == {("radar_iq", "none", 1_000)}
    assert streams["wellness-ecg"] == {("ecg", "chest", 360)}
    assert ("accelerometer", "chest", 10) in streams["wellness-motion"]
    assert ("accelerometer", "thigh", 50) in streams["wellness-motion"]
    led = MODELS["ppg-terminal"].command("set_led_current")
    assert led is not None
    assert refuse_values(led.args, {"red_ma": 6.4, "infrared_ma": 51}) is None
    assert refuse_values(led.args, {"red_ma": 6.4, "infrared_ma": 52}) is not None


HEAD = 'label = "x"\nmaker = "y"\ncodecs = ["packed"]\n'


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("label = ", "not a device model"),
        ('label = "x"\nmaker = "y"\ncodecs = []', "not a device model"),
        (HEAD + "colour = 1", "not a device model"),
        (HEAD + '[[streams]]\nkey = "aura"', "no stream 'aura'"),
        (HEAD + '[[streams]]\nkey = "ecg"\nplace = "hat"', "no place 'hat'"),
        (HEAD + '[[streams]]\nkey = "ecg"\nscale = 0', "scale of 0"),
        (HEAD + '[[streams]]\nkey = "temperature"\nchannels = ["a", "b"]', "at most 1 channels"),
    ],
)
def test_a_model_that_makes_no_sense_is_named(text: str, about: str) -> None:
    with pytest.raises(ValueError, match=about):
        read_device_model(text)
