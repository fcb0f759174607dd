"""A stance is told of a worn device, and what its samples said is shown."""

import time

from shared.contracts.identity import DeviceId, shard_of
from tests.integration.api.system import System

SECOND_US = 1_000_000
PATH = "/v1/devices/motion-north/stance"


async def wear(api: System, device: str, patient: str, *, model: str = "wellness-motion") -> None:
    """A motion node that a patient wears."""
    await api.database.execute(
        "insert into registry.device (device, shard, model, simulated) values ($1, $2, $3, true)",
        device,
        int(shard_of(DeviceId(device))),
        model,
    )
    await api.database.execute(
        "insert into registry.assignment (device_id, patient_id, starts) select d.id, p.id, "
        "now() - interval '1 h' from registry.device d, registry.patient p "
        "where d.device = $1 and p.key = $2",
        device,
        patient,
    )


async def found(api: System, up: list[list[float]] | None, refusal: str | None) -> None:
    """What the signal processing writes."""
    chest, thigh = up or (None, None)
    await api.database.execute(
        "insert into dsp.stance (stance_id, from_us, chest, thigh, refusal) "
        "select max(id), 1000000, $1::float8[], $2::float8[], $3 from registry.stance",
        chest,
        thigh,
        refusal,
    )


async def test_a_stance_is_told_read_and_ends_with_the_wearing(api: System) -> None:
    await wear(api, "motion-north", "p-north2")
    nina = await api.bearer("nina")
    untold = (await api.http.get(PATH, headers=nina)).json()
    assert (untold["state"], untold["told_at"]) == ("untold", None)
    begin_us = time.time_ns() // 1000
    told = await api.http.post(PATH, headers=nina)
    assert told.status_code == 202, told.text
    assert told.json()["state"] == "reading"
    assert told.json()["told_by"] == "nina"
    (row,) = await api.database.fetch("select at_us from registry.stance")
    assert begin_us - SECOND_US < row["at_us"] < begin_us + 60 * SECOND_US

    await found(api, [[0.5, 0.866, 0.0], [1.0, 0.0, 0.0]], None)
    shown = (await api.http.get(PATH, headers=nina)).json()
    assert (shown["state"], shown["chest_deg"], shown["thigh_deg"]) == ("in_use", 60.0, 0.0)
    assert (await api.http.post(PATH, headers=nina)).status_code == 202
    await found(api, None, "moved")
    shown = (await api.http.get(PATH, headers=nina)).json()
    assert (shown["state"], shown["reason"], shown["used_from"]) == ("refused", "moved", None)
    assert len(await api.audit(action="tell_stance", actor="nina", outcome="granted")) == 2

    await api.database.execute(
        "update registry.assignment set ends = now() where device_id = "
        "(select id from registry.device where device = 'motion-north')"
    )
    tom = await api.bearer("tom")
    assert (await api.http.get(PATH, headers=tom)).json()["state"] == "ended"
    assert (await api.http.post(PATH, headers=tom)).status_code == 409


async def test_what_was_told_is_taken_back_and_told_anew(api: System) -> None:
    await wear(api, "motion-north", "p-north2")
    nina = await api.bearer("nina")
    untold = await api.http.delete(PATH, headers=nina)
    assert (untold.status_code, untold.json()["state"]) == (202, "untold")
    for _ in range(2):  # the first holds, the second was refused: both end
        await api.http.post(PATH, headers=nina)
        await found(api, [[0.5, 0.866, 0.0], [1.0, 0.0, 0.0]], None)
    await api.database.execute(
        "update dsp.stance set chest = null, thigh = null, refusal = 'moved' "
        "where stance_id = (select max(id) from registry.stance)"
    )
    begin_us = time.time_ns() // 1000
    ending = (await api.http.delete(PATH, headers=nina)).json()
    assert (ending["state"], ending["taken_back_by"]) == ("ending", "nina")
    rows = await api.database.fetch("select until_us, taken_back_by from registry.stance")
    assert len(rows) == 2
    assert {row["taken_back_by"] for row in rows} == {"nina"}
    ((until_us,),) = {(row["until_us"],) for row in rows}
    assert until_us % SECOND_US == 0
    assert begin_us + 15 * SECOND_US <= until_us < begin_us + 60 * SECOND_US

    await api.database.execute("update registry.stance set until_us = until_us - 100000000")
    assert (await api.http.get(PATH, headers=nina)).json()["state"] == "taken_back"
    again = await api.http.delete(PATH, headers=nina)  # no row ends a second time
    assert again.json()["state"] == "taken_back"
    assert (await api.http.post(PATH, headers=nina)).json()["state"] == "reading"
    assert len(await api.audit(action="take_back_stance", actor="nina", outcome="granted")) == 3


async def test_what_an_earlier_wearer_told_is_not_taken_back(api: System) -> None:
    await wear(api, "motion-north", "p-north2")
    nina = await api.bearer("nina")
    await api.http.post(PATH, headers=nina)
    await api.database.execute(
        "update registry.assignment set ends = now() where device_id = "
        "(select id from registry.device where device = 'motion-north')"
    )
    tom = await api.bearer("tom")
    assert (await api.http.delete(PATH, headers=tom)).json()["state"] == "ended"
    assert await api.database.fetchval("select until_us from registry.stance") is None


async def test_only_who_may_command_a_device_that_has_postures(api: System) -> None:
    await wear(api, "motion-north", "p-north2")
    await wear(api, "monitor-north", "p-north2", model="vw-monitor")
    paula = await api.bearer("paula")
    assert (await api.http.post(PATH, headers=paula)).status_code == 403
    assert (await api.http.delete(PATH, headers=paula)).status_code == 403
    nina = await api.bearer("nina")
    none = await api.http.post("/v1/devices/monitor-north/stance", headers=nina)
    assert none.status_code == 422
    assert await api.database.fetchval("select count(*) from registry.stance") == 0
