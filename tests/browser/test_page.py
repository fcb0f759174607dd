"""A nurse's tasks: log in, see the ward, open a patient, deal with an alarm."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.provoked import alarm_at
from tests.browser.running_system import RunningSystem
from tests.browser.screen import LAPTOP, PHONE, WALL, Screen
from tests.harness.eventually import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ALARM_WITHIN_MS = 180_000  # the alarm rules look for new limits now and then
CALLING = "article[data-testid=tile-{}][data-loudness=active]"
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

    async def rates_of_six() -> list[int]:
        shown = await screen.page.locator("[data-testid^=num-hr] [data-value]").all_inner_texts()
        rates = [int(text.split()[0].lstrip("?")) for text in shown if re.match(r"\??\d", text)]
        return rates if len(rates) >= 6 else []  # in a moment of noise a heart has no number

    rates = await eventually(rates_of_six)
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
    await screen.page.wait_for_function(f"(before) => ({CANVAS_HASH})() !== before", arg=before)
    await screen.page.get_by_test_id("freeze").click()
    await expect(screen.page.get_by_text("numbers live")).to_be_visible()
    frozen = await screen.page.evaluate(CANVAS_HASH)
    first_tick = await screen.page.get_by_test_id("clock").inner_text()
    await expect(screen.page.get_by_test_id("clock")).not_to_have_text(first_tick)
    assert await screen.page.evaluate(CANVAS_HASH) == frozen


async def test_an_alarm_is_acknowledged_and_says_by_whom(
    screen: Screen, system: RunningSystem
) -> None:
    await screen.log_in()
    async with alarm_at(system, "05"):
        await screen.page.locator(CALLING.format("05")).wait_for(timeout=ALARM_WITHIN_MS)
        await screen.page.get_by_test_id("tile-05").click()
        banner = screen.page.get_by_test_id("banner-05")
        await expect(banner).to_contain_text("Breathing rate high")
        alarm = await banner.get_attribute("data-alarm")
        await screen.page.get_by_test_id("ack").click()
        await expect(banner).to_contain_text("seen by")
        assert await banner.get_attribute("data-alarm") == alarm
        await expect(screen.page.get_by_test_id("ack")).to_have_count(0)


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
    async with alarm_at(system, "06"):
        await page.locator(CALLING.format("06")).wait_for(timeout=ALARM_WITHIN_MS)
        focused = page.locator("article[data-testid^=tile-]:has(:focus)")
        await page.keyboard.press("ArrowRight")
        await expect(focused).to_have_count(1)
        tiles = await page.locator("article[data-testid^=tile-]").evaluate_all(
            "(tiles) => tiles.map((tile) => tile.dataset.key)"
        )
        for _ in range(tiles.index("06")):
            await page.keyboard.press("ArrowRight")
        await expect(focused).to_have_attribute("data-key", "06")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Bed 06")
        banner = page.get_by_test_id("banner-06")
        await expect(banner).to_contain_text("Breathing rate high")
        await page.keyboard.press("a")
        await expect(banner).to_contain_text("seen by")
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


async def test_a_pause_comes_from_the_server_and_survives_a_reload(
    screen: Screen, system: RunningSystem
) -> None:
    # the last test of the file: it quiets the ward for a minute
    await screen.log_in()
    async with alarm_at(system, "07"):
        await screen.page.locator(CALLING.format("07")).wait_for(timeout=ALARM_WITHIN_MS)
        await screen.page.get_by_label("Length of the pause").select_option("1")
        await screen.page.get_by_test_id("pause").click()
        paused = screen.page.locator(
            "article[data-testid=tile-07]:not([data-loudness=active])[data-loudness]"
        )
        await expect(paused).to_be_visible()
        await screen.page.reload()
        await expect(paused).to_be_visible()  # not the whole ward first: the minute runs
        await expect(screen.page.get_by_test_id("banner-07")).to_contain_text(
            re.compile(r"[01]:\d\d")
        )
