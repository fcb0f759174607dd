"""The AsyncAPI document against what the code says and takes."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import numpy as np
import pytest
import yaml

from services.api.core.cursors import FeedCursor
from services.api.core.sight import SeenPatient, WornDevice
from services.api.live.client_queue import ClientQueue
from services.api.live.clients import Client
from services.api.live.hub import Hub
from services.api.live.items import FeedItem, VitalRow, vital_item
from services.api.live.subscriptions import (
    ClientMessage,
    Subscribe,
    WaveformFormat,
    What,
    read_client_message,
)
from services.api.live.waiting import QueueBounds
from services.api.live.waveform_bytes import WaveformBlock, WaveformHeader, encode_first_block
from services.api.resources.alarms.schemas import Alarm
from shared.contracts.beats import BEAT, BeatBatch
from shared.contracts.events import Event, EventKind, Severity
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.identity import DeviceKey, PatientKey
from shared.errors import Invalid

VECTORS = Path(__file__).parents[1] / "vectors"
DOCUMENT = yaml.safe_load(
    (Path(__file__).parents[3] / "docs" / "reference" / "asyncapi.yaml").read_text()
)
PATIENT = SeenPatient(
    id=PatientKey(1),
    key="p-7kd2m",
    initials="MK",
    ward=None,
    bed=None,
    devices=(WornDevice(id=DeviceKey(1), device="ecg-1", model="m", simulated=True),),
)


def check(message: Any, schema: str) -> None:
    jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    ).validate(message)


def feed_item(kind: EventKind, data: dict[str, Any], *, offset: int) -> FeedItem:
    return FeedItem(
        cursor=FeedCursor(1, offset),
        event=Event(
            id=f"e-{kind}",
            t=5,
            kind=kind,
            severity=Severity.LOW,
            source="test",
            text_key="text",
            patient=1,
            data=data,
        ),
    )


def alarm() -> dict[str, Any]:
    return {
        "id": "a1",
        "condition": "spo2_low",
        "measure": "spo2",
        "kind": "physiological",
        "priority": "high",
        "state": "active",
        "value": 86.0,
        "limit": 90.0,
        "relation": "<",
        "unit": "%",
        "since": 1,
        "updated": 2,
        "text_key": "spo2_low",
    }


def everything_told() -> list[dict[str, Any]]:
    """One of each text message that the hub and the queue make."""
    hub = Hub(ring_events=10)
    hub.begin_feed(FeedCursor(1, 17))
    client = Client(queue=ClientQueue(QueueBounds(waveform_bytes=4)), notify=lambda: None)
    hub.add(client)
    asked = Subscribe(
        id="a", patients=(PATIENT.key,), what=frozenset(What), format=WaveformFormat.JSON
    )
    row = VitalRow(
        t=1, value=71.0, quality=0.9, measure=1, revision=0, validity=0, method=1, flags=8
    )
    item = vital_item(row, patient=PATIENT.key, device="ecg-1")
    assert item is not None
    subscription = hub.prepare(client, asked, {PATIENT.id: PATIENT})
    hub.start(subscription, vitals={PATIENT.id: [item]})
    assert hub.follow_feed(subscription, most=10)
    hub.put_event(feed_item(EventKind.LEAD_OFF, {}, offset=18))
    hub.put_event(feed_item(EventKind.ALARM, alarm(), offset=19))
    samples = b"\x01\x00\x00\x80"
    batch, later = (
        decode_frames(
            encode_frames(
                [Frame(1, 1, n, 0, 1, 8_000 * n, 4_000_000, 0, 0, 1, 1, 0, 0.001, 0.0, samples)]
            )
        )
        for n in (1, 2)
    )
    assert isinstance(batch, FrameBatch)
    assert isinstance(later, FrameBatch)
    hub.put_frames(batch)
    beats = [(5, 1, 812.5, 0.9, 0, 1, 3), (4, 1, np.nan, 0, 1, 2, 0)]
    hub.put_beats(BeatBatch(np.array(beats, dtype=BEAT)))
    hub.tell_state(1_000_000)
    hub.put_frames(later)  # for both there is no room: the first is told as a gap
    hub.update(subscription, {})
    return [json.loads(message) for message in client.queue.take() if isinstance(message, str)]


def test_what_is_told_is_what_is_written() -> None:
    told = everything_told()
    assert {message["kind"] for message in told} == {
        "subscribed", "vitals", "beats", "event", "alarm", "waveform", "gap", "patients", "state",
    }  # fmt: skip
    for message in told:
        check(message, message["kind"])


def test_the_binary_header_is_what_is_written() -> None:
    header = WaveformHeader(
        patient=PATIENT.key, device="ecg-1", stream="ecg", place="none", hz=250.0,
        channels=("I",), scale=0.001, offset=0.0, unit="mV",
    )  # fmt: skip
    block = WaveformBlock(
        header=header, t0_us=5, end_us=9, n=1, samples=np.zeros(1, "<i2").tobytes()
    )
    encoded = encode_first_block(block, subscription="a", handle=1)
    length = int.from_bytes(encoded[1:3], "little")
    check(json.loads(encoded[3 : 3 + length]), "waveformHeader")


@pytest.mark.parametrize(
    "message",
    [
        {"op": "auth", "token": "t"},
        {"op": "ping"},
        {"op": "unsubscribe", "id": "a"},
        {"op": "subscribe", "id": "a", "ward": "north", "what": ["vitals"]},
        {"op": "subscribe", "id": "a", "patients": ["p-7kd2m"], "what": ["waveforms", "alarms"],
         "streams": ["ecg"], "rate": 125, "format": "json", "since": "1.5"},
    ],
)  # fmt: skip
def test_what_may_be_said_is_taken(message: dict[str, Any]) -> None:
    check(message, message["op"])
    read_client_message(json.dumps(message))


@pytest.mark.parametrize(
    "message",
    [
        {"op": "subscribe", "id": "a", "what": ["vitals"]},
        {"op": "subscribe", "id": "a", "ward": "n", "patients": ["p-7kd2m"], "what": ["vitals"]},
        {"op": "subscribe", "id": "a", "ward": "north", "what": ["all"]},
        {"op": "subscribe", "id": "a", "ward": "north", "what": ["vitals"], "rate": 0},
        {"op": "subscribe", "id": "a", "ward": "north", "what": ["vitals"], "extra": 1},
        {"op": "unsubscribe"},
        {"op": "auth"},
    ],
)
def test_what_may_not_be_said_is_neither_written_nor_taken(message: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(message, message["op"])
    with pytest.raises(Invalid):
        read_client_message(json.dumps(message))


def test_an_alarm_is_the_same_over_rest_and_live() -> None:
    live = DOCUMENT["components"]["schemas"]["alarmItem"]
    assert set(live["required"]) == set(live["properties"]) == Alarm.model_fields.keys()


def test_every_reference_leads_somewhere_and_every_message_travels() -> None:
    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        if isinstance(node, list):
            return [found for value in node for found in references(value)]
        return []

    for reference in references(DOCUMENT):
        node = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    travelling = {
        reference["$ref"].removeprefix("#/channels/")
        for operation in DOCUMENT["operations"].values()
        for reference in operation["messages"]
    }
    declared = {
        f"{name}/messages/{message}"
        for name, channel in DOCUMENT["channels"].items()
        for message in channel["messages"]
    }
    assert travelling == declared
    assert {name.rsplit("/", 1)[-1] for name in declared} == DOCUMENT["components"][
        "messages"
    ].keys()


def test_the_document_is_one_by_the_schema_of_asyncapi() -> None:
    schema = json.loads((VECTORS / "asyncapi" / "3.0.0.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    validator.validate(DOCUMENT)
    changes: list[dict[str, Any]] = [
        {"asyncapi": "2.0.0"},
        {"info": {}},
        {"channels": {"live": {"messages": 1}}},
    ]
    for broken in changes:
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(DOCUMENT | broken)


def test_every_schema_is_one_and_every_message_kind_is_named_once() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    kinds = [
        schema["properties"]["kind"]["const"]
        for schema in DOCUMENT["components"]["schemas"].values()
        if "const" in schema.get("properties", {}).get("kind", {})
    ]
    assert len(kinds) == len(set(kinds))


def test_what_the_server_takes_is_what_the_document_says_that_it_hears() -> None:
    heard = {
        reference["$ref"].rsplit("/", 1)[-1]
        for reference in DOCUMENT["operations"]["hear"]["messages"]
    }
    assert heard == {kind.__struct_config__.tag for kind in get_args(ClientMessage)}
