import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.live.subscriptions import (
    Auth,
    Ping,
    Subscribe,
    Unsubscribe,
    WaveformFormat,
    What,
    read_client_message,
)
from shared.errors import Invalid


def test_what_the_interface_shows_is_read() -> None:
    asked = read_client_message(
        '{"op":"subscribe","id":"a","patients":["p-7kd2m"],"what":["vitals","waveforms"],'
        '"streams":["ecg"],"rate":125,"format":"binary","since":"3.17"}'
    )
    assert asked == Subscribe(
        id="a",
        patients=("p-7kd2m",),
        what=frozenset({What.VITALS, What.WAVEFORMS}),
        streams=frozenset({"ecg"}),
        rate=125.0,
        format=WaveformFormat.BINARY,
        since="3.17",
    )
    assert read_client_message('{"op":"auth","token":"t"}') == Auth(token="t")
    assert read_client_message('{"op":"unsubscribe","id":"a"}') == Unsubscribe(id="a")
    assert read_client_message('{"op":"ping"}') == Ping()


@pytest.mark.parametrize(
    "changed",
    [
        {"op": "shout"},
        {"id": ""},
        {"id": "x" * 65},
        {"patients": []},
        {"patients": ["7"]},
        {"patients": ["p-aaaaa"] * 1_001},
        {"ward": "north"},
        {"what": []},
        {"what": ["everything"]},
        {"streams": ["noise"]},
        {"rate": 0},
        {"rate": "fast"},
        {"format": "csv"},
        {"since": "yesterday"},
        {"surprise": True},
    ],
)
def test_what_the_interface_does_not_know_is_refused(changed: dict[str, Any]) -> None:
    message = {"op": "subscribe", "id": "a", "patients": ["p-aaaaa"], "what": ["vitals"]}
    with pytest.raises(Invalid):
        read_client_message(json.dumps(message | changed))


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_nothing_else_than_a_refusal_comes_of_nonsense(text: str) -> None:
    with pytest.raises(Invalid):
        read_client_message(text)
