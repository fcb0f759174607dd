"""The page of one patient: back in time by trend and strip, caliper and true millimetres."""

import re

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.provoked import alarm_at
from tests.browser.running_system import RunningSystem
from tests.browser.screen import PHONE, Screen
from tests.browser.silence import fall_silent_in_time
from tests.harness.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

STORED_WITHIN_MS = 90_000
ANSWER_WITHIN_MS = 60_000  # of the server, on a busy machine
MARKED_WITHIN_MS = 180_000  # the axis moves on twice a minute, and asks for what happened
DAY_S = 86_400
# The canvas is copied before it is read: reading it itself would slow it down, and it says so.
SCRATCH = """(id) => {
  const canvas = document.querySelector(`[data-testid=${id}]`);
  const {width, height} = canvas;
  const scratch = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
  const context = scratch.getContext('2d', {willReadFrequently: true});
  if (width > 10) context.drawImage(canvas, 0, 0);
  return {canvas, context, width, height};
}"""
INK = f"""(id) => {{
  const {{context, width, height}} = ({SCRATCH})(id);
  if (width < 10) return 0;
  const pixels = context.getImageData(0, 0, width, height).data;
  const colours = new Set();
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200) {{
    colours.add(`${{pixels[i]}},${{pixels[i + 1]}},${{pixels[i + 2]}}`);
  }}
  return colours.size;
}}"""
# Whether there is ink in the strip under the ECG, where no signal is ever drawn.
LETTERS = f"""() => {{
  const {{canvas, context, width}} = ({SCRATCH})('live-canvas');
  if (width < 10) return false;
  const ratio = width / canvas.clientWidth;
  const lane = canvas.parentElement.parentElement.firstElementChild.firstElementChild;
  const bottom = lane.getBoundingClientRect().bottom - canvas.getBoundingClientRect().top;
  const top = Math.round((bottom - 15) * ratio);
  const pixels = context.getImageData(0, top, width, Math.round(10 * ratio)).data;
  let ink = 0;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 100) ink += 1;
  return ink > 30;
}}"""
# Columns of the paper that are a bold line over their whole height, in CSS pixels.
BOLD_LINES = f"""() => {{
  const {{canvas, context, width}} = ({SCRATCH})('ecg-strip');
  const probe = new OffscreenCanvas(1, 1).getContext('2d', {{willReadFrequently: true}});
  probe.fillStyle = getComputedStyle(canvas).getPropertyValue('--paper-5');
  probe.fillRect(0, 0, 1, 1);
  const ink = [...probe.getImageData(0, 0, 1, 1).data].join();
  const ratio = width / canvas.clientWidth;
  const found = [];
  for (let x = 0; x < width; x++) {{
    const column = context.getImageData(x, Math.round(30 * ratio), 1, Math.round(100 * ratio)).data;
    let bold = 0;
    for (let i = 0; i < column.length; i += 4) {{
      if ([...column.slice(i, i + 4)].join() === ink) bold += 1;
    }}
    if (bold > column.length / 4 * 0.8) found.push(x / ratio);
  }}
  return found;
}}"""


async def opened(screen: Screen, bed: str) -> Page:
    """The page of a bed, its trends drawn."""
    await screen.log_in()
    await screen.see_ward()
    await screen.open_patient(bed)
    await screen.page.get_by_test_id("trend-canvas").wait_for()
    return screen.page


async def see_strip(page: Page) -> None:
    """Wait until the newest stored signal is on the strip."""
    await page.get_by_test_id("strip").scroll_into_view_if_needed()
    await page.wait_for_function(f"() => ({INK})('ecg-strip') > 40", timeout=STORED_WITHIN_MS)


async def test_the_range_of_the_trends_stands_in_the_address(screen: Screen) -> None:
    page = await opened(screen, "01")
    for text, key in (("6 h", "6h"), ("24 h", "24h"), ("7 d", "7d")):
        await page.get_by_role("button", name=text, exact=True).click()
        await expect(page).to_have_url(re.compile(rf"range={key}"))
    await page.reload()
    await expect(page.get_by_role("button", name="7 d", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    await page.wait_for_function(f"() => ({INK})('trend-canvas') > 3")


async def test_the_trends_can_be_read_as_a_table_that_names_its_zone(screen: Screen) -> None:
    page = await opened(screen, "01")
    await expect(page.get_by_text("Dashed: the limits of now. Times in UTC")).to_be_visible()
    await page.get_by_role("button", name="Show as table").click()
    table = page.get_by_role("table")
    await expect(table.get_by_text("Times in UTC")).to_be_visible()
    await expect(table.get_by_role("row")).to_have_count(13)
    newest = table.get_by_role("row").nth(1).get_by_role("cell")
    await expect(newest.first).to_have_text(
        re.compile(r"\d+( \(\d+–\d+\))?"), timeout=STORED_WITHIN_MS
    )


async def test_one_cursor_says_the_values_of_a_time_to_eye_and_ear(screen: Screen) -> None:
    page = await opened(screen, "01")
    cursor = page.get_by_test_id("trend-cursor")
    await cursor.focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowLeft")
    await expect(cursor).to_have_attribute(
        "aria-valuetext",
        re.compile(r"Heart rate \d+.*Oxygen saturation \d+"),
        timeout=STORED_WITHIN_MS,
    )
    await page.keyboard.press("Home")
    await expect(cursor).to_have_attribute("aria-valuetext", re.compile("no values"))


async def test_an_alarm_stands_on_the_axis_and_leads_to_its_signal(
    screen: Screen, system: RunningSystem
) -> None:
    page = await opened(screen, "06")
    async with alarm_at(system, "06"):
        marker = page.get_by_role("group", name="Events and alarms").get_by_role(
            "button", name=re.compile("Medium alarm RR")
        )
        await marker.wait_for(timeout=MARKED_WITHIN_MS)
        await marker.click()
    review = page.get_by_test_id("signal-review")
    await expect(review).to_have_attribute("data-following", "false")
    await expect(page).to_have_url(re.compile(r"at=\d{4}"))


async def test_the_signal_is_moved_by_keys_and_comes_back_to_the_present(screen: Screen) -> None:
    page = await opened(screen, "02")
    await see_strip(page)
    review = page.get_by_test_id("signal-review")
    strip = page.get_by_test_id("strip")
    await expect(review).to_have_attribute("data-following", "true")
    await strip.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(review).to_have_attribute("data-following", "false")
    shown = page.get_by_test_id("strip-time")
    before = await shown.inner_text()
    for _ in range(3):
        await page.keyboard.press("ArrowLeft")
    after = await shown.inner_text()
    assert (_start(before) - _start(after)) % DAY_S == 3, (before, after)
    await page.get_by_role("button", name="A second later").click()
    assert (_start(await shown.inner_text()) - _start(after)) % DAY_S == 1
    await expect(page).to_have_url(re.compile(r"at=\d{4}"))
    await strip.focus()
    await page.keyboard.press("End")
    await expect(review).to_have_attribute("data-following", "true")
    await expect(page).not_to_have_url(re.compile(r"at="))


async def test_where_nothing_is_stored_the_page_says_so(screen: Screen) -> None:
    page = await opened(screen, "02")
    await page.goto(f"{page.url}?at=2020-01-02T03:04:05Z")
    await page.get_by_test_id("strip").scroll_into_view_if_needed()
    await expect(page.get_by_text("No stored signal at this time.")).to_be_visible(
        timeout=ANSWER_WITHIN_MS
    )
    review = page.get_by_test_id("signal-review")
    await review.get_by_role("button", name="Back to now").last.click()
    await see_strip(page)


async def test_a_failed_trend_says_what_failed_and_can_be_tried_again(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system)
    failing = True

    async def answer(route: Route) -> None:
        if failing and "measure=spo2" in route.request.url:
            await route.fulfill(status=503, json={"code": "unavailable", "detail": ""})
        else:
            await route.fallback()

    await screen.page.route("**/vitals?*", answer)
    page = await opened(screen, "01")
    failed = page.get_by_text("SpO₂: This trend could not be loaded.")
    await expect(failed).to_be_visible(timeout=ANSWER_WITHIN_MS)
    failing = False
    await page.get_by_label("Trends", exact=True).get_by_role("button", name="Try again").click()
    await expect(failed).to_have_count(0, timeout=ANSWER_WITHIN_MS)


async def test_the_running_ecg_has_the_class_of_each_beat_under_it(screen: Screen) -> None:
    """From the estimator over the live socket: nothing of it was asked for as history."""
    await screen.log_in()
    await screen.see_ward()
    await screen.open_patient("03")
    await screen.page.wait_for_function(LETTERS)


async def test_the_caliper_measures_by_the_sample(screen: Screen) -> None:
    page = await opened(screen, "01")
    await page.wait_for_function(f"() => ({INK})('live-canvas') > 3")
    await page.keyboard.press("c")
    await expect(page.get_by_text("numbers live")).to_be_visible()
    read = page.get_by_test_id("caliper-read")
    await expect(read).to_have_text(re.compile(r"^\d+ ms · \d+ /min$"))
    lines = page.get_by_role("slider", name=re.compile("of the caliper"))
    await expect(lines.last).to_be_focused()
    begin = _milliseconds(await read.inner_text())
    await page.keyboard.press("ArrowLeft")
    assert abs(_milliseconds(await read.inner_text()) - begin) == 4  # a sample at 250 Hz
    await page.keyboard.press("Shift+ArrowLeft")
    assert abs(_milliseconds(await read.inner_text()) - begin) == 44
    await page.keyboard.press("Space")
    await expect(read).to_have_count(0)
    await expect(page.get_by_text("numbers live")).to_have_count(0)


async def test_100_mm_of_the_strip_measure_100_mm_once_the_screen_is_measured(
    screen: Screen,
) -> None:
    page = await opened(screen, "01")
    await see_strip(page)
    scale = page.get_by_test_id("strip-scale")
    await expect(scale).to_contain_text("≈ 25 mm/s")
    address = page.url
    await page.get_by_role("link", name="Measure screen").click()
    slider = page.get_by_label("Width of the card on the screen")
    await slider.fill("386")
    px_per_mm = 386 / 85.6  # what a hand with a bank card would have made of it
    await page.goto(address)
    await see_strip(page)
    await expect(scale).not_to_contain_text("≈")
    await page.wait_for_function(f"() => ({BOLD_LINES})().length > 20")
    lines = await page.evaluate(BOLD_LINES)
    # a steep beat may hide a line: each one that is seen stands where a ruler has it
    millimetres = [(line - lines[0]) / px_per_mm for line in lines]
    assert millimetres[-1] > 100
    assert all(abs(each - 5 * round(each / 5)) < 0.25 for each in millimetres), lines
    await page.reload()
    await see_strip(page)
    await expect(scale).not_to_contain_text("≈")
    seconds = await page.evaluate(
        """() => [...document.querySelectorAll('[data-testid=strip] [aria-hidden] > span')]
                   .slice(0, 5).map((second) => second.getBoundingClientRect().left)"""
    )
    assert abs((seconds[4] - seconds[0]) / px_per_mm - 100) < 0.25, seconds


async def test_without_a_link_no_number_and_no_trace_looks_alive(
    browser: Browser, system: RunningSystem
) -> None:
    async with TcpProxy(system.port, host=system.host) as proxy:
        screen = await Screen.open(browser, system, address=f"http://127.0.0.1:{proxy.port}")
        page = await opened(screen, "01")
        await expect(screen.value("big-hr")).to_have_text(re.compile(r"\d+"))

        def lose() -> None:
            proxy.refuse = True
            proxy.cut()

        async def come_back() -> None:
            proxy.refuse = False
            await expect(screen.value("big-hr")).to_have_text(re.compile(r"\d+"))

        await fall_silent_in_time(screen, lose, come_back)
        await expect(page.get_by_label("Live signals").get_by_text("No data")).to_be_visible()
        await expect(page.get_by_test_id("big-hr")).to_contain_text(re.compile(r"was \d+ at"))
        await come_back()


async def test_a_nurse_writes_what_a_patient_is(screen: Screen) -> None:
    page = await opened(screen, "03")
    await page.get_by_role("button", name="Sex, birth date and height").click()
    dialog = page.get_by_role("dialog", name=re.compile("^About "))
    height = dialog.get_by_label("Height in cm")
    await height.fill("1.68")
    await expect(dialog.get_by_text("A number from 50 to 250")).to_be_visible()
    assert await screen.findings() == []
    await height.fill("168,5")
    await dialog.get_by_label("Sex", exact=True).select_option("female")
    await dialog.get_by_label("Birth date").fill("1979-04-02")
    await dialog.get_by_label("Group of the equations").select_option("other")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await page.get_by_role("button", name="Sex, birth date and height").click()
    await expect(height).to_have_value("168.5")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_test_id("live-canvas")).to_be_visible()


async def test_the_phone_shows_numbers_first_and_nothing_beyond_its_edge(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system, size=PHONE, theme="light")
    page = await opened(screen, "01")
    await see_strip(page)
    wider = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wider) == 0
    numbers = await page.get_by_label("Current values").bounding_box()
    signals = await page.get_by_label("Live signals").bounding_box()
    assert numbers is not None
    assert signals is not None
    assert numbers["y"] < signals["y"]
    assert await screen.findings() == []


def _milliseconds(text: str) -> int:
    return int(text.split(maxsplit=1)[0])


def _start(text: str) -> int:
    match = re.search(r"(\d\d):(\d\d):(\d\d)–", text)
    assert match is not None, text
    hours, minutes, seconds = map(int, match.groups())
    return hours * 3600 + minutes * 60 + seconds
