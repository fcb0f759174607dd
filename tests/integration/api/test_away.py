"""What the outside sees while PostgreSQL or RabbitMQ is away, and the edge of the server."""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import argon2

from services.api.bootstrap import openapi_document
from tests.harness.eventually import eventually
from tests.harness.tcp_proxy import TcpProxy
from tests.integration.api.conftest import StartApi
from tests.integration.api.system import System
from tests.integration.api.test_live import heard_while, now_us


async def test_without_the_database_history_says_when_to_come_again_and_live_goes_on(
    start_api: StartApi, database_proxy: TcpProxy
) -> None:
    async with (
        start_api(database_port=database_proxy.port, database_statement_timeout_s=2) as api,
        api.live("nina") as nina,
    ):
        await nina.say(op="subscribe", id="a", ward="north", what=["vitals"])
        await nina.hear("subscribed")
        bearer = await api.bearer("nina")

        database_proxy.refuse = True
        database_proxy.cut()
        try:
            answer = await api.http.get("/v1/patients/p-north1", headers=bearer, timeout=30)
            assert answer.status_code == 503
            assert answer.json()["code"] == "unavailable"
            assert int(answer.headers["retry-after"]) >= 1
            message = await heard_while(
                lambda: api.publish_vital("p-north1", "ecg-north1", value=72.5, t_us=now_us()),
                lambda: nina.hear("vitals", id="a"),
            )
            assert message["items"][0]["value"] == 72.5
            log_in = await api.http.post(
                "/v1/token", data={"username": "nina", "password": "x"}, timeout=30
            )
            assert log_in.status_code == 503
            tables = await api.http.get("/v1/measures")
            assert tables.status_code == 200
        finally:
            database_proxy.refuse = False

        async def served_again() -> bool:
            again = await api.http.get("/v1/patients/p-north1", headers=bearer, timeout=30)
            return again.status_code == 200

        await eventually(served_again, within_s=20)


async def test_a_large_body_is_refused_announced_or_not(api: System) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    bearer = await api.bearer("nina")
    for content in (b"x" * 300_000, endless()):
        answer = await api.http.put(
            "/v1/patients/p-north1/limits",
            content=content,
            headers=bearer | {"Content-Type": "application/json"},
        )
        assert answer.status_code == 413
        assert answer.json()["code"] == "too_large"


async def test_the_page_is_served_with_a_strict_policy(start_api: StartApi, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>vitalwire</title>")
    (dist / "assets" / "app-1a2b3c.js").write_text("export {}")
    async with start_api(api_web_folder=dist) as api:
        for path in ("/", "/ward", "/patient/p-north1"):
            page = await api.http.get(path)
            assert page.status_code == 200, path
            assert "vitalwire" in page.text
            assert page.headers["cache-control"] == "no-cache"
            policy = page.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert f"ws://127.0.0.1:{api.port}" in policy
            assert "strict-transport-security" not in page.headers
        script = await api.http.get("/assets/app-1a2b3c.js")
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        for path in ("/assets/gone.js", "/v1/nothing", "/..%2f..%2findex.js"):
            missing = await api.http.get(path)
            assert missing.status_code == 404, path
            assert missing.headers["content-type"] == "application/problem+json"
        far = await api.http.get(
            "/", headers={"Host": "vitals.example", "X-Forwarded-Proto": "https"}
        )
        assert "max-age=" in far.headers["strict-transport-security"]


async def test_answers_are_not_kept_and_carry_a_request_id(api: System) -> None:
    answer = await api.get("/v1/patients/p-north1", "nina")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    row = (await api.audit(action="read_patient"))[-1]
    assert row["request_id"] == answer.headers["x-request-id"]


async def test_the_document_is_served_and_every_path_says_what_may_be_done_there(
    api: System,
) -> None:
    document = (await api.http.get("/v1/openapi.json")).json()
    assert document == openapi_document()
    for path, operations in document["paths"].items():
        answer = await api.http.request("TRACE", re.sub(r"\{\w+\}", "x", path))
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        allowed = set(answer.headers["allow"].split(", "))
        assert allowed >= {method.upper() for method in operations}, path


async def test_too_many_requests_have_to_wait(start_api: StartApi) -> None:
    async with start_api(api_request_burst=5, api_requests_per_s=0.05) as api:
        bearer = await api.bearer("nina")
        statuses = [(await api.http.get("/v1/me", headers=bearer)).status_code for _ in range(8)]
        assert statuses[:5] == [200] * 5
        assert statuses[-1] == 429
        refused = [(await api.http.get("/v1/me")).status_code for _ in range(8)]
        assert refused[:5] == [401] * 5
        assert refused[-1] == 429


async def test_a_user_that_does_not_exist_takes_as_long(start_api: StartApi) -> None:
    async with start_api(
        api_password_passes=3, api_password_memory_kib=32_768, api_log_in_burst=1_000
    ) as api:
        await api.database.execute(
            "update access.password set password_hash = $1",
            argon2.PasswordHasher(time_cost=3, memory_cost=32_768, parallelism=1).hash("right"),
        )
        # The least of several, taken in turns: what else the machine does only adds to it.
        least: dict[str, float] = {}
        for turn in range(40):
            for name in ("nina", "nobody", "No Such User!"):
                began = time.monotonic()
                answer = await api.http.post(
                    "/v1/token", data={"username": name, "password": "wrong"}
                )
                took = time.monotonic() - began
                assert answer.status_code == 401
                least[name] = min(took, least.get(name, took))
            if turn >= 5 and max(least.values()) < 2 * min(least.values()):
                break
        assert max(least.values()) < 2 * min(least.values()), least


async def test_it_starts_without_rabbitmq_and_without_database(start_api: StartApi) -> None:
    async with start_api(amqp_port=1, database_port=1, api_request_burst=100) as api:
        assert (await api.http.get("/v1/measures")).status_code == 200
        answer = await api.http.post(
            "/v1/token", data={"username": "nina", "password": "x"}, timeout=30
        )
        assert answer.status_code == 503
