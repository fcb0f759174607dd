"""A nurse's tasks: log in, see the ward, open a patient, deal with an alarm."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.running_system import RunningSystem
from tests.browser.screen import LAPTOP, PHONE, WALL, Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ALARM_WITHIN_MS = 200_000  # the schedule of the simulated patients brings several in three minutes
CANVAS_HASH = """() => {
  const canvas = document.querySelector('[data-testid=live-canvas]');
  return canvas.toDataURL();
}"""


async def test_a_wrong_password_is_told_beside_the_field(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system)
    await screen.page.get_by_label("Name").fill("nurse")
    await screen.page.get_by_label("Password").fill("not the password")
    await screen.page.get_by_role("button", name="Sign in").click()
    await expect(screen.page.get_by_role("alert")).to_contain_text("Name or password is wrong")


async def test_the_ward_shows_live_numbers_of_every_bed(screen: Screen) -> None:
    await screen.log_in()
    await screen.see_ward()
    tiles = screen.page.locator("article[data-testid^=tile-]")
    await expect(tiles).to_have_count(8)
    rates = [
        int(text.split()[0].lstrip("?"))
        for text in await screen.page.locator(
            "[data-testid^=num-hr] [data-value]"
        ).all_inner_texts()
        if re.match(r"\??\d", text)
    ]
    assert len(rates) >= 6
    assert all(20 < rate < 250 for rate in rates)
    await expect(screen.page.get_by_test_id("simulated")).to_contain_text("Simulated data")
    await expect(screen.page.get_by_test_id("count-high").locator("i")).to_have_text(
        re.compile(r"\d+")
    )


async def test_a_reload_keeps_the_log_in(screen: Screen) -> None:
    await screen.log_in()
    await screen.page.reload()
    await screen.see_ward()


async def test_log_out_ends_at_the_log_in_and_stays_there(screen: Screen) -> None:
    await screen.log_in()
    await screen.page.get_by_role("button", name="Account").click()
    await screen.page.get_by_role("button", name="Sign out").click()
    await expect(screen.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await screen.page.reload()
    await expect(screen.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_the_ecg_moves(screen: Screen) -> None:
    await screen.log_in()
    await screen.see_ward()
    await screen.open_patient("01")
    before = await screen.page.evaluate(CANVAS_HASH)
    await screen.page.wait_for_function(
        f"(before) => ({CANVAS_HASH})() !== before", arg=before, timeout=2_000
    )
    await screen.page.get_by_test_id("freeze").click()
    await expect(screen.page.get_by_text("numbers live")).to_be_visible()
    frozen = await screen.page.evaluate(CANVAS_HASH)
    first_tick = await screen.page.get_by_test_id("clock").inner_text()
    await expect(screen.page.get_by_test_id("clock")).not_to_have_text(first_tick)
    assert await screen.page.evaluate(CANVAS_HASH) == frozen


async def test_an_alarm_is_acknowledged_and_says_by_whom(screen: Screen) -> None:
    await screen.log_in()
    calling = screen.page.locator("article[data-testid^=tile-][data-loudness=active]").first
    await calling.wait_for(timeout=ALARM_WITHIN_MS)
    bed = (await calling.get_attribute("data-key")) or ""
    await calling.click()
    banner = screen.page.get_by_test_id(f"banner-{bed}")
    await expect(banner).to_have_attribute("data-loudness", "active")
    alarm = await banner.get_attribute("data-alarm")
    latched = await banner.get_attribute("data-latched") is not None
    await screen.page.get_by_test_id("ack").click()
    await expect(
        screen.page.locator(f"[data-alarm='{alarm}'][data-loudness=active]")
    ).to_have_count(0)
    if not latched and await screen.page.locator(f"[data-alarm='{alarm}']").count():
        await expect(banner).to_contain_text("seen by")


async def test_a_pause_comes_from_the_server_and_survives_a_reload(screen: Screen) -> None:
    await screen.log_in()
    calling = screen.page.locator("article[data-testid^=tile-][data-loudness=active]").first
    await calling.wait_for(timeout=ALARM_WITHIN_MS)
    await screen.page.get_by_test_id("pause").click()
    paused = screen.page.locator("article[data-testid^=tile-][data-loudness=silenced]").first
    await expect(paused).to_be_visible()
    await screen.page.reload()
    await screen.see_ward()
    await expect(paused).to_be_visible()
    key = await paused.get_attribute("data-key")
    await expect(screen.page.get_by_test_id(f"banner-{key}")).to_contain_text(
        re.compile(r"[012]:\d\d")
    )


async def test_the_keyboard_alone_finds_opens_acknowledges_and_returns(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system)
    page = screen.page
    await page.get_by_label("Name").focus()
    await page.keyboard.type("nurse")
    await page.keyboard.press("Tab")
    await page.keyboard.type(system.passwords["nurse"])
    await page.keyboard.press("Enter")
    await screen.see_ward()
    await page.locator("article[data-testid^=tile-][data-loudness=active]").first.wait_for(
        timeout=ALARM_WITHIN_MS
    )
    await page.keyboard.press("ArrowRight")
    focused = page.locator("article[data-testid^=tile-]:has(:focus)")
    await expect(focused).to_have_count(1)
    bed = await focused.get_attribute("data-key")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("live-canvas")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Bed {bed}")
    banner = page.get_by_test_id(f"banner-{bed}")
    await expect(banner).to_be_visible()
    alarm = await banner.get_attribute("data-alarm")
    await page.keyboard.press("a")
    await expect(page.locator(f"[data-alarm='{alarm}'][data-loudness=active]")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("article[data-testid^=tile-]")).to_have_count(8)


@pytest.mark.parametrize("size", [WALL, LAPTOP, PHONE], ids=["wall", "laptop", "phone"])
async def test_nothing_is_wider_than_the_screen(
    browser: Browser, system: RunningSystem, size: tuple[int, int]
) -> None:
    screen = await Screen.open(browser, system, size=size)
    await screen.log_in()
    await screen.see_ward()
    wider = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await screen.page.evaluate(wider) == 0
    await screen.open_patient("01")
    assert await screen.page.evaluate(wider) == 0
    if size == WALL:
        higher = (
            "() => document.documentElement.scrollHeight - document.documentElement.clientHeight"
        )
        await screen.page.keyboard.press("Escape")
        await screen.see_ward()
        assert await screen.page.evaluate(higher) == 0


@pytest.mark.parametrize("theme", ["dark", "light", "night"])
async def test_axe_finds_nothing_serious(
    browser: Browser, system: RunningSystem, theme: str
) -> None:
    screen = await Screen.open(browser, system, theme=theme)
    assert await screen.findings() == []
    await screen.log_in()
    await screen.see_ward()
    assert await screen.findings() == []
    await screen.open_patient("02")
    assert await screen.findings() == []
