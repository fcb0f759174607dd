"""The history of vital signs: any range, any zoom, no spike lost, gaps are gaps."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.api.resources.vitals.schemas import Vitals
from shared.contracts.instants import HOUR, MINUTE, SECOND, to_text
from shared.contracts.measures import Measure
from tests.integration.api.system import System

HOUR_US = 1_795_262_400_000_000 // HOUR * HOUR  # 2026-11-21T12:00:00Z
PATH = "/v1/patients/p-north1/vitals"


def between(start_us: int, end_us: int, **more: Any) -> dict[str, Any]:
    return {
        "measure": "heart_rate",
        "from": to_text(start_us),
        "to": to_text(end_us),
        **more,
    }


async def roll_up(api: System, *, done_us: int) -> None:
    """Minutes and hours of all stored values before a time, as storage makes them."""
    await api.database.execute(
        "select signal.ensure_partitions('vital_minute', array[$1::bigint]), "
        "signal.ensure_partitions('vital_hour', array[$2::bigint])",
        HOUR_US // (7 * 24 * HOUR) * (7 * 24 * HOUR),
        HOUR_US // (91 * 24 * HOUR) * (91 * 24 * HOUR),
    )
    for table, width in (("vital_minute", MINUTE), ("vital_hour", HOUR)):
        await api.database.execute(
            f"""
            insert into signal.{table}
            select patient_id, measure, t / {width} * {width}, device_id, method,
                count(*) filter (where value <> 'NaN' and validity <= 1),
                count(*) filter (where value <> 'NaN' and validity = 1),
                min(value) filter (where value <> 'NaN' and validity <= 1),
                avg(value) filter (where value <> 'NaN' and validity <= 1),
                max(value) filter (where value <> 'NaN' and validity <= 1),
                avg(quality) filter (where value <> 'NaN' and validity <= 1),
                max(validity), bit_or(flags),
                case when signal.is_code(measure) then signal.codes_of(
                    array_agg(value) filter (where value <> 'NaN' and validity <= 1)) end
            from signal.vital_value where t < $1
            group by 1, 2, 3, 4, 5
            """,  # noqa: S608
            done_us // width * width,
        )
    await api.database.execute(
        "update signal.rollup_position set closed_to = $1, done_to = $1", done_us // HOUR * HOUR
    )


async def test_minutes_hours_and_the_tail_that_is_in_neither_are_one_history(api: System) -> None:
    n = 3 * 720  # three hours, a value each 5 s
    values = [60.0 + 10 * math.sin(index / 50) for index in range(n)]
    values[1_000], values[2_100] = 170.0, 31.0
    values[300:400] = [math.nan] * 100
    await api.store_vitals("p-north1", "ecg-north1", values, t0_us=HOUR_US)
    asked = between(HOUR_US, HOUR_US + 3 * HOUR, points=180)
    before = (await api.get(PATH, "nina", **asked)).json()

    await roll_up(api, done_us=HOUR_US + 2 * HOUR)
    after = (await api.get(PATH, "nina", **asked)).json()
    hours = (await api.get(PATH, "nina", **asked | {"points": 3})).json()

    assert before["resolution_s"] == after["resolution_s"] == 60
    assert after["points"] == before["points"], "joined without a seam"
    assert len(after["points"]) == 180
    assert after["points"][27]["validity"] == "absent"
    assert after["points"][27]["value"] is None
    assert sum(point["n"] for point in after["points"]) == n - 100
    assert hours["resolution_s"] == 3_600
    assert [point["n"] for point in hours["points"]] == [620, 720, 720]
    for answer in (after, hours):
        Vitals.model_validate(answer)
        assert max(point["max"] or 0 for point in answer["points"]) == 170.0
        assert min(point["min"] or 99 for point in answer["points"]) == 31.0
    for index in range(3):
        present = [v for v in values[index * 720 : (index + 1) * 720] if not math.isnan(v)]
        assert hours["points"][index]["value"] == pytest.approx(np.mean(present), abs=0.01)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
async def test_at_every_zoom_the_extremes_are_those_of_the_values(
    api: System, data: st.DataObject
) -> None:
    """Random ranges, points and progress of the summaries over one random history."""
    rng = np.random.default_rng(8)
    values = np.round(rng.normal(70, 12, 2_000), 1)
    values[rng.random(2_000) < 0.2] = np.nan
    times = HOUR_US + np.arange(2_000) * 5 * SECOND
    if await api.database.fetchval("select count(*) from signal.vital") == 0:
        await api.store_vitals("p-north1", "ecg-north1", values.tolist(), t0_us=HOUR_US)
    done_h = data.draw(st.integers(0, 3), label="hours rolled up")
    await api.database.execute("truncate signal.vital_minute, signal.vital_hour")
    await roll_up(api, done_us=HOUR_US + done_h * HOUR)
    start = data.draw(st.integers(-600, 9_000), label="from, s") * SECOND + HOUR_US
    end = start + data.draw(st.integers(1, 12_000), label="span, s") * SECOND
    points = data.draw(st.integers(2, 1_000), label="points")

    body = (await api.get(PATH, "nina", **between(start, end, points=points))).json()

    step_us = body["resolution_s"] * SECOND
    within = (times >= start) & (times < end)
    if step_us:
        within = (times >= start // step_us * step_us) & (times < -(-end // step_us) * step_us)
        assert len(body["points"]) <= points + 1
    numbers = values[within & ~np.isnan(values)]
    assert sum(point["n"] for point in body["points"]) == len(numbers)
    found = [point for point in body["points"] if point["n"]]
    if len(numbers):
        assert min(point["min"] for point in found) == pytest.approx(numbers.min(), abs=1e-4)
        assert max(point["max"] for point in found) == pytest.approx(numbers.max(), abs=1e-4)
    else:
        assert not found


async def test_a_range_before_the_first_value_and_an_empty_range_have_no_points(
    api: System,
) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [70.0], t0_us=HOUR_US)
    for start_us, end_us in ((HOUR_US - 30 * HOUR, HOUR_US - HOUR), (HOUR_US, HOUR_US)):
        answer = await api.get(PATH, "nina", **between(start_us, end_us))
        assert answer.status_code == 200
        body = answer.json()
        assert (body["points"], body["series"]) == ([], [])
        assert body["from"] <= to_text(start_us)
        assert body["to"] >= to_text(end_us)


async def test_several_devices_stand_side_by_side_and_one_can_be_asked_for(api: System) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [70.0] * 12, t0_us=HOUR_US)
    await api.store_vitals("p-north1", "ecg-north2", [90.0] * 12, t0_us=HOUR_US + SECOND)

    both = (await api.get(PATH, "nina", **between(HOUR_US, HOUR_US + HOUR, points=60))).json()
    one = (
        await api.get(
            PATH, "nina", **between(HOUR_US, HOUR_US + HOUR, points=60, device="ecg-north2")
        )
    ).json()
    none = (
        await api.get(PATH, "nina", **between(HOUR_US, HOUR_US + HOUR, points=60, method="device"))
    ).json()

    (point,) = both["points"]
    assert (point["min"], point["max"], point["device"]) == (70.0, 90.0, "ecg-north1")
    assert [(series["device"], series["n"]) for series in both["series"]] == [
        ("ecg-north1", 12),
        ("ecg-north2", 12),
    ]
    assert [point["value"] for point in one["points"]] == [90.0]
    assert none["points"] == []


async def test_values_that_are_not_kept_any_more_are_shown_by_their_minutes(api: System) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [70.0] * 24, t0_us=HOUR_US)
    await roll_up(api, done_us=HOUR_US + HOUR)
    await api.database.execute("delete from signal.vital")

    asked = between(HOUR_US, HOUR_US + 10 * MINUTE, points=600)
    minutes = (await api.get(PATH, "nina", **asked)).json()
    await api.database.execute("delete from signal.vital_minute")
    hours = (await api.get(PATH, "nina", **asked)).json()

    assert (minutes["resolution_s"], [p["n"] for p in minutes["points"]]) == (60, [12, 12])
    assert (hours["resolution_s"], [p["n"] for p in hours["points"]]) == (3_600, [24])


async def test_questionable_numbers_count_and_are_told(api: System) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [70.0, 71.0], t0_us=HOUR_US)
    await api.database.execute(
        "update signal.vital set validity = array[1]::smallint[] where t = $1", HOUR_US
    )
    before = (await api.get(PATH, "nina", **between(HOUR_US, HOUR_US + HOUR, points=60))).json()
    await roll_up(api, done_us=HOUR_US + HOUR)
    after = (await api.get(PATH, "nina", **between(HOUR_US, HOUR_US + HOUR, points=60))).json()

    (point,) = after["points"]
    assert (point["validity"], point["n"], point["n_questionable"]) == ("questionable", 2, 1)
    assert before["points"] == after["points"]


async def test_what_is_over_may_be_kept_and_is_written_down_each_time(api: System) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [70.0] * 12, t0_us=HOUR_US - 100 * HOUR)
    asked = between(HOUR_US - 100 * HOUR, HOUR_US - 99 * HOUR)
    bearer = await api.bearer("nina")

    first = await api.http.get(PATH, params=asked, headers=bearer)
    again = await api.http.get(
        PATH, params=asked, headers=bearer | {"If-None-Match": first.headers["etag"]}
    )
    await api.store_vitals("p-north1", "ecg-north1", [75.0], t0_us=HOUR_US - 100 * HOUR + 61_000)
    corrected = await api.http.get(
        PATH, params=asked, headers=bearer | {"If-None-Match": first.headers["etag"]}
    )
    now = await api.http.get(PATH, params={"measure": "heart_rate"}, headers=bearer)

    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Authorization, Accept-Encoding"
    assert (again.status_code, again.content) == (304, b"")
    assert corrected.status_code == 200
    assert now.headers["cache-control"] == "no-store"
    assert "etag" not in now.headers
    assert len(await api.audit(action="read_vitals", outcome="granted")) == 4


async def test_what_cannot_be_answered_is_refused_with_its_reason(api: System) -> None:
    bearer = await api.bearer("nina")
    for more, reason in (
        ({"from": to_text(HOUR_US - 60_000 * HOUR)}, "range_too_long"),
        ({"method": "guess"}, "invalid"),
        ({"device": "UPPER"}, "invalid"),
    ):
        answer = await api.http.get(
            PATH, params=between(HOUR_US, HOUR_US + HOUR) | more, headers=bearer
        )
        assert (answer.status_code, answer.json()["code"]) == (422, reason), more


async def test_a_measure_in_several_measures_is_not_mixed(api: System) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [70.0], t0_us=HOUR_US)
    await api.store_vitals(
        "p-north1", "ecg-north1", [97.0], t0_us=HOUR_US + 1, measure=Measure.SPO2
    )
    body = (await api.get(PATH, "nina", **between(HOUR_US, HOUR_US + HOUR))).json()
    assert [point["value"] for point in body["points"]] == [70.0]


async def test_of_codes_the_most_frequent_is_shown_with_the_share_of_each(api: System) -> None:
    lying, sitting, standing = 4.0, 2.0, 1.0
    first = [lying] * 400 + [sitting] * 200 + [standing] * 120  # an hour, a value each 5 s
    second = [standing] * 360 + [lying] * 359 + [math.nan]
    await api.store_vitals(
        "p-north1", "ecg-north1", first + second, t0_us=HOUR_US, measure=Measure.POSTURE
    )
    asked = between(HOUR_US, HOUR_US + 2 * HOUR, points=4, measure="posture")
    before = (await api.get(PATH, "nina", **asked)).json()
    await roll_up(api, done_us=HOUR_US + HOUR)
    hours = (await api.get(PATH, "nina", **asked | {"points": 2})).json()
    longer = between(HOUR_US, HOUR_US + 4 * HOUR, points=2, measure="posture")
    both = (await api.get(PATH, "nina", **longer)).json()

    assert [point["value"] for point in before["points"]] == [lying, sitting, standing, lying]
    assert before["points"][0]["shares"] == {"4": 1.0}
    assert before["points"][1]["shares"] == {"1": 0.3333, "2": 0.5556, "4": 0.1111}
    assert [point["value"] for point in hours["points"]] == [lying, standing]
    assert hours["points"][0]["shares"] == {"1": 0.1667, "2": 0.2778, "4": 0.5556}
    assert [(point["value"], point["n"]) for point in both["points"]] == [(lying, 1439)]
    for answer in (before, hours, both):
        Vitals.model_validate(answer)
        for point in answer["points"]:
            assert sum(point["shares"].values()) == pytest.approx(1, abs=1e-3)
            assert "total" not in point


async def test_steps_of_a_bucket_are_their_sum(api: System) -> None:
    counts = [float(index % 10) for index in range(2 * 720)]
    await api.store_vitals("p-north1", "ecg-north1", counts, t0_us=HOUR_US, measure=Measure.STEPS)
    await roll_up(api, done_us=HOUR_US + HOUR)
    asked = between(HOUR_US, HOUR_US + 4 * HOUR, points=2, measure="steps")
    (point,) = (await api.get(PATH, "nina", **asked)).json()["points"]
    assert point["total"] == sum(counts)
    assert "shares" not in point
