from services.api.core.channel_names import channel_names
from shared.contracts.streams import STREAMS_BY_KEY
from shared.device_models.catalogue import load_device_models

ECG = STREAMS_BY_KEY["ecg"]


def test_names_come_from_the_model_then_from_the_table_then_from_the_number() -> None:
    models = load_device_models()
    named = {
        name: next((one.channels for one in model.streams if one.key == "ecg"), None)
        for name, model in models.items()
    }
    own = {name: channels for name, channels in named.items() if channels}
    for name, channels in own.items():
        assert channel_names(name, ECG, len(channels), models) == list(channels)
    assert channel_names("unknown", ECG, 2, models) == ["I", "II"]
    assert channel_names("unknown", STREAMS_BY_KEY["heading"], 2, {}) == ["heading", "channel_2"]
