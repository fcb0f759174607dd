"""Recordings over REST: whole or not at all, once, by who may, for whom they may see."""

import asyncio
import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.harness.eventually import eventually
from tests.integration.api.system import System

DEVICE = "ecg-north1"
RECORDING = b"0       " + bytes(range(256)) * 2_000


async def bring(
    api: System, username: str, data: bytes = RECORDING, *, key: str | None = None, **params: Any
) -> Any:
    headers = await api.bearer(username) | ({} if key is None else {"Idempotency-Key": key})
    return await api.http.post(
        "/v1/imports",
        params={"device": DEVICE, "name": "night.edf"} | params,
        content=data,
        headers=headers,
    )


async def files(api: System) -> list[Any]:
    return await api.database.fetch("select * from gateway.file order by made_at")


async def begun(api: System) -> bool:
    return len(await files(api)) == 1


async def nothing(api: System) -> bool:
    return not await files(api)


async def test_a_file_is_kept_as_it_was_brought_and_shown(api: System) -> None:
    answer = await bring(
        api, "nina", patient="p-north1", option=["start=2026-01-02T03:04:05Z", "time_zone=+01:00"]
    )
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["state"], body["format"], body["bytes"], body["sent_by"]) == (
        "complete", "edf_plus", len(RECORDING), "nina",
    )  # fmt: skip
    (row,) = await files(api)
    assert row["device_id"] == api.hospital.devices[DEVICE]
    assert row["patient_id"] == api.hospital.patients["p-north1"]
    assert row["digest"] == hashlib.sha256(RECORDING).digest()
    assert json.loads(row["options"]) == {
        "start": "2026-01-02T03:04:05Z", "time_zone": "+01:00"
    }  # fmt: skip
    parts = await api.database.fetch("select content from gateway.file_part order by starts")
    assert b"".join(part["content"] for part in parts) == RECORDING

    url = answer.headers["location"]
    assert (await api.get(url, "nina")).json() == body
    listed = (await api.get("/v1/imports", "nina", device=DEVICE)).json()
    assert listed == {"items": [body], "next": None}
    granted = await api.audit(action="import_file", actor="nina", outcome="granted")
    assert {row["patient_id"] for row in granted} == {api.hospital.patients["p-north1"]}
    assert await api.audit(action="read_imports", actor="nina", outcome="granted")
    # As the gateway ends it.
    await api.database.execute(
        "update gateway.file set state = 'refused', reason = 'malformed', detail = 'no header',"
        " line = 3, byte_offset = 99, finished_at = now()"
    )
    shown = (await api.get(url, "nina")).json()
    assert [shown[name] for name in ("state", "reason", "detail", "line", "offset")] == [
        "refused", "malformed", "no header", 3, 99,
    ]  # fmt: skip


async def test_twice_is_once(api: System) -> None:
    first = await bring(api, "nina", key="a")
    again = await bring(api, "nina", key="a")
    same = await bring(api, "nina")
    assert [one.status_code for one in (first, again, same)] == [202, 200, 200]
    assert again.json()["id"] == same.json()["id"] == first.json()["id"]
    assert len(await files(api)) == 1
    other = await bring(api, "nina", RECORDING[:-1], key="a")
    assert other.status_code == 409
    shifted = await bring(api, "nina", option=["start=2026-01-02T03:04:05Z"])
    assert shifted.status_code == 202
    # What was refused is tried again: another version may read it.
    await api.database.execute(
        "update gateway.file set state = 'refused', finished_at = now() where digest is not null"
    )
    assert (await bring(api, "nina")).status_code == 202
    assert len(await files(api)) == 3


async def test_who_may_not_brings_nothing(api: System) -> None:
    refused_ones: tuple[tuple[str, dict[str, Any], int], ...] = (
        ("nina", {"device": "ecg-south1"}, 404),
        ("nina", {"device": "none-such"}, 404),
        ("nina", {"patient": "p-south1"}, 404),
        ("tom", {"patient": "p-north1"}, 404),  # runs devices, and has no patients
        ("vera", {}, 403),
        ("paula", {}, 403),
        ("adam", {}, 403),
    )
    for username, params, status in refused_ones:
        n_before = len(await api.audit(actor=username, outcome="refused"))
        answer = await bring(api, username, **params)
        assert answer.status_code == status, (username, params, answer.text)
        refused = await api.audit(actor=username, outcome="refused")
        assert [row["action"] for row in refused[n_before:]] == ["import_file"]
    assert await files(api) == []
    mine = await bring(api, "tom")
    assert mine.status_code == 202
    url = mine.headers["location"]
    assert (await api.get(url, "nina")).status_code == 200
    assert (await api.get(url, "lost")).status_code == 404
    unknown = await api.get("/v1/imports/00000000-0000-4000-8000-000000000000", "nina")
    assert unknown.status_code == 404
    assert (await api.get("/v1/imports", "nina", device="ecg-south1")).status_code == 404
    assert (await api.get("/v1/imports", "vera", device=DEVICE)).status_code == 403


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"name": "a/b.edf"}, 422, "invalid"),
        ({"name": "night.mp3"}, 422, "no_such_format"),
        ({"format": "mp3"}, 422, "no_such_format"),
        ({"format": "packed"}, 422, "no_such_format"),
        ({"option": ["start"]}, 422, "bad_option"),
        ({"option": ["a=1", "a=2"]}, 422, "bad_option"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    api: System, params: dict[str, Any], status: int, code: str
) -> None:
    answer = await bring(api, "nina", **params)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await files(api) == []


async def test_too_much_nothing_and_half_leave_nothing(api: System) -> None:
    assert (await bring(api, "nina", b"")).status_code == 422
    headers = await api.bearer("nina")
    params = {"device": DEVICE, "name": "night.edf"}

    async def endless() -> Any:
        yield b"0" * 65_536

    chunked = await api.http.post("/v1/imports", params=params, content=endless(), headers=headers)
    assert chunked.json()["code"] == "length_required"
    for length, sent in ((67_108_865, b""), (100, b"x" * 40)):
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(
            f"POST /v1/imports?{urlencode(params)} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {headers['Authorization']}\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
            + sent
        )
        await writer.drain()
        if not sent:
            assert (await reader.readline()).split()[1] == b"413"
        else:  # it goes away in the middle
            await eventually(lambda: begun(api))
        writer.close()
        await writer.wait_closed()
    await eventually(lambda: nothing(api))
