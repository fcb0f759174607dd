"""Devices from their registration over patients and groups to their end."""

import base64
import json
from typing import Any

import pytest

from services.api.core.device_secret import credential_hash
from services.api.resources.assignments.service import CLAIMS
from tests.integration.api.system import System

FREE = "monitor-1"


async def register(api: System, *names: str) -> None:
    items = [{"device": name, "model": "vw-monitor"} for name in names]
    made = await api.http.post(
        "/v1/devices/bulk", json={"items": items}, headers=await api.bearer("tom")
    )
    assert made.status_code == 201, made.text


async def in_force(api: System, name: str) -> str | None:
    """The hash that the broker is told."""
    found: str | None = await api.database.fetchval(
        "select coalesce(n.password_hash, c.password_hash) from registry.device d "
        "join registry.device_credential c on c.device_id = d.id and c.revoked_at is null "
        "left join registry.next_credential n on n.device_id = d.id "
        "and n.takes_effect_at <= now() where d.device = $1",
        name,
    )
    return found


def fits(secret: str, kept: str | None) -> bool:
    assert kept is not None
    return credential_hash(secret, base64.b64decode(kept.split("$")[2])) == kept


async def test_many_devices_are_registered_together_or_not_at_all(api: System) -> None:
    tom = await api.bearer("tom")
    items = [{"device": f"pump-{n}", "model": "vw-monitor"} for n in range(50)]
    made = await api.http.post("/v1/devices/bulk", json={"items": items}, headers=tom)
    secrets = {one["device"]: one["secret"] for one in made.json()["items"]}
    assert len(set(secrets.values())) == 50
    assert fits(secrets["pump-7"], await in_force(api, "pump-7"))
    assert len(await api.audit(action="create_device", actor="tom")) == 50
    for bad, status in (
        ([{"device": "new-1", "model": "vw-monitor"}, items[0]], 409),
        ([{"device": "new-1", "model": "none"}], 422),
        ([{"device": "new-1", "model": "vw-monitor"}] * 2, 422),
        ([], 422),
    ):
        answer = await api.http.post("/v1/devices/bulk", json={"items": bad}, headers=tom)
        assert answer.status_code == status, answer.text
    assert (
        await api.database.fetchval("select count(*) from registry.device where device = 'new-1'")
        == 0
    )


async def test_a_new_secret_takes_effect_when_it_is_confirmed_or_in_the_end(api: System) -> None:
    tom = await api.bearer("tom")
    made = await api.http.post(
        "/v1/devices", json={"device": FREE, "model": "vw-monitor"}, headers=tom
    )
    first = made.json()["secret"]
    url = f"/v1/devices/{FREE}/rotate"
    second = (await api.http.post(url, json={"keep_old_s": 600}, headers=tom)).json()["secret"]
    assert fits(first, await in_force(api, FREE)), "until the device has the new one"
    confirmed = await api.http.post(f"{url}/confirm", headers=tom)
    assert confirmed.json() == {"device": FREE, "confirmed": True}
    assert fits(second, await in_force(api, FREE))
    assert not (await api.http.post(f"{url}/confirm", headers=tom)).json()["confirmed"]
    third = (await api.http.post(url, json={"keep_old_s": 600}, headers=tom)).json()["secret"]
    await api.database.execute("update registry.next_credential set takes_effect_at = now()")
    assert fits(third, await in_force(api, FREE)), "nobody confirmed it: the bound has come"
    fourth = (await api.http.post(url, headers=tom)).json()["secret"]
    assert fits(fourth, await in_force(api, FREE)), "at once, whatever waited"
    await api.http.post(url, json={"keep_old_s": 600}, headers=tom)
    revoked = await api.http.post(f"/v1/devices/{FREE}/revoke", headers=tom)
    assert revoked.json()["revoked"]
    assert await api.database.fetchval("select count(*) from registry.next_credential") == 0


async def test_a_retired_device_is_cut_off_for_good_and_off_its_patient(api: System) -> None:
    tom = await api.bearer("tom")
    url = "/v1/devices/ecg-north1"
    assert (await api.http.post(f"{url}/rotate", headers=tom)).status_code == 200
    assert (await api.http.post(f"{url}/retire", headers=tom)).json()["retired"]
    assert not (await api.http.post(f"{url}/retire", headers=tom)).json()["retired"]
    assert await in_force(api, "ecg-north1") is None
    assert (await api.http.post(f"{url}/rotate", headers=tom)).status_code == 409
    assert (await api.http.post(f"{url}/claim-code", headers=tom)).status_code == 409
    history = (await api.get("/v1/patients/p-north1/assignments", "nina")).json()["items"]
    assert [one["device"] for one in history] == ["ecg-north1"]
    assert history[0]["ends"] is not None
    assert len(await api.audit(action="retire_device", actor="tom", outcome="granted")) == 2


async def test_staff_puts_a_free_device_on_a_patient_and_takes_it_off(api: System) -> None:
    await register(api, FREE)
    nina = await api.bearer("nina")
    url = "/v1/patients/p-north1/assignments"
    put = await api.http.post(url, json={"device": FREE}, headers=nina)
    assert (put.status_code, put.json()["assigned_by"]) == (201, "nina"), put.text
    again = await api.http.post(
        "/v1/patients/p-north2/assignments", json={"device": FREE}, headers=nina
    )
    assert again.status_code == 409, "a patient of hers wears it"
    for device in ("ecg-south1", "ecg-nobody", "none-such"):
        foreign = await api.http.post(url, json={"device": device}, headers=nina)
        assert foreign.status_code == 404, device
    shown = (await api.get("/v1/patients/p-north1", "nina")).json()
    assert FREE in [one["device"] for one in shown["devices"]]
    off = await api.http.delete(f"{url}/{FREE}", headers=nina)
    assert (off.status_code, off.json()["ends"] is not None) == (200, True)
    assert (await api.http.delete(f"{url}/{FREE}", headers=nina)).status_code == 404
    other = await api.http.post(
        "/v1/patients/p-north2/assignments", json={"device": FREE}, headers=nina
    )
    assert other.status_code == 201, "and onto the next"
    page = (await api.http.get(f"{url}?limit=1", headers=nina)).json()
    rest = (await api.http.get(f"{url}?limit=1&cursor={page['next']}", headers=nina)).json()
    assert [one["device"] for one in page["items"] + rest["items"]] == [FREE, "ecg-north1"]
    for username in ("tom", "adam", "vera", "paula"):
        bearer = await api.bearer(username)
        refused = await api.http.post(url, json={"device": FREE}, headers=bearer)
        assert refused.status_code == 403, username
    granted = await api.audit(action="assign_device", actor="nina", outcome="granted")
    assert {row["device_id"] for row in granted} - {None}
    assert await api.audit(action="release_device", actor="nina", outcome="granted")


async def code_for(api: System, device: str, **body: Any) -> str:
    made = await api.http.post(
        f"/v1/devices/{device}/claim-code", json=body, headers=await api.bearer("tom")
    )
    assert made.status_code == 201, made.text
    return str(made.json()["code"])


async def test_a_patient_claims_a_device_with_its_code_once(api: System) -> None:
    await register(api, FREE)
    code = await code_for(api, FREE)
    paula = await api.bearer("paula")
    claim = {"device": FREE, "code": code.lower().replace("-", " "), "patient": "p-north1"}
    claimed = await api.http.post("/v1/devices/claim", json=claim, headers=paula)
    assert (claimed.status_code, claimed.json()["patient"]) == (201, "p-north1"), claimed.text
    assert (await api.http.post("/v1/devices/claim", json=claim, headers=paula)).status_code == 404
    kept = await api.database.fetchval("select count(*) from registry.claim_code")
    assert kept == 0, "used up"
    assert await api.audit(action="claim_device", actor="paula", outcome="granted")
    made = await api.audit(action="make_claim_code", actor="tom", outcome="granted")
    assert code not in json.dumps([str(value) for row in made for value in row])
    for username, patient in (("paula", "p-north2"), ("nina", "p-south1")):
        foreign = await api.http.post(
            "/v1/devices/claim",
            json=claim | {"patient": patient},
            headers=await api.bearer(username),
        )
        assert foreign.status_code == 404, "a patient who is not theirs"
    for username in ("tom", "vera"):
        bearer = await api.bearer(username)
        answer = await api.http.post("/v1/devices/claim", json=claim, headers=bearer)
        assert answer.status_code == 403, username


async def test_a_wrong_late_or_guessed_code_looks_like_no_device(api: System) -> None:
    await register(api, FREE, "monitor-2")
    code = await code_for(api, FREE)
    late = await code_for(api, "monitor-2", expires_s=60)
    await api.database.execute(
        "update registry.claim_code set expires_at = now() where made_at > now() - interval '1 h' "
        "and device_id = (select id from registry.device where device = 'monitor-2')"
    )
    paula, nina = await api.bearer("paula"), await api.bearer("nina")
    bodies = []
    for device, typed in (
        (FREE, "0000-0000"),
        ("monitor-2", late),
        ("none-such", code),
        ("ecg-north1", code),
        *((FREE, f"0000-000{n}") for n in range(1, 5)),
        (FREE, code),
    ):
        answer = await api.http.post(
            "/v1/devices/claim",
            json={"device": device, "code": typed, "patient": "p-north1"},
            headers=paula,
        )
        bodies.append((answer.status_code, answer.json()["detail"]))
    assert set(bodies) == {(404, "There is no such thing.")}, "five wrong ones have ended it"
    reasons = [row["reason"] for row in await api.audit(action="claim_device", outcome="refused")]
    assert reasons[:4] == ["wrong_code", "no_code", "no_device", "no_code"]
    assert reasons[-1] == "no_code"
    fresh = await code_for(api, FREE)
    claim = {"device": FREE, "code": fresh, "patient": "p-north1"}
    statuses = set()
    for _ in range(int(CLAIMS.burst)):
        answer = await api.http.post(
            "/v1/devices/claim", json=claim | {"code": "9999-9999"}, headers=paula
        )
        statuses.add(answer.status_code)
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1
            break
    assert 429 in statuses
    by_nurse = await api.http.post("/v1/devices/claim", json=claim, headers=nina)
    assert by_nurse.status_code == 201, "the bound is the user's own"


async def test_groups_hold_devices_for_those_who_manage_them(api: System) -> None:
    tom = await api.bearer("tom")
    await register(api, FREE)
    made = await api.http.post(
        "/v1/groups", json={"key": "icu", "name": "Intensive care"}, headers=tom
    )
    assert made.json() == {"key": "icu", "name": "Intensive care", "devices": []}
    again = await api.http.post("/v1/groups", json={"key": "icu", "name": "x"}, headers=tom)
    assert again.status_code == 409
    for device, members in (
        (FREE, [FREE]),
        ("ecg-north1", ["ecg-north1", FREE]),
        (FREE, ["ecg-north1", FREE]),
    ):
        joined = await api.http.put(f"/v1/groups/icu/devices/{device}", headers=tom)
        assert joined.json()["devices"] == members
    left = await api.http.delete("/v1/groups/icu/devices/ecg-north1", headers=tom)
    assert left.json()["devices"] == [FREE]
    for path in ("/v1/groups/none/devices/monitor-1", "/v1/groups/icu/devices/none-such"):
        assert (await api.http.put(path, headers=tom)).status_code == 404
    listed = (await api.http.get("/v1/groups", headers=tom)).json()
    assert listed == {"items": [left.json()], "next": None}
    assert (await api.http.delete("/v1/groups/icu", headers=tom)).status_code == 204
    assert (await api.http.delete("/v1/groups/icu", headers=tom)).status_code == 404
    assert len(await api.audit(action="change_group", actor="tom", outcome="granted")) >= 6


@pytest.mark.parametrize("username", ["nina", "tom"])
async def test_the_counters_of_a_device_are_shown(api: System, username: str) -> None:
    device = api.hospital.devices["ecg-north1"]
    url = "/v1/devices/ecg-north1/counters"
    empty = (await api.get(url, username)).json()
    assert (empty["messages"], empty["refused"], empty["last_seen"]) == (0, [], None)
    await api.database.execute(
        "insert into gateway.device_counter (device_id, kind, reason, n, newest_at) values "
        "($1, 'messages', '', 900, now()), ($1, 'refused', 'bad_time', 3, now()), "
        "($1, 'refused', 'foreign_codec', 5, now())",
        device,
    )
    await api.database.execute(
        "insert into gateway.presence (device_id, online, boot, changed_at, seen_at, buffered) "
        "values ($1, true, 7, now(), now(), 12)",
        device,
    )
    await api.database.execute(
        "insert into gateway.clock_segment (device_id, boot, from_n, offset_us) "
        "values ($1, 7, 0, 1), ($1, 7, 50, 2500000), ($1, 8, 0, 9)",
        device,
    )
    shown = (await api.get(url, username)).json()
    assert shown["messages"] == 900
    assert [(one["reason"], one["count"]) for one in shown["refused"]] == [
        ("foreign_codec", 5),
        ("bad_time", 3),
    ]
    assert (shown["online"], shown["buffered"]) == (True, 12)
    assert (shown["clock_offset_s"], shown["clock_correction_s"]) == (2.5, None)


async def join(api: System, hub: str, *units: str) -> list[int | None]:
    """What the gateway does when a hub shows units."""
    return [
        await api.database.fetchval(
            "select registry.join_unit(id, $2, 'ecg', 'vw-monitor', shard) "
            "from registry.device where device = $1",
            hub, unit,
        )
        for unit in units
    ]  # fmt: skip


async def wearers(api: System, *names: str) -> list[str | None]:
    rows = await api.database.fetch(
        "select d.device, p.key from registry.device d left join registry.assignment g "
        "on g.device_id = d.id and g.ends is null left join registry.patient p "
        "on p.id = g.patient_id where d.device = any($1::text[])",
        list(names),
    )
    found = {row["device"]: row["key"] for row in rows}
    return [found[name] for name in names]


async def test_units_are_worn_by_whom_their_hub_is_worn_by(api: System) -> None:
    hub, first, second, third = FREE, f"{FREE}--1", f"{FREE}--2", f"{FREE}--3"
    await register(api, FREE)
    nina = await api.bearer("nina")
    north1, north2 = ("/v1/patients/p-north1/assignments", "/v1/patients/p-north2/assignments")
    assert None not in await join(api, hub, first, second)
    # One of them is somebody else's: it stays there.
    put = await api.http.post(north2, json={"device": second}, headers=nina)
    assert put.status_code == 201, put.text
    assert (await api.http.post(north1, json={"device": hub}, headers=nina)).status_code == 201
    assert await wearers(api, hub, first, second) == ["p-north1", "p-north1", "p-north2"]
    # One that joins while the hub is worn is worn at once; the same twice is the same unit.
    (key,) = await join(api, hub, third)
    assert (await join(api, hub, third)) == [key]
    assert await wearers(api, third) == ["p-north1"]
    assert (await api.http.delete(f"{north1}/{hub}", headers=nina)).status_code == 200
    assert await wearers(api, hub, first, second, third) == [None, None, "p-north2", None]
    written = await api.audit(action="assign_device", actor="nina", outcome="granted")
    of_devices = [one for one in written if one["device_id"] is not None]
    assert len(of_devices) == 3, "the unit of its own, the hub, and the unit that followed"


async def test_units_have_no_credential_and_retire_with_their_hub(api: System) -> None:
    tom = await api.bearer("tom")
    unit = f"{FREE}--1"
    for name in (unit, "a--b", "--a"):
        made = await api.http.post(
            "/v1/devices", json={"device": name, "model": "vw-monitor"}, headers=tom
        )
        assert made.status_code == 422, "no device may be called like a unit"
    await register(api, FREE)
    assert None not in await join(api, FREE, unit)
    assert (await api.http.post(f"/v1/devices/{unit}/rotate", headers=tom)).status_code == 409
    shown = (await api.get("/v1/devices", "tom", limit=1000)).json()["items"]
    hubs = {one["device"]: (one["hub"], one["has_credential"]) for one in shown}
    assert (hubs[unit], hubs[FREE]) == ((FREE, False), (None, True))
    # Names and numbers that are not this hub's.
    strange = ("other--1", f"{FREE}--", f"{FREE}--x--y", f"{FREE}--X")
    assert await join(api, FREE, *strange) == [None] * 4
    assert await join(api, unit, f"{unit}--2") == [None], "a unit has no units"
    assert await in_force(api, unit) is None
    assert (await api.http.post(f"/v1/devices/{FREE}/retire", headers=tom)).json()["retired"]
    gone = await api.database.fetchval(
        "select count(*) from registry.device where device like $1 and retired_at is not null",
        f"{FREE}%",
    )
    assert gone == 2
    assert await join(api, FREE, unit, f"{FREE}--2") == [None, None]


async def test_a_hub_has_at_most_64_units(api: System) -> None:
    await register(api, FREE)
    joined = await join(api, FREE, *(f"{FREE}--{n}" for n in range(65)))
    assert [key is None for key in joined] == [False] * 64 + [True]
