"""Samples, beats, events, limits, alarms, devices and the audit trail on the real database."""

import asyncio
import json
from typing import Any

from shared.broker.queues import QueueReader
from shared.contracts.actions import Acknowledge, PauseSound, decode_action
from tests.harness.eventually import eventually
from tests.integration.api.system import System

OWN_STREAMS = True
T0_US = 1_795_262_400_000_000  # 2026-11-21T12:00:00Z
RANGE = {"from": "2026-11-21T12:00:00Z", "to": "2026-11-21T12:01:00Z"}


async def worn_since_2020(api: System) -> None:
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")


# ------------------------------------------------------------------------------- samples


async def test_samples_are_given_in_their_unit_and_a_hole_ends_a_segment(api: System) -> None:
    await worn_since_2020(api)
    await api.store_frames("ecg-north1", {0: [0, 1000, -32768, 500], 1: [1, 2, 3, 4], 5: [9] * 4})

    answer = await api.get("/v1/patients/p-north1/waveforms", "nina", stream="ecg", **RANGE)

    body = answer.json()
    assert (body["unit"], body["hz"], body["device"]) == ("mV", 4.0, "ecg-north1")
    assert body["channels"] == ["I"]
    first, second = body["segments"]
    assert first["start"] == "2026-11-21T12:00:00.000000Z"
    assert first["values"] == [[0.0, 1.0, None, 0.5, 0.001, 0.002, 0.003, 0.004]]
    assert first["missing"] == [{"start": 2, "end": 3}]
    assert second["start"] == "2026-11-21T12:00:05.000000Z"


async def test_a_peak_is_never_lost_however_few_points_are_asked_for(api: System) -> None:
    await worn_since_2020(api)
    seconds: dict[int, list[int]] = {second: [0] * 250 for second in range(60)}
    seconds[37][111] = 2_000
    seconds[12][3] = -1_500
    await api.store_frames("ecg-north1", seconds, hz=250)

    body = (
        await api.get("/v1/patients/p-north1/waveforms", "nina", stream="ecg", points=20, **RANGE)
    ).json()

    values = body["segments"][0]["values"][0]
    assert len(values) <= 20
    assert (min(values), max(values)) == (-1.5, 2.0)


async def test_what_the_device_sent_before_the_patient_wore_it_is_not_the_patients(
    api: System,
) -> None:
    await api.database.execute(
        "update registry.assignment set starts = '2026-11-21T12:00:30Z' where device_id = $1",
        api.hospital.devices["ecg-north1"],
    )
    await api.store_frames("ecg-north1", {second: [7] * 4 for second in range(60)})
    await api.store_beats("ecg-north1", [T0_US + 10_000_000, T0_US + 40_000_000])

    body = (await api.get("/v1/patients/p-north1/waveforms", "nina", stream="ecg", **RANGE)).json()
    beats = (await api.get("/v1/patients/p-north1/beats", "nina", **RANGE)).json()

    assert [segment["start"] for segment in body["segments"]] == ["2026-11-21T12:00:30.000000Z"]
    assert [beat["t"] for beat in beats["items"]] == ["2026-11-21T12:00:40.000000Z"]


# -------------------------------------------------------------------------------- beats


async def test_beats_come_in_pages_and_withdrawn_ones_do_not(api: System) -> None:
    await worn_since_2020(api)
    times = [T0_US + index * 800_000 for index in range(5)]
    await api.store_beats("ecg-north1", times)
    await api.database.execute("update signal.beat set quality = 0 where t = $1", T0_US + 1_600_000)

    first = (await api.get("/v1/patients/p-north1/beats", "nina", limit=3, **RANGE)).json()
    rest = (
        await api.get("/v1/patients/p-north1/beats", "nina", limit=3, cursor=first["next"], **RANGE)
    ).json()

    assert first["items"][0] == {
        "t": "2026-11-21T12:00:00.000000Z",
        "device": "ecg-north1",
        "kind": "r_peak",
        "class": "N",
        "rr_ms": 800.0,
        "quality": 0.9,
    }
    assert len(first["items"]) == 3
    assert len(rest["items"]) == 1
    assert rest["next"] is None


# ------------------------------------------------------------------------------- events


async def test_events_of_the_patient_and_of_the_worn_device_come_newest_first(
    api: System,
) -> None:
    await worn_since_2020(api)
    await api.store_event("e1", T0_US, "lead_off", device="ecg-north1")
    await api.store_event("e2", T0_US + 1, "lead_on", patient="p-north1", device="ecg-north1")
    await api.store_event("e3", T0_US + 2, "lead_on", device="ecg-south1")

    body = (await api.get("/v1/patients/p-north1/events", "nina", **RANGE)).json()

    assert [event["id"] for event in body["items"]] == ["e2", "e1"]
    assert body["items"][1]["device"] == "ecg-north1"


# ------------------------------------------------------------------------------- limits


async def test_limits_are_set_as_a_whole_and_told(api: System) -> None:
    await api.database.execute(
        "insert into alarm.limit_in_force values "
        "($1, 'heart_rate', 50, 120, 40, 131, true, 6, 'default 1, adult'), "
        "($1, 'spo2', 90, null, 80, null, true, 10, 'default 1, adult')",
        api.hospital.patients["p-north1"],
    )
    bearer = await api.bearer("nina")
    before = await api.http.get("/v1/patients/p-north1/limits", headers=bearer)
    assert [limit["source"] for limit in before.json()["items"]] == ["default 1, adult"] * 2

    wanted = {"items": [{"measure": "heart_rate", "low": 45, "high": 140, "reason": "athlete"}]}
    changed = await api.http.put("/v1/patients/p-north1/limits", json=wanted, headers=bearer)

    heart_rate = changed.json()["items"][0]
    assert heart_rate["changed_at"] is not None
    assert {**heart_rate, "changed_at": None} == {
        "measure": "heart_rate",
        "low": 45.0,
        "high": 140.0,
        "unit": "/min",
        "source": "patient",
        "enabled": True,
        "delay_s": None,
        "reason": "athlete",
        "version": 1,
        "changed_by": "nina",
        "changed_at": None,
    }
    patient = (await api.http.get("/v1/patients/p-north1", headers=bearer)).json()
    assert patient["limits"] == [
        {"measure": "heart_rate", "low": 45.0, "high": 140.0, "unit": "/min", "source": "patient"},
        {
            "measure": "spo2",
            "low": 90.0,
            "high": None,
            "unit": "%",
            "source": "default 1, adult",
        },
    ]
    written = await api.audit(action="set_limits", actor="nina", outcome="granted")
    assert written[-1]["reason"] == "athlete"

    stale = await api.http.put(
        "/v1/patients/p-north1/limits",
        json={"items": []},
        headers=bearer | {"If-Match": before.headers["etag"]},
    )
    assert stale.status_code == 412
    assert stale.json()["code"] == "changed_meanwhile"
    fresh = await api.http.put(
        "/v1/patients/p-north1/limits",
        json={"items": []},
        headers=bearer | {"If-Match": changed.headers["etag"]},
    )
    assert fresh.json()["items"][0]["source"] == "default 1, adult"


async def test_limits_that_make_no_sense_are_refused(api: System) -> None:
    bearer = await api.bearer("nina")
    refused: list[dict[str, Any]] = [
        {"measure": "heart_rate", "low": 120, "high": 50},
        {"measure": "heart_rate", "low": -5},
        {"measure": "nothing", "low": 5},
        {"measure": "heart_rate", "low": 50, "surprise": 1},
        {"measure": "heart_rate", "low": "NaN"},
    ]
    for limit in refused:
        answer = await api.http.put(
            "/v1/patients/p-north1/limits", json={"items": [limit]}, headers=bearer
        )
        assert answer.status_code == 422, limit


# ------------------------------------------------------------------------------- alarms


async def test_alarms_of_the_own_patients_with_ward_and_bed(api: System) -> None:
    await api.store_alarm("a1", "p-north1", since_us=T0_US)
    await api.store_alarm("a2", "p-south1", since_us=T0_US)
    await api.store_alarm("a3", "p-north2", since_us=T0_US - 5, state="ended")

    active = (await api.get("/v1/alarms", "nina")).json()
    both = (await api.get("/v1/alarms", "nina", state="all", limit=1)).json()
    rest = (await api.get("/v1/alarms", "nina", state="all", cursor=both["next"])).json()

    assert active["items"] == [
        {
            "id": "a1",
            "patient": "p-north1",
            "ward": "north",
            "bed": "01",
            "condition": "spo2_low",
            "measure": "spo2",
            "kind": "physiological",
            "priority": "medium",
            "state": "active",
            "value": 86.0,
            "limit": 90.0,
            "relation": "<",
            "unit": "%",
            "method": "ppg_ratio_of_ratios",
            "derived": False,
            "since": "2026-11-21T12:00:00.000000Z",
            "updated": "2026-11-21T12:00:00.000000Z",
            "acknowledged_by": None,
            "acknowledged_at": None,
            "paused_until": None,
            "unsure": False,
            "text_key": "spo2_low",
        }
    ]
    assert [alarm["id"] for alarm in both["items"] + rest["items"]] == ["a1", "a3"]


async def test_an_acknowledged_alarm_comes_back_as_such(api: System) -> None:
    await api.store_alarm("a1", "p-north1", since_us=T0_US)
    bearer = await api.bearer("nina")

    async with QueueReader(api.broker, "alarm_actions") as reader:
        asking = asyncio.ensure_future(
            api.http.post("/v1/alarms/a1/acknowledge", headers=bearer | {"Idempotency-Key": "one"})
        )
        stop = asyncio.Event()
        async for delivery in reader.deliveries(until=stop):
            action = decode_action(delivery.body)
            assert isinstance(action, Acknowledge)
            assert (action.alarm, action.by_name) == ("a1", "nina")
            await api.carry_out(action, "p-north1")
            await delivery.settle()
            break
        answer = await asking

    assert answer.status_code == 200
    assert answer.json()["state"] == "acknowledged"
    assert answer.json()["acknowledged_by"] == "nina"


async def test_without_the_alarms_service_an_action_is_taken_and_waits(start_api: Any) -> None:
    async with start_api(api_action_wait_s=0.2) as api:
        await api.store_alarm("a1", "p-north1", since_us=T0_US)
        bearer = await api.bearer("nina")
        keyed = bearer | {"Idempotency-Key": "one"}
        first = await api.http.post("/v1/alarms/a1/acknowledge", headers=keyed)
        again = await api.http.post("/v1/alarms/a1/acknowledge", headers=keyed)
        pause = await api.http.post(
            "/v1/alarms/pause", json={"ward": "north", "minutes": 2}, headers=bearer
        )

        assert first.status_code == again.status_code == pause.status_code == 202
        assert first.json()["state"] == "active"
        assert pause.json()["patients"] == ["p-north1", "p-north2"]
        async with QueueReader(api.broker, "alarm_actions") as reader:
            taken = []
            async for delivery in reader.deliveries(until=asyncio.Event()):
                taken.append(decode_action(delivery.body))
                await delivery.settle()
                if len(taken) == 4:
                    break
        assert taken[0].id == taken[1].id
        assert [type(action) for action in taken[2:]] == [PauseSound, PauseSound]


# ------------------------------------------------------------------------------ devices


async def test_a_new_device_gets_its_secret_once(api: System) -> None:
    bearer = await api.bearer("tom") | {"Idempotency-Key": "k1"}
    wanted = {"device": "monitor-17", "model": "vw-monitor"}

    made = await api.http.post("/v1/devices", json=wanted, headers=bearer)
    again = await api.http.post("/v1/devices", json=wanted, headers=bearer)
    other = await api.http.post(
        "/v1/devices", json=wanted | {"device": "monitor-18"}, headers=bearer
    )
    twice = await api.http.post(
        "/v1/devices", json=wanted, headers=bearer | {"Idempotency-Key": "k2"}
    )

    assert made.status_code == 201
    assert made.json()["topic_root"].endswith("/monitor-17")
    secret = made.json()["secret"]
    assert len(secret) >= 43
    assert again.status_code == 201
    assert again.json()["secret"] is None
    assert other.status_code == twice.status_code == 409
    stored = await api.database.fetchval(
        "select password_hash from registry.device_credential c "
        "join registry.device d on d.id = c.device_id where device = 'monitor-17'"
    )
    assert stored.startswith("$6$")
    everything = json.dumps([list(map(str, row)) for row in await api.audit()])
    assert secret not in stored + everything
    assert await api.audit(action="create_device", actor="tom", outcome="granted")


async def test_rotating_and_revoking_tell_the_gateway(api: System) -> None:
    told: list[str] = []
    await api.database.add_listener("registry_changed", lambda *args: told.append(args[-1]))
    bearer = await api.bearer("adam")

    rotated = await api.http.post("/v1/devices/ecg-north1/rotate", headers=bearer)
    assert rotated.status_code == 200
    assert rotated.json()["secret"]
    await eventually(lambda: told)
    told.clear()
    revoked = await api.http.post("/v1/devices/ecg-north1/revoke", headers=bearer)
    again = await api.http.post("/v1/devices/ecg-north1/revoke", headers=bearer)

    assert (revoked.json()["revoked"], again.json()["revoked"]) == (True, False)
    await eventually(lambda: told)
    assert (await api.http.post("/v1/devices/none-such/revoke", headers=bearer)).status_code == 404


async def test_who_manages_devices_sees_all_and_nobody_who_wears_them(api: System) -> None:
    technician = (await api.get("/v1/devices", "tom")).json()
    nurse = (await api.get("/v1/devices", "nina")).json()

    assert len(technician["items"]) == 5
    assert all(device["patient"] is None for device in technician["items"])
    assert [(device["device"], device["patient"]) for device in nurse["items"]] == [
        ("ecg-north1", "p-north1"),
        ("ecg-north2", "p-north2"),
    ]


# -------------------------------------------------------------------------------- audit


async def test_the_administrator_reads_who_looked(api: System) -> None:
    await api.get("/v1/patients/p-north1", "nina")
    await api.get("/v1/patients/p-south1", "nina")

    trail = (await api.get("/v1/audit", "adam", actor="nina", limit=1)).json()
    before = (await api.get("/v1/audit", "adam", actor="nina", cursor=trail["next"])).json()

    looked = [
        (entry["action"], entry["outcome"], entry["patient"], entry["resource"])
        for entry in trail["items"] + before["items"]
        if entry["action"] == "read_patient"
    ]
    assert looked == [
        ("read_patient", "refused", "p-south1", "/v1/patients/p-south1"),
        ("read_patient", "granted", "p-north1", "/v1/patients/p-north1"),
    ]
    assert await api.database.fetch("select * from audit.verify()") == []
