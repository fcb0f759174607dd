"""Axe finds nothing serious on any page, in any look, with an alarm of each kind on the ward."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.injected import inject_alarms
from tests.browser.running_system import RunningSystem
from tests.browser.screen import Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LOOKS = ("dark", "light", "night")
CONTRAST = "color-contrast"
PLACES = ("Ward", "Patient", "Alarms", "Devices", "Log", "Settings")
# The theme as a person chooses it, without the way to the settings and back.
CHOOSE = """(theme) => {
  document.documentElement.dataset.theme = theme === 'light' ? 'light' : 'dark';
  if (theme === 'night') document.documentElement.dataset.night = 'on';
  else delete document.documentElement.dataset.night;
}"""


async def test_axe_finds_nothing_serious_at_the_log_in(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system)
    assert await findings(screen) == {}


async def test_axe_finds_nothing_serious_on_any_page(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system)
    await inject_alarms(screen.page)
    await screen.log_in()
    found = {}
    for place in PLACES:
        await go(screen, place)
        found[place] = await findings(screen)
    assert {place: said for place, said in found.items() if said} == {}


async def go(screen: Screen, place: str) -> None:
    """To a page, until its content is there."""
    page = screen.page
    if place in ("Ward", "Patient"):
        await expect(page.get_by_test_id("banner-01")).to_contain_text("SpO₂ 84 < 88")
        if place == "Patient":
            await page.get_by_test_id("tile-01").click()
            await page.get_by_test_id("trend-canvas").wait_for()
        return
    await page.get_by_role("link", name=re.compile(f"^{place}")).click()
    await page.get_by_role("heading", name=place, level=2).wait_for()
    if place == "Alarms":
        await page.get_by_test_id("limit-spo2").wait_for()
    if place == "Log":
        await page.locator("[data-testid^=log-]").first.wait_for()
    if place == "Devices":
        await page.get_by_test_id("device-sim-bed-01").get_by_role("button").click()
        await page.get_by_role("region", name="Device sim-bed-01").wait_for()


async def findings(screen: Screen) -> dict[str, list[str]]:
    """What axe finds serious in each look; another theme changes colours alone."""
    found = {}
    for look in LOOKS:
        await screen.page.evaluate(CHOOSE, look)
        found[look] = await screen.findings({CONTRAST: True} if look != LOOKS[0] else None)
    await screen.page.evaluate(CHOOSE, LOOKS[0])
    await screen.page.emulate_media(forced_colors="active")
    # axe reads -webkit-text-fill-color, which Chromium does not force: it judges unseen colours
    found["forced colours"] = await screen.findings({CONTRAST: False})
    await screen.page.emulate_media(forced_colors="none")
    return {look: said for look, said in found.items() if said}
