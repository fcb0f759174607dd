"""The event log: what one does stands there at once with who and when; each sees what is theirs."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.client import signed_in
from tests.browser.running_system import RunningSystem
from tests.browser.screen import PHONE, Screen
from tests.harness.eventually import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SETTLED = "[data-asked=shown]"
LATER = "2026-01-02T03:05:00.000000Z"
WIDE = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth"""


async def see_log(screen: Screen, user: str) -> Page:
    """Sign in and go to the log, until it is there."""
    await screen.log_in(user)
    await screen.page.get_by_role("link", name="Log", exact=True).click()
    await expect(screen.page.get_by_role("heading", name="Event log")).to_be_visible()
    await screen.page.locator("[data-testid^=log-]").first.wait_for()
    return screen.page


async def test_what_a_nurse_asks_of_a_device_stands_there_with_its_outcome(
    screen: Screen, system: RunningSystem
) -> None:
    page = await see_log(screen, "nurse")
    await page.get_by_role("button", name="Command", exact=True).click()
    await expect(page).to_have_url(re.compile("topic=command"))
    await page.locator(SETTLED).first.wait_for()
    before = await page.get_by_test_id("log-command_device").count()
    async with signed_in(system, "nurse") as client:
        answer = await client.post("/v1/devices/sim-bed-03/commands", json={"name": "identify"})
        answer.raise_for_status()
    # nobody loads anything: the answer of the device is told by the live socket
    asked = page.get_by_test_id("log-command_device")
    await expect(asked).to_have_count(before + 1)
    await expect(asked.first).to_contain_text("Asked to identify")
    await expect(asked.first).to_contain_text("03")
    await expect(asked.first).to_contain_text("Nurse")
    await expect(asked.first).to_contain_text(re.compile("done|failed|refused"))
    ended = page.get_by_test_id("log-command_finished").first
    await expect(ended.get_by_role("link", name="Open device sim-bed-03")).to_be_visible()

    await page.keyboard.press("/")
    await page.keyboard.type("bed 03 identify")
    await expect(asked.first).to_be_visible()
    await page.keyboard.type(" nobody")
    await expect(page.get_by_text("No loaded event fits")).to_be_visible()
    await page.keyboard.press("Escape")
    await ended.get_by_role("link", name="Open device sim-bed-03").click()
    await expect(page.get_by_role("region", name="Device sim-bed-03")).to_be_visible()


async def test_the_log_is_narrowed_exported_and_outlives_a_reload(screen: Screen) -> None:
    page = await see_log(screen, "nurse")
    await page.goto(f"{screen.address}/log?device=sim-bed-02&range=7d")
    await page.locator(f"{SETTLED} [data-testid^=log-]").first.wait_for()
    for link in await page.get_by_role("link", name=re.compile("^Open device")).all():
        await expect(link).to_have_text("sim-bed-02")
    await expect(page.get_by_label("Time")).to_have_value("7d")
    shown = page.locator("[data-testid^=log-]")
    n_before = await shown.count()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export CSV").click()
    path = await (await download.value).path()
    rows = list(csv.DictReader(io.StringIO(Path(path).read_bytes().decode())))
    assert n_before <= len(rows)

    async def all_are_shown() -> bool:  # it is live: more may have come, to the file first
        return len(rows) <= await shown.count()

    await eventually(all_are_shown)
    assert {row["device"] for row in rows} == {"sim-bed-02"}
    assert all(row["time_utc"].endswith("Z") and row["event"] for row in rows)
    await page.get_by_role("button", name=re.compile("^Show all again")).click()
    await expect(page).not_to_have_url(re.compile("device="))

    await page.goto(f"{screen.address}/log?patient=p-zzzzz")
    await expect(page.get_by_text("There is no such patient or device")).to_be_visible()
    screen.complaints.clear()  # the browser's own line of the 404


async def test_who_reads_further_down_is_not_moved_by_what_is_new(
    screen: Screen, system: RunningSystem
) -> None:
    page = screen.page
    told = [an_event(number) for number in range(60, 0, -1)]

    async def answer(route: Route) -> None:
        await route.fulfill(json={"items": told, "next": None})

    await page.route("**/v1/events?*", answer)
    await see_log(screen, "nurse")
    rows = page.locator("[data-testid^=log-]")
    await expect(rows).to_have_count(60)
    await rows.nth(40).scroll_into_view_if_needed()
    await expect(page.get_by_role("button", name=re.compile("new event"))).to_have_count(0)
    place = await rows.nth(40).bounding_box()
    told.insert(0, an_event(61))
    async with signed_in(system, "nurse") as client:  # news, so that the page looks again at once
        (await client.post("/v1/devices/sim-bed-04/commands", json={"name": "identify"}))
    fresh = page.get_by_role("button", name="1 new event")
    await expect(fresh).to_be_visible()
    assert await rows.nth(40).bounding_box() == place
    await fresh.click()
    await expect(rows).to_have_count(61)
    await expect(rows.first).to_contain_text("Battery low: 61")
    await page.wait_for_function("() => window.scrollY === 0")


def an_event(number: int) -> dict[str, Any]:
    """As the log has it; the number is what it tells."""
    return {
        "id": f"e{number:03}",
        "t": f"2026-01-02T03:04:{number % 60:02}.{number:06}Z" if number < 60 else LATER,
        "topic": "device",
        "kind": "battery_low",
        "severity": "low",
        "source": "gateway",
        "by": None,
        "by_name": None,
        "outcome": None,
        "reason": None,
        "patient": None,
        "bed": None,
        "device": None,
        "text_key": "battery_low",
        "data": {"percent": number},
    }


async def test_a_technician_sees_devices_and_no_alarm(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system, size=PHONE)
    page = await see_log(screen, "technician")
    await expect(page.get_by_test_id("log-alarm")).to_have_count(0)
    await expect(page.get_by_role("link", name=re.compile("^Open bed"))).to_have_count(0)
    await expect(page.get_by_role("button", name="Alarm", exact=True)).to_have_count(0)
    assert not await page.evaluate(WIDE)
    await screen.close()
    assert screen.complaints == []
