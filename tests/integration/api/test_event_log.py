"""The event log: each row has its reader, each reader the rows that are theirs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.instants import DAY, HOUR, SECOND, to_text
from tests.integration.api.system import T0_US, System


def span(start_us: int = T0_US - HOUR, end_us: int = T0_US + 30 * DAY) -> dict[str, Any]:
    return {"from": to_text(start_us), "to": to_text(end_us)}


async def log(api: System, reader: str, **parameters: Any) -> list[dict[str, Any]]:
    answer = await api.get("/v1/events", reader, **{**span(), **parameters})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items if not item["id"].startswith("act.")]


def acts(items: list[dict[str, Any]]) -> list[tuple[str, str | None, str | None]]:
    return [(item["kind"], item["by"], item["device"]) for item in items if item["source"] == "api"]


async def fill(api: System) -> None:
    """One event of each sort, in the order of their names."""
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")
    alarm = api.alarm_data("x", "p-north1", since_us=T0_US)
    await api.store_event("a-alarm", T0_US, "alarm", patient="p-north1", data=alarm)
    await api.store_event("b-worn", T0_US + 1, "lead_off", device="ecg-north1")
    await api.store_event("c-south", T0_US + 2, "alarm", patient="p-south1", data=alarm)
    await api.store_event("d-south-device", T0_US + 3, "device_offline", device="ecg-south1")
    await api.store_event("e-system", T0_US + 4, "stream_truncated")
    await api.store_event("f-person", T0_US + 5, "position_wrong", device="ecg-north1")


async def test_everybody_sees_what_is_theirs_and_nothing_else(api: System) -> None:
    await fill(api)
    north = ["f-person", "b-worn", "a-alarm"]
    for user, expected in (
        ("nina", north),
        ("carla", north),
        ("paula", north),
        ("sven", ["d-south-device", "c-south"]),
        ("vera", ["d-south-device", "c-south"]),
        ("hanna", []),
        ("lost", []),
        ("tom", ["d-south-device", "b-worn"]),
        ("adam", ["e-system", "d-south-device", "b-worn"]),
    ):
        items = await log(api, user)
        assert ids(items) == expected, user
        knows = user not in ("tom", "adam")
        assert all((item["patient"] is not None) == knows for item in items if item["id"] in north)

    row = next(item for item in await log(api, "nina") if item["id"] == "a-alarm")
    assert (row["patient"], row["bed"], row["outcome"]) == ("p-north1", "01", "active")
    assert row["data"]["patient"] == "p-north1"
    assert row["topic"] == "alarm"


async def test_what_is_read_of_patients_is_in_the_audit_trail(api: System) -> None:
    await fill(api)
    before = len(await api.audit(actor="nina", action="read_events", outcome="granted"))
    await log(api, "nina")
    rows = await api.audit(actor="nina", action="read_events", outcome="granted")
    assert [row["patient_id"] for row in rows[before:]] == [api.hospital.patients["p-north1"]]

    await log(api, "nina", kind="file_refused")
    assert len(await api.audit(actor="nina", action="read_events")) == len(rows)

    await log(api, "adam")
    assert len(await api.audit(actor="adam", action="read_audit", outcome="granted")) == 1


async def test_a_patient_or_device_of_another_team_is_not_found(api: System) -> None:
    await fill(api)
    for user, parameters, status in (
        ("nina", {"patient": "p-south1"}, 404),
        ("nina", {"patient": "p-zzzzz"}, 404),
        ("nina", {"device": "ecg-south1"}, 404),
        ("nina", {"device": "none-such"}, 404),
        ("tom", {"patient": "p-north1"}, 403),
        ("adam", {"patient": "p-north1"}, 403),
        ("vera", {"device": "ecg-south1"}, 403),
        ("tom", {"device": "none-such"}, 404),
    ):
        answer = await api.get("/v1/events", user, **span(), **parameters)
        assert answer.status_code == status, (user, parameters, answer.text)
        assert (await api.audit(actor=user, outcome="refused"))[-1]["resource"] == "/v1/events"
    assert ids(await log(api, "nina", patient="p-north1")) == ["f-person", "b-worn", "a-alarm"]
    assert ids(await log(api, "nina", device="ecg-north1")) == ["f-person", "b-worn"]
    assert ids(await log(api, "tom", device="ecg-north1")) == ["b-worn"]


async def test_a_device_tells_of_a_patient_only_while_it_was_worn(api: System) -> None:
    worn = "update registry.assignment set starts = $2, ends = $3 where device_id = $1"
    start, end = (datetime.fromtimestamp((T0_US + s * SECOND) / 1e6, UTC) for s in (10, 20))
    await api.database.execute(worn, api.hospital.devices["ecg-north1"], start, end)
    for name, second in (("before", 9), ("first", 10), ("last", 19), ("after", 20)):
        await api.store_event(name, T0_US + second * SECOND, "lead_off", device="ecg-north1")
    assert ids(await log(api, "nina")) == ["last", "first"]
    assert ids(await log(api, "tom")) == ["after", "last", "first", "before"]


async def test_filters_narrow_and_pages_join_without_a_gap(api: System) -> None:
    await fill(api)
    await api.database.execute("update signal.event set severity = 'high' where id = 'b-worn'")
    await api.database.execute("update signal.event set source = 'dsp' where id = 'f-person'")
    assert ids(await log(api, "nina", topic="alarm")) == ["a-alarm"]
    assert ids(await log(api, "nina", kind="lead_off")) == ["b-worn"]
    assert ids(await log(api, "nina", severity="high")) == ["b-worn"]
    assert ids(await log(api, "nina", source="dsp")) == ["f-person"]
    assert ids(await log(api, "adam", topic="system")) == ["e-system"]
    assert ids(await log(api, "nina", **span(T0_US + 1, T0_US + 5))) == ["b-worn"]
    for wrong in ({"kind": "party"}, {"topic": "party"}, {"cursor": "eA"}, {"severity": "worst"}):
        assert (await api.get("/v1/events", "nina", **wrong)).status_code == 422, wrong

    for user, whole in (("nina", 3), ("adam", 3)):
        await api.database.execute("delete from signal.event where id like 'late%'")
        found: list[str] = []
        cursor = ""
        while True:
            body = (
                await api.get("/v1/events", user, limit=1, cursor=cursor, **span(T0_US, T0_US + 9))
            ).json()
            found += ids(body["items"])
            await api.store_event(
                f"late-{user}{len(found)}", T0_US + 8, "lead_on", device="ecg-north1"
            )
            if body["next"] is None:
                break
            cursor = body["next"]
        assert len(found) == whole, found


async def test_a_range_that_has_ended_is_not_sent_twice(api: System) -> None:
    await fill(api)
    past = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    first = await api.get("/v1/events", "nina", **past)
    headers = {**await api.bearer("nina"), "If-None-Match": first.headers["ETag"]}
    again = await api.http.get("/v1/events", params=past, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert "ETag" not in (await api.get("/v1/events", "nina")).headers


async def test_what_people_did_stands_beside_what_happened(api: System) -> None:
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")
    nina = await api.bearer("nina")
    tom = await api.bearer("tom")
    reason = {"measure": "spo2", "low": 86.0, "high": None, "reason": "COPD"}
    for headers, method, path, body in (
        (nina, "put", "/v1/patients/p-north1/limits", {"items": [reason]}),
        (tom, "post", "/v1/devices", {"device": "new-one", "model": "vw-monitor"}),
        (tom, "post", "/v1/devices/ecg-north1/revoke", None),
        (tom, "post", "/v1/devices/ecg-south1/revoke", None),
    ):
        answer = await api.http.request(method, path, headers=headers, json=body)
        assert answer.status_code < 300, answer.text
    asked = {"from": to_text(api_now() - HOUR), "to": to_text(api_now() + HOUR)}
    theirs = await log(api, "nina", **asked)
    assert acts(theirs) == [
        ("revoke_device", "tom", "ecg-north1"),
        ("set_limits", "nina", None),
    ]
    limits = theirs[-1]
    assert (limits["reason"], limits["outcome"], limits["topic"]) == ("COPD", "granted", "limits")
    assert limits["data"]["limits"][0]["measure"] == "spo2"
    assert acts(await log(api, "paula", **asked)) == []
    assert acts(await log(api, "tom", **asked)) == [
        ("revoke_device", "tom", "ecg-south1"),
        ("revoke_device", "tom", "ecg-north1"),
        ("create_device", "tom", "new-one"),
    ]
    every = await log(api, "adam", **asked)
    assert {"set_limits", "log_in", "create_device"} <= {item["kind"] for item in every}
    assert next(item for item in every if item["kind"] == "set_limits")["data"] == {}
    assert {item["by"] for item in await log(api, "adam", user="tom", **asked)} == {"tom"}
    assert not any(item["kind"].startswith("read_") for item in every)


@pytest.mark.parametrize("user", ["nina", "tom"])
async def test_a_command_has_its_asker_and_its_outcome(api: System, user: str) -> None:
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")
    await api.database.execute("update registry.device set model = 'vw-monitor'")
    answer = await api.http.post(
        "/v1/devices/ecg-north1/commands",
        headers=await api.bearer("nina"),
        json={"name": "identify"},
    )
    assert answer.status_code < 300, answer.text
    asked = {"from": to_text(api_now() - HOUR), "to": to_text(api_now() + HOUR)}
    (row,) = await log(api, user, topic="command", **asked)
    assert (row["by"], row["by_name"], row["outcome"]) == ("nina", "nina", "queued")
    assert row["data"]["name"] == "identify"

    command = answer.json()["id"]
    await api.database.execute(
        "insert into gateway.command (id, device_id, name, requested_by, expires_at, sent_at, "
        "outcome, finished_at) values ($1, $2, 'identify', 'nina', now(), now(), 'refused', now())",
        command,
        api.hospital.devices["ecg-north1"],
    )
    data = {"command": command, "name": "identify", "outcome": "refused", "detail": "busy"}
    await api.store_event("z", api_now(), "command_finished", device="ecg-north1", data=data)
    finished, row = await log(api, user, topic="command", **asked)
    assert (row["outcome"], finished["outcome"], finished["by"]) == ("refused", "refused", "nina")
    assert finished["data"]["detail"] == "busy"


def api_now() -> int:
    return round(datetime.now(UTC).timestamp() * 1e6)
