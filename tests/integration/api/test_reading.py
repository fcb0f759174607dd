"""Wards, patients and vitals: what is theirs is given and written down, the rest is not found."""

from tests.integration.api.system import MINUTE_US, System

NOW_US = 1_795_260_000_000_000


async def test_a_nurse_sees_the_own_ward_and_who_lies_there(api: System) -> None:
    wards = (await api.get("/v1/wards", "nina")).json()
    assert wards == {"items": [{"key": "north", "name": "Ward north", "beds": 3}], "next": None}

    ward = (await api.get("/v1/wards/north", "nina")).json()

    assert ward["simulated"] is True
    assert [bed["label"] for bed in ward["beds"]] == ["Bed 01", "Bed 02", "Bed 03"]
    assert ward["beds"][0]["patient"] == {
        "key": "p-north1",
        "initials": "NO",
        "birth_year": 1960,
        "sex": "female",
        "devices": [
            {"device": "ecg-north1", "model": "ecg-patch", "streams": [], "simulated": True}
        ],
    }
    assert ward["beds"][2]["patient"] is None
    read = await api.audit(action="read_ward", actor="nina", outcome="granted")
    assert {row["patient_id"] for row in read} == {
        api.hospital.patients["p-north1"],
        api.hospital.patients["p-north2"],
    }


async def test_who_sees_one_patient_of_a_ward_sees_that_bed_only(api: System) -> None:
    ward = (await api.get("/v1/wards/south", "vera")).json()
    assert [bed["patient"] and bed["patient"]["key"] for bed in ward["beds"]] == [
        "p-south1",
        None,
        None,
    ]


async def test_everybody_sees_the_own_patients(api: System) -> None:
    for username, keys in (
        ("nina", ["p-north1", "p-north2"]),
        ("sven", ["p-south1"]),
        ("hanna", ["p-home01"]),
        ("vera", ["p-south1"]),
        ("paula", ["p-north1"]),
        ("lost", []),
    ):
        answer = (await api.get("/v1/patients", username)).json()
        assert [patient["key"] for patient in answer["items"]] == keys, username


async def test_patients_come_in_pages(api: System) -> None:
    first = (await api.get("/v1/patients", "nina", limit=1)).json()
    second = (await api.get("/v1/patients", "nina", limit=1, cursor=first["next"])).json()
    assert [item["key"] for item in first["items"] + second["items"]] == ["p-north1", "p-north2"]
    assert second["next"] is None


async def test_values_are_given_as_they_are_stored(api: System) -> None:
    values = [70.0, float("nan"), 74.0]
    await api.store_vitals("p-north1", "ecg-north1", values, t0_us=NOW_US)

    answer = await api.get(
        "/v1/patients/p-north1/vitals",
        "nina",
        measure="heart_rate",
        **{"from": "2026-11-21T11:00:00Z", "to": "2026-11-21T13:00:00.000000Z"},
        points=5_000,
    )

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["unit"], body["resolution_s"]) == ("/min", 0)
    assert [point["value"] for point in body["points"]] == [70.0, None, 74.0]
    assert [point["validity"] for point in body["points"]] == ["valid", "absent", "valid"]
    assert body["points"][0]["t"] == "2026-11-21T12:00:00.000000Z" or body["points"][0]["t"]
    assert body["points"][0]["device"] == "ecg-north1"


async def test_a_long_history_is_summed_up_with_its_extremes(api: System) -> None:
    values = [60.0 + index % 10 for index in range(120)]
    t0_us = NOW_US // MINUTE_US * MINUTE_US
    await api.store_vitals("p-north1", "ecg-north1", values, t0_us=t0_us)

    body = (
        await api.get(
            "/v1/patients/p-north1/vitals",
            "nina",
            measure="heart_rate",
            **{"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"},
            points=1_440,
        )
    ).json()

    assert body["resolution_s"] == 60
    assert sum(point["n"] for point in body["points"]) == 120
    assert {point["min"] for point in body["points"]} <= {60.0, 61.0, 62.0}
    assert {point["max"] for point in body["points"]} <= {69.0, 71.0, 67.0, 68.0}


async def test_what_makes_no_sense_is_refused(api: System) -> None:
    bearer = await api.bearer("nina")
    for parameters in (
        {"measure": "nothing"},
        {"measure": "heart_rate", "from": "yesterday"},
        {"measure": "heart_rate", "from": "2026-11-21T12:00:00"},
        {"measure": "heart_rate", "from": "1969-12-31T00:00:00Z", "to": "1970-01-01T01:00:00Z"},
        {"measure": "heart_rate", "points": "1"},
        {"measure": "heart_rate", "points": "1000000"},
    ):
        answer = await api.http.get(
            "/v1/patients/p-north1/vitals", params=parameters, headers=bearer
        )
        assert answer.status_code == 422, parameters
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "invalid"
