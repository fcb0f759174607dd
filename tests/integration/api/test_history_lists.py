"""Beats, events and alarms: filters, ranges, and cursors that rows coming in do not move."""

from typing import Any

import pytest

from shared.contracts.instants import DAY, HOUR, SECOND, to_text
from tests.integration.api.system import T0_US, System

P = "/v1/patients/p-north1"


def span(start_us: int, end_us: int) -> dict[str, Any]:
    return {"from": to_text(start_us), "to": to_text(end_us)}


async def all_pages(api: System, path: str, **parameters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        body = (await api.get(path, "nina", cursor=cursor, **parameters)).json()
        items += body["items"]
        if body["next"] is None:
            return items
        cursor = body["next"]


async def test_rows_that_come_in_between_pages_move_nothing(api: System) -> None:
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")
    for index in range(6):
        await api.store_event(f"e{index}", T0_US + index, "lead_off", patient="p-north1")
    asked = span(T0_US - 1, T0_US + HOUR)

    first = (await api.get(f"{P}/events", "nina", limit=2, **asked)).json()
    await api.store_event("e9", T0_US + 9, "lead_off", patient="p-north1")
    await api.store_event("e35", T0_US + 3, "lead_off", device="ecg-north1")
    rest = (await api.get(f"{P}/events", "nina", limit=9, cursor=first["next"], **asked)).json()

    assert [item["id"] for item in first["items"]] == ["e5", "e4"]
    assert [item["id"] for item in rest["items"]] == ["e35", "e3", "e2", "e1", "e0"]


async def test_events_can_be_asked_for_by_kind_and_over_a_year(api: System) -> None:
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")
    await api.store_event("a", T0_US - 300 * DAY, "lead_off", patient="p-north1")
    await api.store_event("b", T0_US, "lead_on", device="ecg-north1")
    await api.store_event("c", T0_US, "lead_off", device="ecg-south1")
    year = span(T0_US - 365 * DAY, T0_US + 1)

    both = await all_pages(api, f"{P}/events", limit=1, **year)
    one = await all_pages(api, f"{P}/events", kind="lead_on", **year)
    unknown = await api.get(f"{P}/events", "nina", kind="party", **year)

    assert [item["id"] for item in both] == ["b", "a"]
    assert [item["id"] for item in one] == ["b"]
    assert unknown.status_code == 422


@pytest.mark.parametrize("limit", [1, 3, 1_000])
async def test_beats_of_one_kind_and_device_come_whole_over_pages(api: System, limit: int) -> None:
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")
    times = [T0_US + index * SECOND for index in range(7)]
    await api.store_beats("ecg-north1", times)
    await api.database.execute(
        "insert into signal.beat select device_id, t, 2, class, revision, rr_ms, quality "
        "from signal.beat"
    )
    asked = span(T0_US, T0_US + HOUR)

    both = await all_pages(api, f"{P}/beats", limit=limit, **asked)
    peaks = await all_pages(api, f"{P}/beats", limit=limit, kind="r_peak", **asked)
    others = await all_pages(api, f"{P}/beats", limit=limit, device="ecg-north2", **asked)

    assert [item["t"] for item in both] == [to_text(t) for t in times for _ in range(2)]
    assert [item["kind"] for item in peaks] == ["r_peak"] * 7
    assert others == []


async def test_alarms_that_stood_in_a_time_are_found_whenever_they_began(api: System) -> None:
    await api.store_alarm("past", "p-north1", since_us=T0_US, state="ended")
    await api.database.execute(
        "update alarm.alarm set ended_us = $1 where id = 'past'", T0_US + HOUR
    )
    await api.store_alarm("now", "p-north1", since_us=T0_US + 2 * HOUR)
    await api.store_alarm("south", "p-south1", since_us=T0_US)

    async def found(start_us: int, end_us: int, **more: Any) -> list[str]:
        items = await all_pages(
            api, "/v1/alarms", state="all", limit=1, **span(start_us, end_us), **more
        )
        assert all(item["state"] in {"active", "ended"} for item in items)
        return [item["id"] for item in items]

    assert await found(T0_US + HOUR // 2, T0_US + HOUR) == ["past"]
    assert await found(T0_US, T0_US + 3 * HOUR) == ["now", "past"]
    assert await found(T0_US + 5 * HOUR, T0_US + 6 * HOUR) == ["now"]
    assert await found(T0_US - HOUR, T0_US) == []
    assert await found(T0_US, T0_US + 3 * HOUR, priority="high") == []
    everything = await all_pages(api, "/v1/alarms", state="all")
    assert [item["id"] for item in everything] == ["now", "past"]
    reversed_ = await api.get("/v1/alarms", "nina", **span(T0_US, T0_US - 1))
    assert (reversed_.status_code, reversed_.json()["code"]) == (422, "range_reversed")


async def test_a_cursor_of_another_list_is_refused(api: System) -> None:
    for index in range(3):
        await api.store_event(f"e{index}", T0_US + index, "lead_off", patient="p-north1")
    asked = span(T0_US - 1, T0_US + HOUR)
    cursor = (await api.get(f"{P}/events", "nina", limit=1, **asked)).json()["next"]
    answer = await api.get(f"{P}/beats", "nina", cursor=cursor, **asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")
