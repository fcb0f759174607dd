"""Every device model is whole, and its codecs exist."""

import pytest

from shared.codecs.register import load_codecs
from shared.contracts.device_model import Identity, read_device_model
from shared.device_models.catalogue import load_device_models

MODELS = load_device_models()


def test_the_generic_models_are_there() -> None:
    assert {"vw-monitor", "vw-replay"} <= set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_speaks_codecs_that_exist(name: str) -> None:
    assert set(MODELS[name].codecs) <= set(load_codecs())
    assert MODELS[name].identity is Identity.ENVELOPE


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
