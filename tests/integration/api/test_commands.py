"""Commands and configuration over REST: what is refused, and what leaves for the gateway."""

import asyncio
import json
import uuid
from typing import Any

import pytest

from shared.broker.queues import QueueReader
from shared.contracts.commands import Command, decode_command
from shared.contracts.identity import DeviceId, lane_of, shard_of
from shared.contracts.names import Exchange, lane_queue
from tests.harness.deployment import LANES
from tests.integration.api.system import System

DEVICE = "ecg-north1"
URL = f"/v1/devices/{DEVICE}"


@pytest.fixture
async def monitor(api: System) -> System:
    """The hospital, with bedside monitors."""
    await api.database.execute("update registry.device set model = 'bedside-monitor'")
    return api


async def handed_over(api: System) -> Command:
    """The next command that is on its way to the gateway."""
    queue = lane_queue(Exchange.COMMANDS, lane_of(shard_of(DeviceId(DEVICE)), LANES))
    async with asyncio.timeout(60), QueueReader(api.broker, queue) as reader:
        async for delivery in reader.deliveries(until=asyncio.Event()):
            await delivery.settle()
            return decode_command(delivery.body)
    raise AssertionError("the queue ended")


async def as_the_gateway(
    api: System, command: Command, *, sent: bool = False, outcome: str | None = None
) -> None:
    """Write the row as the gateway does, and how far it has come."""
    await api.database.execute(
        "insert into gateway.command (id, device_id, name, args, requested_by, expires_at) "
        "values ($1, $2, $3, '{}', '1', to_timestamp($4 / 1e6)) on conflict do nothing",
        uuid.UUID(command.id),
        command.device,
        command.name,
        command.expires,
    )
    await api.database.execute(
        "update gateway.command set outcome = $2, "
        "sent_at = case when $3 then now() end, "
        "finished_at = case when $2::text is not null then now() end where id = $1",
        uuid.UUID(command.id),
        outcome,
        sent,
    )


async def test_a_command_is_written_down_handed_over_and_its_end_is_shown(monitor: System) -> None:
    api = monitor
    bearer = await api.bearer("nina")
    asked = {"name": "show_text", "args": {"text": "hello"}, "expires_s": 30}
    answer = await api.http.post(f"{URL}/commands", json=asked, headers=bearer)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"{URL}/commands/{body['id']}"
    assert (body["state"], body["requested_by"], body["args"]) == (
        "queued",
        "nina",
        {"text": "hello"},
    )
    command = await handed_over(api)
    assert (command.id, command.device) == (body["id"], api.hospital.devices[DEVICE])
    assert (command.name, command.args) == ("show_text", {"text": "hello"})
    (row,) = await api.audit(action="command_device", actor="nina", outcome="granted")
    assert row["device_id"] == command.device
    assert row["patient_id"] == api.hospital.patients["p-north1"]
    assert json.loads(row["detail"])["command"] == command.id

    await as_the_gateway(api, command)
    location = answer.headers["location"]
    assert (await api.http.get(location, headers=bearer)).json()["state"] == "waiting"
    await as_the_gateway(api, command, sent=True)
    assert (await api.http.get(location, headers=bearer)).json()["state"] == "sent"
    await as_the_gateway(api, command, sent=True, outcome="done")
    done = (await api.http.get(location, headers=bearer)).json()
    assert done["state"] == "done"
    assert done["finished_at"] is not None
    listed = (await api.http.get(f"{URL}/commands", headers=bearer)).json()
    assert listed == {"items": [done], "next": None}


async def test_the_same_key_is_the_same_command_and_another_request_is_refused(
    monitor: System,
) -> None:
    api = monitor
    bearer = await api.bearer("tom") | {"Idempotency-Key": "press-1"}
    first = await api.http.post(f"{URL}/commands", json={"name": "stop"}, headers=bearer)
    again = await api.http.post(f"{URL}/commands", json={"name": "stop"}, headers=bearer)
    other = await api.http.post(f"{URL}/commands", json={"name": "start"}, headers=bearer)
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 409)
    assert first.json() == again.json()
    one, two = await handed_over(api), await handed_over(api)
    assert one == two, "not taken yet, so handed over again: the gateway knows it by its id"
    await as_the_gateway(api, one)
    third = await api.http.post(f"{URL}/commands", json={"name": "stop"}, headers=bearer)
    assert third.json()["state"] == "waiting"
    by_another = await api.bearer("nina") | {"Idempotency-Key": "press-1"}
    separate = await api.http.post(f"{URL}/commands", json={"name": "stop"}, headers=by_another)
    assert separate.json()["id"] != first.json()["id"]
    assert (await handed_over(api)).id == separate.json()["id"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"name": "explode"}, "unknown_command"),
        ({"name": "show_text"}, "missing_value"),
        ({"name": "show_text", "args": {"text": "a", "colour": "red"}}, "unknown_value"),
        ({"name": "show_text", "args": {"text": 5}}, "wrong_type"),
        ({"name": "show_text", "args": {"text": "x" * 81}}, "out_of_range"),
        ({"name": "show_text", "args": {"text": "a\u0000b"}}, "out_of_range"),
        ({"name": "rate", "args": {"ecg_hz": 333}}, "out_of_range"),
        ({"name": "rate", "args": {"ecg_hz": True}}, "wrong_type"),
        ({"name": "identify", "args": {"seconds": 61}}, "out_of_range"),
        ({"name": "identify", "expires_s": 0}, "invalid"),
        ({"name": "identify", "expires_s": 86_401}, "invalid"),
        ({"name": "identify", "device": "other"}, "invalid"),
    ],
)
async def test_what_the_model_does_not_know_is_refused_by_name(
    monitor: System, asked: dict[str, Any], code: str
) -> None:
    bearer = await monitor.bearer("nina")
    answer = await monitor.http.post(f"{URL}/commands", json=asked, headers=bearer)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await monitor.database.fetchval("select count(*) from registry.command") == 0


async def test_a_command_nobody_took_expires_and_too_many_are_refused(monitor: System) -> None:
    api = monitor
    bearer = await api.bearer("nina")
    for _ in range(20):
        made = await api.http.post(f"{URL}/commands", json={"name": "stop"}, headers=bearer)
        assert made.status_code == 202
    full = await api.http.post(f"{URL}/commands", json={"name": "stop"}, headers=bearer)
    assert (full.status_code, full.json()["code"]) == (409, "conflict")
    await api.database.execute("update registry.command set expires_at = now()")
    page = (await api.http.get(f"{URL}/commands?limit=15", headers=bearer)).json()
    rest = (
        await api.http.get(f"{URL}/commands?limit=15&cursor={page['next']}", headers=bearer)
    ).json()
    seen = page["items"] + rest["items"]
    assert len({one["id"] for one in seen}) == 20
    assert {one["state"] for one in seen} == {"expired"}
    assert rest["next"] is None
    assert (
        await api.http.post(f"{URL}/commands", json={"name": "stop"}, headers=bearer)
    ).status_code == 202
    await api.database.execute("update registry.device set retired_at = now()")
    tom = await api.bearer("tom")
    gone = await api.http.post(f"{URL}/commands", json={"name": "stop"}, headers=tom)
    assert gone.status_code == 409


async def test_a_configuration_has_a_version_and_shows_what_is_not_in_force(
    monitor: System,
) -> None:
    api = monitor
    tom, nina = await api.bearer("tom"), await api.bearer("nina")
    url = f"{URL}/configuration"
    empty = await api.http.get(url, headers=nina)
    assert (empty.headers["etag"], empty.json()["version"]) == ('"0"', 0)
    assert empty.json()["is_applied"]
    put = await api.http.put(
        url,
        json={"desired": {"ecg_hz": 500, "display_text": "4"}},
        headers=tom | {"If-Match": '"0"'},
    )
    assert (put.status_code, put.headers["etag"]) == (200, '"1"'), put.text
    late = await api.http.put(url, json={"desired": {}}, headers=tom | {"If-Match": '"0"'})
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    patched = await api.http.patch(
        url, json={"display_text": None, "display_brightness": 40}, headers=tom
    )
    same = await api.http.patch(url, json={"display_brightness": 40}, headers=tom)
    assert patched.json()["desired"] == {"ecg_hz": 500, "display_brightness": 40}
    assert (patched.headers["etag"], same.headers["etag"]) == ('"2"', '"2"')
    for bad, code in (({"volume": 3}, "unknown_value"), ({"ecg_hz": 1}, "out_of_range")):
        refused = await api.http.patch(url, json=bad, headers=tom)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    await api.database.execute(
        "insert into gateway.presence (device_id, online, changed_at, seen_at, reported) "
        "values ($1, true, now(), now(), $2)",
        api.hospital.devices[DEVICE],
        json.dumps({"configuration": {"ecg_hz": 250}, "configuration_version": 1}),
    )
    shown = (await api.http.get(url, headers=nina)).json()
    assert shown["differences"] == [
        {"name": "ecg_hz", "desired": 500, "reported": 250},
        {"name": "display_brightness", "desired": 40, "reported": None},
    ]
    assert (shown["is_applied"], shown["reported_version"]) == (False, 1)
    rows = await api.audit(action="configure_device", actor="tom")
    assert [json.loads(row["detail"])["after"] for row in rows][:2] == [
        {"ecg_hz": 500, "display_text": "(text)"},
        {"ecg_hz": 500, "display_brightness": 40},
    ]


async def test_everybody_may_read_what_models_understand(api: System) -> None:
    models = (await api.get("/v1/models", "paula")).json()["items"]
    (monitor,) = [model for model in models if model["model"] == "bedside-monitor"]
    assert [command["name"] for command in monitor["commands"]] == [
        "start", "stop", "rate", "show_text", "identify",
    ]  # fmt: skip
    assert monitor["codecs"] == ["packed", "json"]
