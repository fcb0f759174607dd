"""Administrators order erasures; storage carries them out (tests/integration/storage)."""

from tests.harness.eventually import eventually
from tests.integration.api.system import System

REASON = {"reason": "asked by the person"}


async def test_an_administrator_orders_an_erasure_once_and_it_is_written_down(api: System) -> None:
    admin = await api.bearer("adam")
    path = "/v1/patients/p-north2/erasure"
    nothing = await api.http.get(path, headers=admin)
    assert nothing.status_code == 404
    ordered = await api.http.post(path, headers=admin, json=REASON)
    assert ordered.status_code == 202
    said = ordered.json()
    assert (said["patient"], said["state"], said["requested_by"]) == ("p-north2", "ordered", "adam")
    assert (said["certificate"], said["done_at"]) == (None, None)
    again = await api.http.post(path, headers=admin, json={"reason": "another reason"})
    assert again.json() == said
    assert (await api.http.get(path, headers=admin)).json() == said
    items = (await api.http.get("/v1/erasures", headers=admin)).json()["items"]
    assert said in items

    async def written_down() -> bool:
        entries = await api.audit(action="erase_patient", outcome="granted")
        return [entry["reason"] for entry in entries] == [REASON["reason"], "another reason"]

    await eventually(written_down)


async def test_who_cannot_be_found_or_has_no_reason_is_not_erased(api: System) -> None:
    admin = await api.bearer("adam")
    nobody = await api.http.post("/v1/patients/p-xyz99/erasure", headers=admin, json=REASON)
    assert nobody.status_code == 404
    silent = await api.http.post("/v1/patients/p-north2/erasure", headers=admin, json={})
    assert silent.status_code == 422
