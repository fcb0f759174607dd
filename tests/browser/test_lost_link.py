"""What the page says when it does not know: silence must never look like health."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.running_system import RunningSystem
from tests.browser.screen import Screen
from tests.browser.silence import fall_silent_in_time
from tests.harness.eventually import eventually
from tests.harness.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

DAY_S = 86_400
NINE_SECONDS = re.compile(r"(0:(09|[1-5]\d)|[1-9]\d*:\d\d)$")  # or more
KEYS = "(tiles) => tiles.map((tile) => tile.dataset.key)"


async def come_back(screen: Screen, proxy: TcpProxy) -> None:
    """Have the link again."""
    proxy.refuse = False
    proxy.thaw()
    await screen.page.wait_for_selector("[data-testid=link-state][data-state=live]")
    await screen.see_ward()


@pytest.mark.parametrize("kind", ["cut", "frozen"])
async def test_a_dead_socket_shows_within_five_seconds_and_comes_back(
    browser: Browser, system: RunningSystem, kind: str
) -> None:
    async with TcpProxy(system.port, host=system.host) as proxy:
        screen = await Screen.open(browser, system, address=f"http://127.0.0.1:{proxy.port}")
        page = screen.page
        await screen.log_in()
        await screen.see_ward()

        def lose() -> None:
            if kind == "cut":
                proxy.refuse = True
                proxy.cut()
            else:
                proxy.freeze()

        await fall_silent_in_time(screen, lose, lambda: come_back(screen, proxy))
        order = await page.locator("[data-key]").evaluate_all(KEYS)
        for name in ("high", "medium", "low", "technical", "quiet"):
            await expect(page.get_by_test_id(f"count-{name}").locator("i")).to_have_text("–")
        await expect(page.get_by_text("Live connection lost for")).to_be_visible()
        await expect(page.get_by_text("Go to the patients").first).to_be_visible()
        await expect(page.get_by_test_id("live-high")).to_contain_text("Live connection lost")
        await expect(page.get_by_test_id("link-state")).to_have_text(re.compile(r"Lost 0:\d\d"))
        await expect(page.locator("article[data-testid^=tile-]").first).not_to_have_attribute(
            "data-loudness", re.compile(".+")
        )
        await expect(page.get_by_test_id("link-state")).to_have_text(NINE_SECONDS)
        assert order == await page.locator("[data-key]").evaluate_all(KEYS)

        await come_back(screen, proxy)
        await expect(page.get_by_text("Live connection lost for")).to_have_count(0)


async def test_a_browser_clock_ten_minutes_wrong_changes_no_age(
    browser: Browser, system: RunningSystem
) -> None:
    wrong = """
      const Right = Date;
      const shift = 600000;
      globalThis.Date = class extends Right {
        constructor(...given) { given.length === 0 ? super(Right.now() + shift) : super(...given); }
        static now() { return Right.now() + shift; }
      };
    """
    right = await Screen.open(browser, system)
    off = await Screen.open(browser, system, script=wrong)
    for screen in (right, off):
        await screen.log_in()
        await screen.see_ward()
    states = "(all) => all.map((each) => each.dataset.state)"

    async def are_fresh() -> bool:
        shown = await off.page.locator("[data-testid^=num-spo2]").evaluate_all(states)
        assert shown.count("fresh") >= 6, shown
        return True

    await eventually(are_fresh)

    async def times() -> list[str]:
        return [
            await s.page.get_by_test_id("clock").locator("b").inner_text() for s in (right, off)
        ]

    def seconds(text: str) -> int:
        hours, minutes, rest = map(int, text.split(":"))
        return hours * 3600 + minutes * 60 + rest

    async def agree() -> bool:
        one, other = await times()  # one after the other: a busy browser may take long between
        apart = (seconds(one) - seconds(other)) % DAY_S
        return min(apart, DAY_S - apart) <= 2

    await eventually(agree)
    await asyncio.gather(right.close(), off.close())
