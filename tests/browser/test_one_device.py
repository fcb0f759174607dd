"""One device that is silent: its values age out, and nobody else's do."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.client import silenced
from tests.browser.running_system import RunningSystem
from tests.browser.screen import DASHES, Screen
from tests.harness.eventually import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

BED, DEVICE = "08", "sim-bed-08"
AGED_WITHIN_MS = 90_000  # the command's way, then ten seconds of a value's life
LIVE = ("hr", "spo2", "rr")  # what is measured each second
# Beds whose number stands, for each of the live values.
WITH_NUMBERS = """(names) => names.map((name) => {
  const cells = [...document.querySelectorAll(`[data-testid^=num-${name}-]`)];
  return cells.filter((cell) => /\\d/.test(cell.querySelector('[data-value]').textContent))
    .map((cell) => cell.dataset.testid.slice(-2));
})"""


async def test_one_device_that_stops_takes_only_its_own_values_with_it(
    screen: Screen, system: RunningSystem
) -> None:
    page = screen.page
    await screen.log_in()
    await screen.see_ward()
    tile = page.get_by_test_id(f"tile-{BED}")
    await expect(screen.value(f"num-hr-{BED}")).to_have_text(re.compile(r"\d+"))
    async with silenced(system, DEVICE):
        for name in LIVE:
            cell = page.get_by_test_id(f"num-{name}-{BED}")
            await expect(cell.locator("[data-value]")).to_contain_text(
                DASHES, timeout=AGED_WITHIN_MS
            )
            await expect(cell).not_to_have_attribute("data-state", re.compile("fresh|ageing"))
        await expect(page.get_by_test_id(f"num-hr-{BED}")).to_contain_text(re.compile(r"was \d+"))
        await expect(tile.get_by_text("No data")).to_be_visible()

        # the others have electrodes that come loose and networks that fail, but not all at once
        async def others_go_on() -> bool:
            for name, beds in zip(LIVE, await page.evaluate(WITH_NUMBERS, LIVE), strict=True):
                assert BED not in beds, name
                assert len(beds) >= 5, (name, beds)
            return True

        await eventually(others_go_on)
        await expect(page.get_by_test_id("link-state")).to_have_attribute("data-state", "live")
