"""The alarms page: what stands is acknowledged, limits are set with a reason, the past is told."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.provoked import alarm_at
from tests.browser.running_system import RunningSystem
from tests.browser.screen import PHONE, Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ALARM_WITHIN_MS = 180_000  # the alarm rules look for new limits now and then
THUMB_PX = 44


async def see_alarms(screen: Screen, user: str = "nurse") -> Page:
    """Sign in and go to the alarms."""
    await screen.log_in(user)
    await screen.page.get_by_role("link", name="Alarms").click()
    await expect(screen.page.get_by_role("heading", name="Alarms")).to_be_visible()
    await expect(screen.page.get_by_test_id("limit-spo2")).to_be_visible()
    return screen.page


async def test_an_alarm_is_acknowledged_in_the_list_and_told_in_the_history(
    screen: Screen, system: RunningSystem
) -> None:
    page = await see_alarms(screen)
    async with alarm_at(system, "04"):
        row = page.get_by_test_id("alarm-row-04-respiration_rate")
        await expect(row).to_contain_text("Breathing rate high", timeout=ALARM_WITHIN_MS)
        await expect(row).to_have_attribute("data-loudness", "active")
        await expect(row).to_contain_text(re.compile(r"\d+ > 6"))
        await row.get_by_role("button", name="Acknowledge").click()
        await expect(row).to_have_attribute("data-loudness", "acknowledged")
        await expect(row).to_contain_text("by Nurse of ward A")
        await expect(row.get_by_role("button", name="Acknowledge")).to_have_count(0)
        past = page.get_by_test_id("past-04-respiration_rate_high").first
        await expect(past).to_contain_text("Acknowledged by Nurse of ward A, goes on")
    await expect(row).to_have_count(0, timeout=ALARM_WITHIN_MS)
    await expect(past).to_contain_text(re.compile("Acknowledged in|Ended"))
    await page.keyboard.press("/")
    await page.keyboard.type("no such alarm")
    await expect(page.get_by_text("No alarm fits")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(past).to_be_visible()


async def test_a_thumb_acknowledges_with_five_seconds_to_take_it_back(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system, size=PHONE)
    page = await see_alarms(screen)
    async with alarm_at(system, "03"):
        row = page.get_by_test_id("alarm-row-03-respiration_rate")
        button = row.get_by_role("button", name=re.compile("Acknowledge|Undo"))
        await expect(button).to_be_visible(timeout=ALARM_WITHIN_MS)
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= THUMB_PX
        await button.click()
        await expect(button).to_contain_text("Undo (")
        await button.click()
        await expect(button).to_have_text("Acknowledge")
        await expect(row).to_have_attribute("data-loudness", "active")
        await button.click()
        await expect(row).to_have_attribute("data-loudness", "acknowledged")


async def test_a_wider_limit_asks_for_a_reason_and_does_not_overwrite_another_change(
    browser: Browser, system: RunningSystem
) -> None:
    mine = await Screen.open(browser, system)
    theirs = await Screen.open(browser, system)
    page, other = await see_alarms(mine), await see_alarms(theirs, "clinician")
    for each in (page, other):
        await each.get_by_label("Patient whose limits are shown").select_option(
            label="Bed 02, " + (await initials_at(each, "02"))
        )
    low = page.get_by_label("Oxygen saturation lower limit", exact=True)
    save = page.get_by_test_id("save-limits")
    await expect(low).to_have_value("90")
    await expect(save).to_be_disabled()
    await low.fill("104")
    await expect(page.get_by_test_id("limit-spo2")).to_contain_text("Takes values from")
    await low.fill("88")
    await expect(save).to_be_disabled()
    await page.get_by_label("Less alarm than before: say why").fill("target 88 to 92")
    await save.click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(page.get_by_test_id("limit-spo2")).to_contain_text("Reason: target 88 to 92")

    await other.get_by_label("Oxygen saturation lower limit up").click()
    await other.get_by_test_id("save-limits").click()
    await expect(other.get_by_text("Somebody else changed these limits")).to_be_visible()
    await other.get_by_role("button", name="Show theirs").click()
    await expect(other.get_by_label("Oxygen saturation lower limit", exact=True)).to_have_value(
        "88"
    )

    await page.get_by_role("button", name="back to the ward default").click()
    await save.click()
    await expect(page.get_by_test_id("limit-spo2")).not_to_contain_text("Set for this patient")
    for screen in (mine, theirs):
        await screen.close()


async def initials_at(page: Page, bed: str) -> str:
    """Of the patient in a bed, as the choice of the limits names them."""
    texts = (
        await page.get_by_label("Patient whose limits are shown")
        .locator("option")
        .all_inner_texts()
    )
    return next(text.split(", ")[1] for text in texts if text.startswith(f"Bed {bed}, "))


async def test_a_viewer_sees_limits_and_alarms_and_changes_neither(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system)
    page = await see_alarms(screen, "viewer")
    await expect(page.get_by_text("Your role may look at limits")).to_be_visible()
    await expect(page.get_by_label("Oxygen saturation lower limit", exact=True)).to_be_disabled()
    await expect(page.get_by_test_id("save-limits")).to_have_count(0)
