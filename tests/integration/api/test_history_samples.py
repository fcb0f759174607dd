"""Stored samples: hot frames and cold blocks as one, at any zoom, and of the patient alone."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from services.api.resources.waveforms.schemas import Waveform
from shared.contracts.instants import HOUR, MINUTE, SECOND, to_text
from tests.integration.api.compacting import compact
from tests.integration.api.system import T0_US, System

PATH = "/v1/patients/p-north1/waveforms"
HZ = 10


async def worn_since_2020(api: System) -> None:
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")


async def asked(api: System, start_us: int, end_us: int, **more: Any) -> dict[str, Any]:
    answer = await api.get(
        PATH, "nina", stream="ecg", **{"from": to_text(start_us), "to": to_text(end_us)}, **more
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    Waveform.model_validate(body)
    return body


def drawn(body: dict[str, Any]) -> list[Any]:
    return [
        (segment["start"], segment["hz"], segment["values"], segment["missing"])
        for segment in body["segments"]
    ]


def extremes(body: dict[str, Any]) -> tuple[float, float]:
    points = [point for part in body["segments"] for point in part["values"][0]]
    return min(points), max(points)


async def test_the_border_of_frames_and_blocks_cannot_be_seen(api: System) -> None:
    """Random frames, holes and minutes in blocks; random ranges and points; one truth."""
    await worn_since_2020(api)
    rng = np.random.default_rng(11)
    there = rng.random(600) < 0.93
    there[130:230] = False
    seconds = {
        int(second): rng.integers(-900, 900, HZ).tolist() for second in np.flatnonzero(there)
    }
    seconds[77][3] = -32_768
    await api.store_frames("ecg-north1", seconds, hz=HZ, t0_us=T0_US + 400_000)
    questions = [
        (
            T0_US + int(rng.integers(-30, 500)) * SECOND + int(rng.integers(0, SECOND)),
            int(rng.integers(1, 640)) * SECOND,
            int(rng.choice([2, 3, 10, 57, 400, 5_000])),
        )
        for _ in range(12)
    ]
    truth = [await asked(api, start, start + span, points=p) for start, span, p in questions]
    n_moved = 0

    for minutes in ({0, 1, 4}, {2, 9}, set(range(10))):
        n_moved += await compact(api, "ecg-north1", {T0_US + minute * MINUTE for minute in minutes})
        for (start, span, points), before in zip(questions, truth, strict=True):
            after = await asked(api, start, start + span, points=points)
            if before["hz"] is not None and before["hz"] < 2 / 100:
                # A block counts what reaches over its minute to that minute.
                assert extremes(after) == extremes(before)
            else:
                assert drawn(after) == drawn(before)
            assert after["sources"][0]["n_samples"] >= before["sources"][0]["n_samples"] // 2
    assert n_moved == len(seconds)
    assert await api.database.fetchval("select count(*) from signal.frame") == 0


@pytest.mark.parametrize("cold", [False, True])
async def test_a_range_inside_of_a_frame_has_its_samples(api: System, *, cold: bool) -> None:
    await worn_since_2020(api)
    await api.store_frames(
        "ecg-north1",
        {second: [10 * second + index for index in range(HZ)] for second in range(70)},
        hz=HZ,
        t0_us=T0_US - 400_000,
    )
    if cold:
        await compact(api, "ecg-north1", {T0_US - MINUTE, T0_US, T0_US + MINUTE})

    inside = await asked(api, T0_US + 50_000, T0_US + 450_000)
    over = await asked(api, T0_US + 59_950_000, T0_US + 60_150_000)

    assert [part["values"][0] for part in inside["segments"]] == [[0.005, 0.006, 0.007, 0.008]]
    assert [part["values"][0] for part in over["segments"]] == [[0.604, 0.605]]


async def test_what_is_moved_while_it_is_read_is_given_once(api: System) -> None:
    await worn_since_2020(api)
    seconds = {second: [second] * HZ for second in range(120)}
    await api.store_frames("ecg-north1", seconds, hz=HZ)
    before = await asked(api, T0_US, T0_US + 2 * MINUTE)
    kept = await api.database.fetch("select * from signal.frame")
    await compact(api, "ecg-north1", {T0_US, T0_US + MINUTE})
    await api.database.executemany(
        "insert into signal.frame "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        [tuple(row.values()) for row in kept],
    )

    assert drawn(await asked(api, T0_US, T0_US + 2 * MINUTE)) == drawn(before)


async def test_from_far_a_peak_of_a_block_or_of_a_frame_is_not_lost(api: System) -> None:
    await worn_since_2020(api)
    seconds = {second: [second % 7] * HZ for second in range(0, 6 * 3_600, 10)}
    seconds[4_000][2], seconds[20_000][5] = 2_000, -1_500
    await api.store_frames("ecg-north1", seconds, hz=HZ)
    await compact(api, "ecg-north1", {T0_US + minute * MINUTE for minute in range(180)})

    body = await asked(api, T0_US, T0_US + 24 * HOUR, points=100)

    points = [point for part in body["segments"] for point in part["values"][0]]
    assert len(points) <= 100
    assert (max(points), min(points)) == (2.0, -1.5)
    assert body["segments"][0]["start"] == to_text(T0_US)


async def test_a_minute_is_cut_where_the_patient_took_the_device_off(api: System) -> None:
    await worn_since_2020(api)
    await api.store_frames("ecg-north1", {second: [second] * HZ for second in range(3_600)}, hz=HZ)
    await compact(api, "ecg-north1", {T0_US + minute * MINUTE for minute in range(60)})
    await api.database.execute(
        "update registry.assignment set ends = $2 where device_id = $1",
        api.hospital.devices["ecg-north1"],
        datetime.fromtimestamp((T0_US + 90_500_000) / 1e6, tz=UTC),
    )
    for points in (5_000, 2):
        body = await asked(api, T0_US, T0_US + HOUR, points=points)
        values = [v for part in body["segments"] for v in part["values"][0] if v is not None]
        assert max(values) == pytest.approx(0.09), points


async def test_devices_that_follow_each_other_are_one_trace_and_others_are_told(
    api: System,
) -> None:
    await worn_since_2020(api)
    await api.store_frames("ecg-north1", {second: [1] * HZ for second in range(30)}, hz=HZ)
    await api.store_frames("ecg-north2", {second: [2] * HZ for second in range(40, 60)}, hz=HZ)
    await api.store_frames("ecg-home01", {second: [3] * HZ for second in range(10)}, hz=HZ)
    await api.database.execute(
        "update registry.assignment set patient_id = $1 where device_id = any($2::integer[])",
        api.hospital.patients["p-north1"],
        [api.hospital.devices["ecg-north2"], api.hospital.devices["ecg-home01"]],
    )

    both = await asked(api, T0_US, T0_US + MINUTE)
    beside = await asked(api, T0_US, T0_US + MINUTE, device="ecg-home01")

    assert [(part["device"], part["values"][0][0]) for part in both["segments"]] == [
        ("ecg-north1", 0.001),
        ("ecg-north2", 0.002),
    ]
    assert [source["device"] for source in both["sources"]] == [
        "ecg-north1",
        "ecg-north2",
        "ecg-home01",
    ]
    assert [part["device"] for part in beside["segments"]] == ["ecg-home01"]


async def test_a_block_that_cannot_be_read_is_a_gap(api: System) -> None:
    await worn_since_2020(api)
    await api.store_frames("ecg-north1", {second: [1] * HZ for second in range(180)}, hz=HZ)
    await compact(api, "ecg-north1", {T0_US + minute * MINUTE for minute in range(3)})
    await api.database.execute(
        "update signal.block set content = substring(content from 1 for 40) where t0 = $1",
        T0_US + MINUTE,
    )

    body = await asked(api, T0_US, T0_US + 3 * MINUTE, points=5_000)

    assert [part["start"] for part in body["segments"]] == [
        to_text(T0_US),
        to_text(T0_US + 2 * MINUTE),
    ]


async def test_what_costs_too_much_is_refused_with_a_way_out(api: System) -> None:
    await worn_since_2020(api)
    await api.store_frames("ecg-north1", {0: [1] * HZ}, hz=HZ)
    await compact(api, "ecg-north1", {T0_US})
    await api.database.execute("update signal.block set n_samples = 200000000")

    answer = await api.get(
        PATH,
        "nina",
        stream="ecg",
        points=5_000,
        **{"from": to_text(T0_US), "to": to_text(T0_US + HOUR)},
    )
    far = await asked(api, T0_US, T0_US + 24 * HOUR, points=500)

    assert (answer.status_code, answer.json()["code"]) == (422, "too_costly")
    assert "fewer points" in answer.json()["detail"]
    assert len(far["segments"]) == 1


async def test_a_stream_that_was_never_sent_and_an_empty_range_are_empty(api: System) -> None:
    await worn_since_2020(api)
    await api.store_frames("ecg-north1", {0: [1] * HZ}, hz=HZ)
    for start_us, end_us in ((T0_US - HOUR, T0_US - MINUTE), (T0_US, T0_US)):
        body = await asked(api, start_us, end_us)
        assert (body["segments"], body["sources"], body["hz"]) == ([], [], None)


async def test_samples_that_are_over_may_be_kept(api: System) -> None:
    await worn_since_2020(api)
    start = T0_US - 1_000 * HOUR
    await api.store_frames("ecg-north1", {0: [1] * HZ}, hz=HZ, t0_us=start)
    bearer = await api.bearer("nina")
    parameters = {"stream": "ecg", "from": to_text(start), "to": to_text(start + MINUTE)}
    first = await api.http.get(PATH, params=parameters, headers=bearer)
    again = await api.http.get(
        PATH, params=parameters, headers=bearer | {"If-None-Match": first.headers["etag"]}
    )
    assert (first.status_code, again.status_code) == (200, 304)
