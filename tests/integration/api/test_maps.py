"""Maps of measured places, and where patients are and were by them."""

import time
from typing import Any

from shared.contracts.instants import from_text, to_text
from shared.contracts.measures import Measure
from shared.contracts.place_maps import LARGEST_MAP_BYTES
from tests.integration.api.system import DAY_US, System

SECOND_US = 1_000_000
SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4]]
HALL: dict[str, Any] = {
    "site": "north",
    "floor": "0",
    "access_points": ["ap1", "ap2"],
    "rooms": [{"name": "Day room", "outline": SQUARE}],
    "points": [
        {"x": 1, "y": 1, "dbm": [-50, None], "heading": 90},
        {"x": 9, "y": 1.5, "room": "Corridor", "dbm": [-70.5, -40]},
    ],
}
CSV = "x,y,room,ap1\n1,1,Office,-50\n"


async def bring(api: System, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await api.http.post("/v1/maps", headers=await api.bearer("tom"), json=body or HALL)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_map_is_kept_in_versions_used_and_removed(api: System) -> None:
    tom, nina = await api.bearer("tom"), await api.bearer("nina")
    first = await bring(api)
    assert (first["version"], first["points"], first["rooms"]) == (1, 2, 2)
    assert (first["state"], first["used_from"]) == ("kept", None)
    again = await api.http.post("/v1/maps", headers=tom, json=HALL)
    assert (again.status_code, again.json()) == (200, first)
    second = await bring(api, HALL | {"points": HALL["points"][:1]})
    assert second["version"] == 2

    path = f"/v1/maps/{first['id']}"
    used = (await api.http.post(f"{path}/use", headers=tom)).json()
    assert used["state"] == "starting"
    assert from_text(used["used_from"]) > time.time_ns() // 1000 + 10 * SECOND_US
    assert (await api.http.post(f"{path}/use", headers=tom)).json()["used_from"] == used[
        "used_from"
    ]
    instead = (await api.http.post(f"/v1/maps/{second['id']}/use", headers=tom)).json()
    shown = (await api.http.get(path, headers=nina)).json()
    assert from_text(shown["used_to"]) == from_text(instead["used_from"])
    assert [room["name"] for room in shown["plan"]] == ["Day room", "Corridor"]
    assert shown["plan"][0]["outline"] == SQUARE

    page = (await api.http.get("/v1/maps?limit=1", headers=nina)).json()
    assert [one["id"] for one in page["items"]] == [second["id"]]
    rest = (await api.http.get(f"/v1/maps?cursor={page['next']}", headers=nina)).json()
    assert [one["id"] for one in rest["items"]] == [first["id"]]
    assert rest["next"] is None

    assert (await api.http.delete(path, headers=tom)).status_code == 204
    for answer in (
        await api.http.get(path, headers=nina),
        await api.http.post(f"{path}/use", headers=tom),
        await api.http.delete(path, headers=tom),
    ):
        assert answer.status_code == 404
    rooms = await api.database.fetchval(
        "select count(*) from registry.place_room where map_id = $1", first["id"]
    )
    assert rooms == 2
    for action, n in (("bring_map", 3), ("use_map", 3), ("remove_map", 1)):
        assert len(await api.audit(action=action, actor="tom", outcome="granted")) == n


async def test_who_manages_no_devices_changes_no_map(api: System) -> None:
    kept = await bring(api)
    for username in ("nina", "vera", "paula"):
        bearer = await api.bearer(username)
        for method, path in (
            ("post", "/v1/maps"),
            ("post", f"/v1/maps/{kept['id']}/use"),
            ("delete", f"/v1/maps/{kept['id']}"),
        ):
            answer = await api.http.request(method, path, headers=bearer, json=HALL)
            assert answer.status_code == 403, (username, path)
    for username in ("vera", "paula"):
        bearer = await api.bearer(username)
        assert (await api.http.get("/v1/maps", headers=bearer)).status_code == 403


async def test_a_map_that_cannot_be_says_where(api: System) -> None:
    tom = await api.bearer("tom")
    short = HALL | {"points": [{"x": 1, "y": 1, "dbm": [-50]}]}
    refused = await api.http.post("/v1/maps", headers=tom, json=short)
    assert refused.status_code == 422
    assert "points[0]: 1 strengths" in refused.json()["detail"]
    as_csv = tom | {"Content-Type": "text/csv"}
    for query, body in (("", CSV), ("?site=north&floor=1", "x,y,room,ap1\n1,1,A,loud\n")):
        answer = await api.http.post(f"/v1/maps{query}", headers=as_csv, content=body)
        assert answer.status_code == 422, answer.text
    plain = await api.http.post(
        "/v1/maps", headers=tom | {"Content-Type": "text/plain"}, content=""
    )
    assert plain.status_code == 422
    taken = await api.http.post("/v1/maps?site=north&floor=1", headers=as_csv, content=CSV)
    assert (taken.status_code, taken.json()["floor"]) == (201, "1")
    large = b" " * (LARGEST_MAP_BYTES + 1)
    assert (await api.http.post("/v1/maps", headers=tom, content=large)).status_code == 413


async def store_places(api: System, room: int, times_us: list[int], xs: list[float]) -> None:
    days = sorted({t // DAY_US * DAY_US for t in times_us})
    await api.database.execute("select signal.ensure_partitions('vital', $1)", days)
    measures = [Measure.POSITION_X, Measure.POSITION_Y, Measure.POSITION, Measure.ROOM]
    await api.database.executemany(
        "insert into signal.vital values ($1, $2, $3, $2, $4, array[18, 18, 18, 18], $5, "
        "array[0.9, 0.9, 0.9, 0.8], array[0, 0, 0, 0], array[0, 0, 0, 0], array[0, 0, 0, 0])",
        [
            (
                api.hospital.patients["p-north1"], t, api.hospital.devices["ecg-north1"],
                [int(measure) for measure in measures], [x, 2.0, 4.5, float(room)],
            )
            for t, x in zip(times_us, xs, strict=True)
        ],
    )  # fmt: skip


async def test_a_patients_place_is_a_room_in_words_and_its_track_has_pages(api: System) -> None:
    nina = await api.bearer("nina")
    path = "/v1/patients/p-north1"
    assert (await api.http.get(f"{path}/place", headers=nina)).json()["place"] is None
    kept = await bring(api)
    plan = (await api.http.get(f"/v1/maps/{kept['id']}", headers=nina)).json()["plan"]
    now_us = time.time_ns() // 1000
    past_us = now_us - 600 * SECOND_US
    nan = float("nan")
    times = [past_us, past_us + 5 * SECOND_US, past_us + 10 * SECOND_US, now_us - SECOND_US]
    await store_places(api, plan[1]["id"], times, [1.0, nan, 3.0, 4.0])

    told = (await api.http.get(f"{path}/place", headers=nina)).json()
    place = told["place"]
    assert (place["x"], place["y"], place["within_m"]) == (4.0, 2.0, 4.5)
    assert place["room"] == {
        "id": plan[1]["id"], "name": "Corridor", "site": "north", "floor": "0", "quality": 0.8,
    }  # fmt: skip
    assert told["plan"] is None
    drawn = (await api.http.get(f"{path}/place?plan=true", headers=nina)).json()["plan"]
    assert drawn == plan

    span = {"from": to_text(past_us), "to": to_text(past_us + 60 * SECOND_US)}
    page = await api.http.get(f"{path}/track", headers=nina, params=span | {"limit": 2})
    assert [one["x"] for one in page.json()["items"]] == [1.0, None]
    assert page.json()["items"][1]["validity"] == "absent"
    rest = await api.http.get(
        f"{path}/track", headers=nina, params=span | {"cursor": page.json()["next"]}
    )
    assert ([one["x"] for one in rest.json()["items"]], rest.json()["next"]) == ([3.0], None)
    same = await api.http.get(
        f"{path}/track", headers=nina | {"If-None-Match": page.headers["ETag"]},
        params=span | {"limit": 2},
    )  # fmt: skip
    assert same.status_code == 304
    bad = await api.http.get(f"{path}/track", headers=nina, params={"cursor": "YWJj"})
    assert bad.status_code == 422
    reads = await api.audit(action="read_place", actor="nina", outcome="granted")
    assert {row["patient_id"] for row in reads} == {api.hospital.patients["p-north1"]}


async def test_time_in_rooms_is_counted_until_the_next_place_and_15_s_at_most(api: System) -> None:
    nina = await api.bearer("nina")
    path = "/v1/patients/p-north1/rooms"
    kept = await bring(api)
    day, corridor = (await api.http.get(f"/v1/maps/{kept['id']}", headers=nina)).json()["plan"]
    start_us = time.time_ns() // 1000 // SECOND_US * SECOND_US - 3_600 * SECOND_US
    at = [start_us + s * SECOND_US for s in (0, 5, 10, 100, 105, 200)]
    await store_places(api, day["id"], at[:2], [1.0, 1.0])
    await store_places(api, corridor["id"], at[2:4], [9.0, 9.0])
    await store_places(api, day["id"], [at[5]], [1.0])
    await api.database.execute(
        "insert into signal.vital values ($1, $2, $3, $2, $4, array[18], array['NaN'::real], "
        "array[0], array[3], array[0], array[0])",
        api.hospital.patients["p-north1"], at[4], api.hospital.devices["ecg-north1"],
        [int(Measure.ROOM)],
    )  # fmt: skip

    async def told(**span: int) -> dict[str, Any]:
        params = {name: to_text(t) for name, t in span.items()}
        answer = await api.http.get(path, headers=nina, params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    whole = await told()
    # 5 + 5 s and 15 s at the end; 15 s of the 90 and 5 s until it was not known any more
    assert [(one["name"], one["seconds"]) for one in whole["items"]] == [
        ("Day room", 25.0),
        ("Corridor", 20.0),
    ]
    assert whole["known_s"] == 45.0
    assert (whole["items"][0]["first"], whole["items"][0]["last"]) == (
        to_text(at[0]),
        to_text(at[5] + 15 * SECOND_US),
    )
    part = await told(**{"from": at[1], "to": at[2] + 2 * SECOND_US})
    assert [(one["id"], one["seconds"]) for one in part["items"]] == [
        (day["id"], 5.0),
        (corridor["id"], 2.0),
    ]
    later = at[5] + 24 * 3_600 * SECOND_US
    ahead = await told(**{"from": later, "to": later + SECOND_US})
    assert (ahead["items"], ahead["known_s"]) == ([], 0)
    long = {"from": to_text(at[0] - 26 * 3_600 * SECOND_US), "to": to_text(at[0])}
    refused = await api.http.get(path, headers=nina, params=long)
    assert (refused.status_code, refused.json()["code"]) == (422, "range_too_long")


async def test_a_devices_place_is_its_wearers_and_nobody_elses_business(api: System) -> None:
    nina, tom = await api.bearer("nina"), await api.bearer("tom")
    path = "/v1/devices/ecg-north1/place"
    kept = await bring(api)
    plan = (await api.http.get(f"/v1/maps/{kept['id']}", headers=nina)).json()["plan"]
    now_us = time.time_ns() // 1000
    await store_places(api, plan[1]["id"], [now_us - SECOND_US], [4.0])

    told = (await api.http.get(f"{path}?plan=true", headers=nina)).json()
    assert (told["device"], told["patient"]) == ("ecg-north1", "p-north1")
    assert (told["place"]["room"]["name"], told["plan"]) == ("Corridor", plan)
    by_who_manages = (await api.http.get(path, headers=tom)).json()
    assert (by_who_manages["patient"], by_who_manages["place"]) == (None, None)
    await api.database.execute(
        "update signal.vital set patient_id = 0 where patient_id = $1 and device_id = $2",
        api.hospital.patients["p-north1"], api.hospital.devices["ecg-north1"],
    )  # fmt: skip
    lying_about = (await api.http.get(path, headers=tom)).json()
    assert (lying_about["patient"], lying_about["place"]["x"]) == (None, 4.0)
    assert (await api.http.get(path, headers=nina)).json()["place"] is None
