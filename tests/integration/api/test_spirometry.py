"""Forced breaths on REST beside what is expected, and by what they are judged."""

import json
from typing import Any

import pytest

from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from tests.integration.api.system import DAY_US, T0_US, System

PATH = "/v1/patients/p-north1/spirometry"
RANGE = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"}
GIVEN = {"height_cm": 168.0, "height_on": "2026-01-02", "group": "caucasian"}


async def keep_breath(api: System, t_us: int, numbers: dict[Measure, float]) -> None:
    """One breath as storage writes it."""
    await api.database.execute(
        "select signal.ensure_partitions('vital', $1)", [t_us // DAY_US * DAY_US]
    )
    n = len(numbers)
    await api.database.execute(
        "insert into signal.vital values ($1, $2, $3, $2, $4, $5, $6, $7, $8, $9, $8)",
        api.hospital.patients["p-north1"], t_us, api.hospital.devices["ecg-north1"],
        [int(measure) for measure in numbers], [int(Method.FLOW_BLOW)] * n,
        list(numbers.values()), [0.95] * n, [0] * n, [0] * n,
    )  # fmt: skip


async def test_breaths_are_judged_once_the_height_is_known(api: System) -> None:
    nurse = await api.bearer("nina")
    breath = {Measure.FVC: 3.1, Measure.FEV1: 2.2, Measure.PEF: 410.0}
    await keep_breath(api, T0_US, breath)
    await keep_breath(api, T0_US - 60_000_000, {Measure.FVC: 3.0, Measure.FEV1: 2.1})

    async def read() -> dict[str, Any]:
        answer = await api.http.get(PATH, headers=nurse, params=RANGE)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    before = await read()
    assert before["reference"]["missing"] == ["height"]
    assert [len(item["values"]) for item in before["items"]] == [4, 3], "the newest first"
    assert {value["z_score"] for item in before["items"] for value in item["values"]} == {None}
    answer = await api.http.put(f"{PATH}/reference", headers=nurse, json=GIVEN)
    assert answer.status_code == 200, answer.text
    after = await read()
    assert after["reference"] == answer.json()
    assert after["reference"]["missing"] == []
    newest = after["items"][0]
    assert (newest["device"], newest["method"]) == ("ecg-north1", "flow_blow")
    assert newest["age_years"] == pytest.approx(66.55, abs=0.01)
    values = {value["measure"]: value for value in newest["values"]}
    assert values["fev1"]["percent_predicted"] == pytest.approx(
        100 * 2.2 / values["fev1"]["predicted"], abs=0.2
    )
    assert values["fev1"]["predicted"] == pytest.approx(2.48, abs=0.1)
    assert -1.645 < values["fev1"]["z_score"] < 0
    assert values["fev1"]["lower_limit"] < 2.2
    assert values["fev1_fvc"]["value"] == pytest.approx(2.2 / 3.1, abs=0.001)
    assert values["pef"]["predicted"] is None, "the equations do not have it"
    entries = await api.audit(action="set_lung_reference", outcome="granted")
    assert {entry["actor"] for entry in entries} == {"nina"}
    heights = [json.loads(entry["detail"]).get("height_cm") for entry in entries]
    assert 168.0 in heights


async def test_what_makes_no_sense_is_not_taken(api: System) -> None:
    nurse = await api.bearer("nina")
    for wrong in ({"height_cm": 1.68}, {"group": "x"}, {"height_on": "yesterday"}, {"weight": 70}):
        answer = await api.http.put(f"{PATH}/reference", headers=nurse, json=GIVEN | wrong)
        assert answer.status_code == 422, wrong


async def test_who_cares_for_a_patient_corrects_who_it_is_and_nobody_else(api: System) -> None:
    whose = {"sex": "male", "birth_date": "1961-02-03"}
    for username, status in (("tom", 403), ("adam", 403), ("vera", 403), ("paula", 403)):
        bearer = await api.bearer(username)
        answer = await api.http.put(f"{PATH}/reference", headers=bearer, json=GIVEN | whose)
        assert answer.status_code == status, username
    nurse = await api.bearer("nina")
    answer = await api.http.put(f"{PATH}/reference", headers=nurse, json=GIVEN | whose)
    assert answer.status_code == 200, answer.text
    assert whose.items() <= answer.json().items()
    again = await api.http.put(f"{PATH}/reference", headers=nurse, json=GIVEN | {"sex": None})
    assert whose.items() <= again.json().items(), "what is left out stays"
    patient = (await api.http.get("/v1/patients/p-north1", headers=nurse)).json()
    assert whose.items() <= patient.items()
    written = [
        json.loads(entry["detail"])
        for entry in await api.audit(action="set_lung_reference", outcome="granted")
    ]
    assert ["birth_date", "sex"] in [entry.get("corrected") for entry in written]
    assert "1961-02-03" not in json.dumps(written), "it goes with an erasure, the trail stays"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"height_on": "2999-01-01"}, "height_on"),
        ({"birth_date": "2999-01-01"}, "birth_date"),
        ({"birth_date": "1815-12-10"}, "130 years"),
        ({"height_on": "1901-01-01"}, "before the birth"),
    ],
)
async def test_days_that_cannot_be_are_not_taken(
    api: System, wrong: dict[str, str], words: str
) -> None:
    answer = await api.http.put(
        f"{PATH}/reference", headers=await api.bearer("nina"), json=GIVEN | wrong
    )
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def blown(fvc: float, *, extrapolated: float = 0.05, pef: float = 480.0) -> dict[Measure, float]:
    """The numbers of a breath with an end, and how it was blown."""
    return {
        Measure.FVC: fvc, Measure.FEV1: 0.8 * fvc, Measure.PEF: pef,
        Measure.EXTRAPOLATED_VOLUME: extrapolated, Measure.EXPIRATORY_TIME: 6.0,
        Measure.END_RISE: 0.01, Measure.FLOW_REGAINED: 0.0,
    }  # fmt: skip


async def roll_up(api: System, *, done_us: int) -> None:
    """The minutes of all values before a time, as far as breaths are looked for in them."""
    await api.database.execute(
        "select signal.ensure_partitions('vital_minute', array_agg(distinct t / $1 * $1)) "
        "from signal.vital where t < $2",
        7 * DAY_US,
        done_us,
    )
    await api.database.execute(
        "insert into signal.vital_minute (patient_id, measure, t, device_id, method, n, "
        "n_questionable, low, mean, high, quality, validity, flags) "
        "select patient_id, measure, t / 60000000 * 60000000, device_id, method, 1, 0, "
        "value, value, value, quality, 0, 0 from signal.vital_value where t < $1",
        done_us,
    )
    await api.database.execute(
        "update signal.rollup_position set closed_to = $1, done_to = $1", done_us
    )


async def test_a_session_has_its_grades_and_the_newest_its_zone(api: System) -> None:
    minute_us = 60_000_000
    for day in range(1, 20):
        await keep_breath(api, T0_US - day * DAY_US, blown(4.0, pef=600.0))
    await keep_breath(api, T0_US, blown(4.0))
    await keep_breath(api, T0_US + minute_us, blown(4.6, extrapolated=0.4, pef=700.0))
    await keep_breath(api, T0_US + 2 * minute_us, blown(3.9, pef=470.0))
    nurse = await api.bearer("nina")

    async def read() -> dict[str, Any]:
        answer = await api.http.get(PATH, headers=nurse, params=RANGE)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    told = await read()
    assert [item["verdict"]["faults"] for item in told["items"]][:3] == [[], ["slow_start"], []]
    newest = told["sessions"][0]
    assert (newest["device"], newest["method"], newest["breaths"]) == (
        "ecg-north1", "flow_blow", 3,
    )  # fmt: skip
    volumes = [newest[name]["best"]["value"] for name in ("fev1", "fvc")]
    assert volumes == [pytest.approx(3.2), pytest.approx(4.0)]
    assert [newest[name]["grade"] for name in ("fev1", "fvc")] == ["B", "B"]
    assert newest["fvc"]["apart_l"] == pytest.approx(0.1)
    assert (newest["fvc"]["acceptable"], newest["fvc"]["usable"]) == (2, 2)
    assert newest["fev1_fvc"]["value"] == pytest.approx(0.8)
    standing = told["standing"]
    assert (standing["measure"], standing["value"]) == ("pef", 480.0)
    assert (standing["personal_best"], standing["percent"]) == (600.0, 80.0)
    assert (standing["zone"], standing["days"]) == ("green", 20)
    for item in told["items"]:
        assert RANGE["from"][:19] <= item["t"][:19] < RANGE["to"][:19]

    for done_us in (T0_US - DAY_US, T0_US + minute_us, T0_US + DAY_US):
        await api.database.execute("delete from signal.vital_minute")
        await roll_up(api, done_us=done_us // minute_us * minute_us)
        assert await read() == told, "found by minutes as among the values"


async def test_what_a_device_computed_itself_is_not_graded(api: System) -> None:
    await keep_breath(api, T0_US, {Measure.FVC: 4.0, Measure.FEV1: 3.2, Measure.PEF: 480.0})
    told = (await api.get(PATH, "nina", **RANGE)).json()
    assert told["items"][0]["verdict"] is None
    assert told["sessions"][0]["fev1"] == {
        "grade": None, "best": told["sessions"][0]["fev1"]["best"], "apart_l": None,
        "acceptable": None, "usable": None,
    }  # fmt: skip
    assert told["standing"]["zone"] is None, "a personal best of one day may be higher"


async def test_a_personal_best_can_be_set_and_taken_back(api: System) -> None:
    await keep_breath(api, T0_US, blown(4.0, pef=300.0))
    nurse = await api.bearer("nina")

    async def zone_after(**more: float | None) -> tuple[float, str | None]:
        answer = await api.http.put(f"{PATH}/reference", headers=nurse, json=GIVEN | more)
        assert answer.status_code == 200, answer.text
        told = (await api.get(PATH, "nina", **RANGE)).json()
        assert told["reference"] == answer.json()
        return told["standing"]["personal_best"], told["standing"]["zone"]

    assert await zone_after() == (300.0, None)
    assert await zone_after(personal_best_l_min=500.0) == (500.0, "yellow")
    assert await zone_after() == (500.0, "yellow"), "what is left out stays"
    assert await zone_after(personal_best_l_min=None) == (300.0, None)
    answer = await api.http.put(
        f"{PATH}/reference", headers=nurse, json=GIVEN | {"personal_best_l_min": 8.0}
    )
    assert answer.status_code == 422, "litres a second"
