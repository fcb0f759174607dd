"""Log-in, refresh and log-out on the real database."""

import httpx

from tests.integration.api.conftest import StartApi
from tests.integration.api.system import PASSWORD, System


async def test_who_knows_the_password_gets_in_and_is_named(api: System) -> None:
    answer = await api.get("/v1/me", "nina")
    assert answer.json() == {
        "username": "nina",
        "display_name": "nina",
        "role": "nurse",
        "permissions": [
            "act_on_alarms",
            "assign_devices",
            "claim_devices",
            "command_devices",
            "describe_patients",
            "import_recordings",
            "read_clinical",
            "read_devices",
            "set_limits",
        ],
        "wards": [{"key": "north", "name": "Ward north"}],
    }


async def test_a_wrong_password_and_an_unknown_user_look_the_same(api: System) -> None:
    wrong = await api.http.post("/v1/token", data={"username": "nina", "password": "wrong"})
    nobody = await api.http.post("/v1/token", data={"username": "nobody", "password": "wrong"})

    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json() == nobody.json()
    assert wrong.json()["code"] == "bad_credentials"
    assert wrong.headers["content-type"] == "application/problem+json"
    refused = await api.audit(action="log_in", outcome="refused")
    assert [row["actor"] for row in refused] == ["nina", "unknown"]


async def test_a_refresh_token_works_once_and_its_second_use_ends_the_session(
    api: System,
) -> None:
    first = await api.http.post("/v1/token", data={"username": "nina", "password": PASSWORD})
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/v1/token" in cookie
    stolen = httpx.Cookies(dict(first.cookies))
    api.http.cookies.clear()

    second = await api.http.post(
        "/v1/token/refresh", headers={"Cookie": f"vw_refresh={stolen['vw_refresh']}"}
    )
    assert second.status_code == 200
    fresh = {"Authorization": f"Bearer {second.json()['access_token']}"}
    assert (await api.http.get("/v1/me", headers=fresh)).status_code == 200

    api.http.cookies.clear()
    replayed = await api.http.post(
        "/v1/token/refresh", headers={"Cookie": f"vw_refresh={stolen['vw_refresh']}"}
    )
    assert replayed.status_code == 401
    assert replayed.json()["code"] == "refresh_reused"

    ended = await api.http.get("/v1/me", headers=fresh)
    assert ended.status_code == 401
    assert ended.json()["code"] == "session_ended"
    newest = await api.http.post(
        "/v1/token/refresh", headers={"Cookie": f"vw_refresh={second.cookies['vw_refresh']}"}
    )
    assert newest.status_code == 401
    assert await api.audit(action="refresh_reused", actor="nina", outcome="refused")


async def test_log_out_ends_the_access_token_too(api: System) -> None:
    answer = await api.http.post("/v1/token", data={"username": "nina", "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    gone = await api.http.post("/v1/token/revoke")

    assert gone.status_code == 204
    assert (await api.http.get("/v1/me", headers=bearer)).status_code == 401


async def test_another_site_cannot_use_the_cookie(api: System) -> None:
    await api.http.post("/v1/token", data={"username": "nina", "password": PASSWORD})
    answer = await api.http.post("/v1/token/refresh", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


async def test_too_many_failures_have_to_wait_even_with_the_right_password(
    start_api: StartApi,
) -> None:
    async with start_api(api_log_in_burst=3, api_log_in_per_minute=1) as api:
        for _ in range(3):
            await api.http.post("/v1/token", data={"username": "nina", "password": "wrong"})
        answer = await api.http.post("/v1/token", data={"username": "nina", "password": PASSWORD})
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        other = await api.http.post("/v1/token", data={"username": "sven", "password": PASSWORD})
        assert other.status_code == 200


async def test_a_disabled_account_is_out_at_once(api: System) -> None:
    bearer = await api.bearer("nina")
    await api.database.execute(
        "update access.account set disabled_at = now() where username = 'nina'"
    )
    answer = await api.http.post("/v1/token", data={"username": "nina", "password": PASSWORD})
    assert answer.status_code == 401
    assert (await api.http.get("/v1/patients/p-north1", headers=bearer)).status_code in (401, 404)
