"""Nobody sees what is not theirs: every route, every kind of user, every bad token; all audited.

The routes come from the OpenAPI document, so a new one fails here until its row is written.
"""

import base64
import json
import time
from typing import Any

import jwt

from services.api.bootstrap import openapi_document
from tests.integration.api.system import System

# What is sent to each route on a patient of another team: (method, path, body).
FOREIGN: dict[tuple[str, str], dict[str, Any]] = {
    ("get", "/v1/wards/{ward}"): {},
    ("get", "/v1/patients/{patient}"): {},
    ("get", "/v1/patients/{patient}/vitals"): {"params": {"measure": "heart_rate"}},
    ("get", "/v1/patients/{patient}/waveforms"): {"params": {"stream": "ecg"}},
    ("get", "/v1/patients/{patient}/beats"): {},
    ("get", "/v1/patients/{patient}/place"): {},
    ("get", "/v1/patients/{patient}/track"): {},
    ("get", "/v1/patients/{patient}/rooms"): {},
    ("get", "/v1/patients/{patient}/events"): {},
    ("get", "/v1/patients/{patient}/exports/samples"): {
        "params": {"stream": "ecg", "format": "csv"}
    },
    ("get", "/v1/patients/{patient}/exports/vitals"): {},
    ("get", "/v1/patients/{patient}/exports/beats"): {},
    ("get", "/v1/patients/{patient}/exports/events"): {},
    ("get", "/v1/patients/{patient}/limits"): {},
    ("put", "/v1/patients/{patient}/limits"): {"json": {"items": []}},
    ("post", "/v1/alarms/{alarm}/acknowledge"): {},
    ("get", "/v1/patients/{patient}/assignments"): {},
    ("get", "/v1/patients/{patient}/spirometry"): {},
    ("put", "/v1/patients/{patient}/spirometry/reference"): {
        "json": {"height_cm": 170.0, "height_on": "2026-01-02", "group": "other"}
    },
}
# Changes of a patient of another team: 404, and a body or a name that would do for one's own.
FOREIGN_CHANGE: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/v1/patients/{patient}/assignments"): {"json": {"device": "ecg-north1"}},
    ("delete", "/v1/patients/{patient}/assignments/{device}"): {},
}
# What is sent to each route on a device that a patient of another team wears.
FOREIGN_DEVICE: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/v1/devices/{device}/commands"): {"json": {"name": "identify"}},
    ("get", "/v1/devices/{device}/commands"): {},
    ("get", "/v1/devices/{device}/commands/{command}"): {},
    ("get", "/v1/devices/{device}/configuration"): {},
    ("get", "/v1/devices/{device}/counters"): {},
    ("get", "/v1/devices/{device}/place"): {},
    ("get", "/v1/devices/{device}/stance"): {},
    ("post", "/v1/devices/{device}/stance"): {},
    ("delete", "/v1/devices/{device}/stance"): {},
}
# Lists: what is not theirs is left out, which the tests of each list show.
LISTS = {
    ("get", "/v1/me"),
    ("get", "/v1/wards"),
    ("get", "/v1/patients"),
    ("get", "/v1/alarms"),
    ("get", "/v1/devices"),
    ("get", "/v1/events"),
    ("get", "/v1/models"),  # the same for everybody who has logged in
    ("get", "/v1/maps"),  # the same for everybody who may know of devices: tests of maps
    ("get", "/v1/maps/{map}"),
}
# By role alone: 403 whatever there is.
BY_ROLE: dict[tuple[str, str], dict[str, Any]] = {
    ("get", "/v1/audit"): {},
    ("get", "/v1/erasures"): {},
    ("get", "/v1/patients/{patient}/erasure"): {},
    ("post", "/v1/patients/{patient}/erasure"): {"json": {"reason": "asked by the person"}},
    ("get", "/v1/patients/{patient}/retention"): {},
    ("put", "/v1/patients/{patient}/retention"): {"json": {"keep_days": 9, "reason": "asked for"}},
    ("delete", "/v1/patients/{patient}/retention"): {},
    ("post", "/v1/devices"): {"json": {"device": "new-device", "model": "vw-monitor"}},
    ("post", "/v1/devices/{device}/rotate"): {},
    ("post", "/v1/devices/{device}/revoke"): {},
    ("post", "/v1/devices/bulk"): {
        "json": {"items": [{"device": "new-device", "model": "vw-monitor"}]}
    },
    ("post", "/v1/devices/{device}/rotate/confirm"): {},
    ("post", "/v1/devices/{device}/retire"): {},
    ("post", "/v1/devices/{device}/claim-code"): {},
    ("get", "/v1/groups"): {},
    ("post", "/v1/groups"): {"json": {"key": "new-group", "name": "New"}},
    ("delete", "/v1/groups/{group}"): {},
    ("put", "/v1/groups/{group}/devices/{device}"): {},
    ("delete", "/v1/groups/{group}/devices/{device}"): {},
    ("put", "/v1/devices/{device}/configuration"): {"json": {"desired": {}}},
    ("patch", "/v1/devices/{device}/configuration"): {"json": {}},
    ("post", "/v1/maps"): {"json": {}},
    ("post", "/v1/maps/{map}/use"): {},
    ("delete", "/v1/maps/{map}"): {},
}
# Named in the body or the query: the tests below, and those of imports.
NAMED = {
    ("post", "/v1/alarms/pause"),
    ("post", "/v1/devices/claim"),
    ("get", "/v1/imports"),
    ("post", "/v1/imports"),
    ("get", "/v1/imports/{import}"),
}
OPEN = {
    ("post", "/v1/token"),
    ("post", "/v1/token/refresh"),
    ("post", "/v1/token/revoke"),
    ("get", "/v1/measures"),
    ("get", "/v1/streams"),
}


def all_routes() -> set[tuple[str, str]]:
    return {
        (method, path)
        for path, operations in openapi_document()["paths"].items()
        for method in operations
    }


def filled(path: str, *, ward: str, patient: str, alarm: str) -> str:
    return (
        path.replace("{ward}", ward)
        .replace("{patient}", patient)
        .replace("{alarm}", alarm)
        .replace("{device}", "ecg-north1")
        .replace("{command}", "00000000-0000-4000-8000-000000000000")
        .replace("{group}", "pumps")
        .replace("{map}", "1")
        .replace("{import}", "00000000-0000-4000-8000-000000000000")
    )


def test_every_route_has_its_row_here() -> None:
    named = FOREIGN.keys() | FOREIGN_CHANGE.keys() | FOREIGN_DEVICE.keys() | BY_ROLE.keys() | NAMED
    assert all_routes() == named | LISTS | OPEN


async def test_another_teams_patient_is_not_found_on_any_route(api: System) -> None:
    await api.store_alarm("a-south", "p-south1", since_us=1)
    bearer = await api.bearer("nina")
    for (method, path), request in (FOREIGN | FOREIGN_CHANGE).items():
        for patient, alarm in (("p-south1", "a-south"), ("p-zzzzz", "a-zzzzz")):
            n_before = len(await api.audit(actor="nina", outcome="refused"))
            url = filled(path, ward="south", patient=patient, alarm=alarm)
            answer = await api.http.request(method, url, headers=bearer, **request)
            assert answer.status_code == 404, (method, url, answer.text)
            assert answer.json() == {
                "type": "urn:vitalwire:problem:not_found",
                "title": "Not Found",
                "status": 404,
                "code": "not_found",
                "detail": "There is no such thing.",
                "instance": url,
            }
            refused = await api.audit(actor="nina", outcome="refused")
            assert len(refused) == n_before + 1, (method, url)
            assert refused[-1]["resource"] == url
            if "{ward}" not in path:
                foreign = api.hospital.patients["p-south1"] if patient == "p-south1" else None
                assert refused[-1]["patient_id"] == foreign


async def test_a_device_of_another_teams_patient_is_not_found_on_any_route(api: System) -> None:
    for username in ("nina", "carla", "lost"):
        bearer = await api.bearer(username)
        for (method, path), request in FOREIGN_DEVICE.items():
            for device in ("ecg-south1", "ecg-nobody", "none-such"):
                n_before = len(await api.audit(actor=username, outcome="refused"))
                url = filled(path.replace("{device}", device), ward="", patient="", alarm="")
                answer = await api.http.request(method, url, headers=bearer, **request)
                assert answer.status_code == 404, (username, method, url, answer.text)
                assert answer.json()["code"] == "not_found"
                refused = await api.audit(actor=username, outcome="refused")
                assert len(refused) == n_before + 1, (method, url)
                assert refused[-1]["resource"] == url
                assert refused[-1]["device_id"] == api.hospital.devices.get(device)
    for username in ("vera", "paula"):
        bearer = await api.bearer(username)
        for (method, path), request in FOREIGN_DEVICE.items():
            url = filled(path, ward="", patient="", alarm="")
            answer = await api.http.request(method, url, headers=bearer, **request)
            assert answer.status_code == 403, (username, method, url)


async def test_what_the_role_does_not_allow_is_forbidden_and_audited(api: System) -> None:
    for username in ("nina", "vera", "paula", "carla"):
        bearer = await api.bearer(username)
        for (method, path), request in BY_ROLE.items():
            url = filled(path, ward="", patient="p-north1", alarm="")
            answer = await api.http.request(method, url, headers=bearer, **request)
            assert answer.status_code == 403, (username, method, url)
            assert (await api.audit(actor=username, outcome="refused"))[-1]["resource"] == url


async def test_who_runs_the_system_gets_no_clinical_data(api: System) -> None:
    await api.store_alarm("a-north", "p-north1", since_us=1)
    for username in ("adam", "tom"):
        bearer = await api.bearer(username)
        for (method, path), request in FOREIGN.items():
            url = filled(path, ward="north", patient="p-north1", alarm="a-north")
            answer = await api.http.request(method, url, headers=bearer, **request)
            assert answer.status_code == 403, (username, method, url)
        for path in ("/v1/patients", "/v1/wards", "/v1/alarms"):
            assert (await api.http.get(path, headers=bearer)).status_code == 403


async def test_who_may_only_look_changes_nothing(api: System) -> None:
    for username, patient in (("vera", "p-south1"), ("paula", "p-north1")):
        alarm = f"a-{username}"
        await api.store_alarm(alarm, patient, since_us=1)
        bearer = await api.bearer(username)
        assert (await api.http.get(f"/v1/patients/{patient}", headers=bearer)).status_code == 200
        for method, path, body in (
            ("put", f"/v1/patients/{patient}/limits", {"items": []}),
            ("post", f"/v1/alarms/{alarm}/acknowledge", None),
            ("post", "/v1/alarms/pause", {"patient": patient, "minutes": 1}),
        ):
            answer = await api.http.request(method, path, json=body, headers=bearer)
            assert answer.status_code == 403, (username, path)


async def test_alarms_of_others_cannot_be_paused_or_asked_for(api: System) -> None:
    bearer = await api.bearer("nina")
    for body in ({"patient": "p-south1", "minutes": 1}, {"ward": "south", "minutes": 1}):
        answer = await api.http.post("/v1/alarms/pause", json=body, headers=bearer)
        assert answer.status_code == 404
    for query in ({"patient": "p-south1"}, {"ward": "south"}):
        assert (await api.http.get("/v1/alarms", params=query, headers=bearer)).status_code == 404
    assert len(await api.audit(actor="nina", outcome="refused")) == 4


def forged(api: System, **changed: Any) -> dict[str, str]:
    """Tokens that are almost right: the key of the test, and what a thief would change."""
    now = int(time.time())
    claims = {
        "iss": "vitalwire",
        "aud": "vitalwire-api",
        "sub": "nina",
        "sid": "00000000-0000-4000-8000-000000000000",
        "iat": now,
        "exp": now + 600,
        **changed,
    }
    key = "k" * 43
    unsigned = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none", "typ": "JWT"}, claims)
    )
    return {
        "no such session": jwt.encode(claims, key, algorithm="HS256"),
        "other key": jwt.encode(claims, "x" * 43, algorithm="HS256"),
        "no signature": f"{unsigned}.",
        "other algorithm": jwt.encode(claims, key * 2, algorithm="HS512"),
        "expired": jwt.encode(claims | {"exp": now - 10}, key, algorithm="HS256"),
        "other audience": jwt.encode(claims | {"aud": "somebody"}, key, algorithm="HS256"),
        "no session": jwt.encode(claims | {"sid": 5}, key, algorithm="HS256"),
        "expiry is text": jwt.encode(claims | {"exp": "9" * 30}, key, algorithm="HS256"),
        "nonsense": "a.b.c",
        "long": "x" * 5_000,
    }


async def test_no_forged_or_expired_token_opens_anything_and_each_is_audited(
    api: System,
) -> None:
    token = await api.token("nina")
    claims = jwt.decode(token, options={"verify_signature": False})
    bad = forged(api) | {
        "own, expired": jwt.encode(
            claims | {"exp": int(time.time()) - 10}, "k" * 43, algorithm="HS256"
        ),
        "own, other user": token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB"),
    }
    for what, text in bad.items():
        before = len(await api.audit(action="authenticate"))
        answer = await api.http.get(
            "/v1/patients/p-north1", headers={"Authorization": f"Bearer {text}"}
        )
        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"].startswith("Bearer"), what
        rows = await api.audit(action="authenticate")
        assert len(rows) == before + 1, what
        assert (rows[-1]["outcome"], rows[-1]["resource"]) == (
            "refused",
            "/v1/patients/p-north1",
        )
        assert text not in json.dumps([str(value) for value in rows[-1]]), what


async def test_without_a_token_every_route_but_the_open_ones_refuses(api: System) -> None:
    for method, path in sorted(all_routes() - OPEN):
        url = filled(path, ward="north", patient="p-north1", alarm="a")
        answer = await api.http.request(method, url)
        assert answer.status_code == 401, (method, url)
    assert len(await api.audit(action="authenticate", reason="token_missing")) == len(
        all_routes() - OPEN
    )


async def test_after_the_end_of_a_relation_the_next_request_is_not_found(api: System) -> None:
    bearer = await api.bearer("nina")
    assert (await api.http.get("/v1/patients/p-north1", headers=bearer)).status_code == 200
    await api.end_membership("nina")
    assert (await api.http.get("/v1/patients/p-north1", headers=bearer)).status_code == 404


async def test_every_read_of_a_patient_leaves_a_row(api: System) -> None:
    bearer = await api.bearer("nina")
    for (method, path), request in FOREIGN.items():
        if "{patient}" not in path:
            continue
        url = filled(path, ward="", patient="p-north1", alarm="")
        before = len(await api.audit(actor="nina", outcome="granted"))
        answer = await api.http.request(method, url, headers=bearer, **request)
        assert answer.status_code == 200, (method, url, answer.text)
        rows = (await api.audit(actor="nina", outcome="granted"))[before:]
        assert {row["patient_id"] for row in rows} == {api.hospital.patients["p-north1"]}
        assert {row["resource"] for row in rows} == {url}
        assert all(row["origin"] == "127.0.0.1" and row["request_id"] for row in rows)
