"""Administrators order erasures and set retentions; storage carries them out.

(How it does: tests/integration/storage/test_erasure.py.)
"""

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


async def test_an_administrator_sets_how_long_a_patient_is_kept(api: System) -> None:
    admin = await api.bearer("adam")
    path = "/v1/patients/p-north2/retention"
    unset = {"patient": "p-north2", "keep_days": None, "changed_by": None, "changed_at": None}
    assert (await api.http.get(path, headers=admin)).json() == unset
    for days in (30, 7):
        body = {"keep_days": days, "reason": f"asked for {days}"}
        told = (await api.http.put(path, headers=admin, json=body)).json()
        assert (told["keep_days"], told["changed_by"]) == (days, "adam")
        assert (await api.http.get(path, headers=admin)).json() == told
    rows = await api.database.fetch("select patient_id, keep_days from registry.patient_retention")
    assert [tuple(row.values()) for row in rows] == [(api.hospital.patients["p-north2"], 7)]
    assert (await api.http.delete(path, headers=admin)).status_code == 204
    assert (await api.http.get(path, headers=admin)).json() == unset
    entries = await api.audit(action="set_retention", outcome="granted")
    assert [entry["reason"] for entry in entries] == ["asked for 30", "asked for 7", None]


async def test_a_retention_needs_a_patient_a_number_of_days_and_a_reason(api: System) -> None:
    admin = await api.bearer("adam")
    good = {"keep_days": 9, "reason": "asked for"}
    nobody = await api.http.put("/v1/patients/p-xyz99/retention", headers=admin, json=good)
    assert nobody.status_code == 404
    for bad in ({"keep_days": 0}, {"keep_days": 40_000}, {"reason": ""}, {"more": 1}):
        answer = await api.http.put(
            "/v1/patients/p-north2/retention", headers=admin, json=good | bad
        )
        assert answer.status_code == 422, bad
