"""How alarms look: told apart without colour, without motion, in every theme and at every size."""

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Browser, expect

from tests.browser.injected import inject_alarms
from tests.browser.palette import unpacked
from tests.browser.provoked import alarm_at
from tests.browser.running_system import RunningSystem
from tests.browser.screen import LAPTOP, WALL, Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FRAME = """(bed) => {
  const tile = document.querySelector(`article[data-testid=tile-${bed}]`);
  const frame = getComputedStyle(tile, '::after');
  const banner = document.querySelector(`[data-testid=banner-${bed}]`);
  return {
    frame: frame.content === 'none' ? 0 : parseFloat(frame.borderTopWidth),
    edge: frame.boxShadow !== 'none',
    mark: banner.textContent.match(/^!+/)?.[0],
    fill: getComputedStyle(banner).backgroundColor !== 'rgba(0, 0, 0, 0)',
    hatch: getComputedStyle(banner).backgroundImage !== 'none',
    moves: getComputedStyle(banner).animationName !== 'none',
  };
}"""


LEGIBLE = 4.5  # WCAG 2.2, 1.4.3
ALARM_WITHIN_MS = 180_000  # the alarm rules look for new limits now and then
# What lies under the middle of a tile, in every frame from now on, and since when a move is due.
WATCH_UNDER = """(bed) => {
  const place = document.querySelector(`[data-testid=tile-${bed}]`).getBoundingClientRect();
  const [x, y] = [place.x + place.width / 2, place.y + place.height / 2];
  const seen = { others: [], heldMs: NaN };
  globalThis.underPointer = seen;
  const look = (nowMs) => {
    const key = document.elementFromPoint(x, y)?.closest('[data-key]')?.dataset.key;
    if (key !== bed) seen.others.push(key ?? 'nothing');
    const held = document.querySelector('[data-testid=order-held]') !== null;
    if (!held) seen.heldMs = NaN;
    else if (Number.isNaN(seen.heldMs)) seen.heldMs = nowMs;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
# Longer than the five seconds between two moves and the ten that a hand is thought to rest.
RESTED = "() => performance.now() - globalThis.underPointer.heldMs > 12_000"
FORWARD = """([bed, was]) =>
  [...document.querySelectorAll('[data-key]')].findIndex((one) => one.dataset.key === bed) < was"""


async def contrast_in_grey(screen: Screen, bed: str) -> float:
    """Of the text of a banner and its fill, as a printer without colours has them (WCAG)."""
    picture = await screen.page.get_by_test_id(f"banner-{bed}").screenshot(animations="disabled")
    light = luminance(await unpacked(screen.page, picture))
    fill = float(np.median(light))  # most of a banner is its fill
    text = max(np.quantile(light, [0.01, 0.99]), key=lambda value: abs(float(value) - fill))
    dark, bright = sorted((fill, float(text)))
    return (bright + 0.05) / (dark + 0.05)


def luminance(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Relative luminance of sRGB pixels, 0 to 1 (WCAG 2.2)."""
    part = pixels.astype(np.float64) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


async def open_with_alarms(
    browser: Browser, system: RunningSystem, *, size: tuple[int, int] = WALL, theme: str = "dark"
) -> Screen:
    """The ward with one alarm of each look."""
    screen = await Screen.open(browser, system, size=size, theme=theme)
    await inject_alarms(screen.page)
    await screen.log_in()
    await screen.see_ward()
    await expect(screen.page.get_by_test_id("banner-01")).to_contain_text("SpO₂ 84 < 88")
    return screen


async def test_priorities_are_told_apart_without_colour_and_without_motion(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await open_with_alarms(browser, system)
    page = screen.page
    seen = {bed: await page.evaluate(FRAME, bed) for bed in ("01", "02", "04", "05", "06", "07")}
    marks = {bed: look["mark"] for bed, look in seen.items()}
    assert marks == {"01": "!!!", "02": "!!", "04": "!", "05": "!!", "06": "!!", "07": "!!!"}
    frames = {bed: look["frame"] for bed, look in seen.items() if look["frame"]}
    assert frames["01"] == 3
    assert frames["02"] == 2
    assert frames["04"] == frames["05"] == 1
    assert [bed for bed, look in seen.items() if look["edge"]] == ["01"]
    assert [bed for bed, look in seen.items() if look["hatch"]] == ["05"]
    assert [bed for bed, look in seen.items() if look["fill"]] == ["01", "02", "04", "05"]
    assert [bed for bed, look in seen.items() if look["moves"]] == ["01", "02"]
    # the worst patient is at the top left
    first = page.locator("article[data-testid^=tile-]").first
    await expect(first).to_have_attribute("data-key", "01")

    await page.emulate_media(reduced_motion="reduce")
    still = await page.evaluate(FRAME, "01")
    assert still["frame"] == 5
    assert not still["moves"]

    # on paper the fills stay, and what stands on them is legible in grey
    await page.emulate_media(media="print")
    for bed in ("01", "02", "04", "05"):
        banner = page.get_by_test_id(f"banner-{bed}")
        assert await banner.evaluate("(e) => getComputedStyle(e).printColorAdjust") == "exact"
        assert await contrast_in_grey(screen, bed) >= LEGIBLE, bed


async def test_focus_stays_with_the_patient_when_tiles_change_place(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await open_with_alarms(browser, system)
    page = screen.page
    # tiles move at most once in five seconds, and not while one has the focus
    third = page.locator("[data-key]").nth(2)
    await expect(third).to_have_attribute("data-key", "05")
    await page.get_by_test_id("tile-04").get_by_role("link").focus()
    before = await page.locator("[data-key]").evaluate_all("(t) => t.map((e) => e.dataset.key)")
    await (
        page.get_by_role("group", name="Order")
        .get_by_text("Bed", exact=True)
        .dispatch_event("click")
    )
    await expect(third).to_have_attribute("data-key", "03")
    after = await page.locator("[data-key]").evaluate_all("(t) => t.map((e) => e.dataset.key)")
    assert before != after
    await expect(page.locator("[data-key]:has(:focus)")).to_have_attribute("data-key", "04")
    await page.reload()
    await screen.see_ward()
    await expect(third).to_have_attribute("data-key", "03")


async def test_the_tile_under_the_pointer_stands_while_alarms_want_another_order(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system, size=WALL)
    page = screen.page
    await screen.log_in()
    await screen.see_ward()
    order = "(tiles) => tiles.map((tile) => tile.dataset.key)"
    tiles = page.locator("[data-key]")
    under = page.get_by_test_id("tile-05")
    await under.hover()
    before = await tiles.evaluate_all(order)
    await page.evaluate(WATCH_UNDER, "05")
    calm = page.locator("[data-key]:not([data-alarm])")
    last = str(await calm.last.get_attribute("data-key"))
    async with alarm_at(system, last):
        called = page.locator(f"[data-key='{last}'][data-loudness=active]")
        await called.wait_for(timeout=ALARM_WITHIN_MS)
        await page.get_by_test_id("order-held").wait_for()
        await page.wait_for_function(RESTED, timeout=ALARM_WITHIN_MS)
        assert await tiles.evaluate_all(order) == before
        assert await page.evaluate("() => globalThis.underPointer.others") == []
        # without a hand the one who calls comes forward
        await page.mouse.move(2, 2)
        await page.wait_for_function(FORWARD, arg=[last, before.index(last)])


async def test_letters_filter_read_and_pause_on_the_ward(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await open_with_alarms(browser, system, size=LAPTOP)
    page = screen.page
    tiles = page.locator("article[data-testid^=tile-]")
    await page.keyboard.press("1")
    await expect(tiles).to_have_count(1)
    await expect(page.get_by_test_id("count-high")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("1")
    await expect(tiles).to_have_count(8)
    await page.get_by_test_id("tile-01").get_by_role("link").focus()
    await page.keyboard.press("n")
    await expect(page.get_by_role("status").filter(has_text="SpO₂ 84 < 88")).to_have_count(1)

    # who speaks to the screen turns the letters off; arrows stay
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_role("switch", name="Single-letter keys").uncheck()
    await page.get_by_role("link", name="Ward", exact=True).click()
    await expect(tiles).to_have_count(8)
    looks = await page.locator("html").get_attribute("data-looks")
    for letter in ("1", "t", "n", "?", "f", "p"):
        await page.keyboard.press(letter)
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("[data-key]:has(:focus)")).to_have_count(1)
    await expect(tiles).to_have_count(8)
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await page.locator("html").get_attribute("data-looks") == looks
    assert await page.evaluate("() => document.fullscreenElement === null")
