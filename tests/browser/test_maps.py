"""Maps of places: a technician brings one, looks at its plan and takes it into use."""

import json
import re

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from tests.browser.running_system import RunningSystem
from tests.browser.screen import Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HALL = {
    "site": "browser",
    "floor": "2",
    "access_points": ["ap1", "ap2"],
    "rooms": [
        {"name": "Day room", "outline": [[0, 0], [12, 0], [12, 5], [0, 5]]},
        {"name": "Corridor", "outline": [[0, 5], [12, 5], [12, 8], [0, 8]]},
    ],
    "points": [{"x": 1, "y": 1, "dbm": [-50, None]}, {"x": 3, "y": 6, "dbm": [-60, -70]}],
}


async def give(page: Page, name: str, text: str) -> None:
    """Choose a file in the open dialog."""
    file: FilePayload = {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
    await page.get_by_label("File").set_input_files(files=file)


async def test_a_technician_brings_a_map_and_takes_it_into_use(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system)
    await screen.log_in("technician")
    page = screen.page
    await page.get_by_role("link", name="Maps of places").click()
    await page.get_by_role("button", name="Bring a map").click()
    dialog = page.get_by_role("dialog", name="Bring the map of a floor")
    await give(page, "browser-1.csv", "x,y,room,ap1,ap2\n1,1,Office,-50,-60\n2,1,Office,-50,7\n")
    await expect(dialog.get_by_label("Site")).to_have_value("browser")
    await expect(dialog.get_by_label("Floor")).to_have_value("1")
    await dialog.get_by_role("button", name="Bring", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("line 3, ap2")
    assert await screen.findings() == []

    await give(page, "hall.json", json.dumps(HALL))
    await expect(dialog.get_by_label("Site")).to_have_count(0)
    await dialog.get_by_role("button", name="Bring", exact=True).click()
    detail = page.get_by_role("region", name="Map of browser, floor 2, version 1")
    plan = detail.get_by_role("img", name="Plan of the floor with 2 rooms")
    await expect(plan.locator("polygon")).to_have_count(2)
    await detail.get_by_role("button", name="Take into use").click()
    await detail.get_by_role("button", name="Yes, take into use").click()
    row = page.get_by_test_id("map-browser-2-1")
    await expect(row).to_contain_text(re.compile("Starts within|In use"))
    assert await screen.findings() == []
    await detail.get_by_role("button", name="Remove").click()
    await detail.get_by_role("button", name="Yes, remove").click()
    await expect(row).to_have_count(0)
    # the refused file is told by the browser, too
    assert [text for text in screen.complaints if "422" not in text] == []
    await screen.close()


async def test_a_nurse_looks_at_maps_and_changes_none(screen: Screen) -> None:
    await screen.log_in()
    page = screen.page
    await page.goto(f"{screen.address}/maps")
    await expect(page.get_by_role("heading", name="Maps of places")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Bring|Remove|Take"))).to_have_count(0)
