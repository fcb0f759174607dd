"""The page's budgets (web/budgets.json): bytes of the first load, and what stays in memory."""

import json
from pathlib import Path

import pytest

from tests.browser.frame_costs import Kept, kept
from tests.browser.screen import Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BUDGETS = json.loads((Path(__file__).resolve().parents[2] / "web" / "budgets.json").read_text())
LOADED = """() => performance.getEntriesByType('resource')
  .filter((entry) => !entry.name.includes('/v1/'))
  .map((entry) => [entry.name.split('/').at(-1), entry.encodedBodySize])"""


async def test_the_first_load_is_no_larger_than_agreed(screen: Screen) -> None:
    await screen.log_in()
    await screen.see_ward()
    loaded: list[tuple[str, int]] = await screen.page.evaluate(LOADED)
    total = sum(size for _, size in loaded)
    assert 0 < total <= BUDGETS["first_load_bytes"], loaded


async def test_going_back_and_forth_leaves_nothing_behind(screen: Screen) -> None:
    await screen.log_in()
    await screen.see_ward()
    session = await screen.page.context.new_cdp_session(screen.page)
    await session.send("Performance.enable")

    async def round_trip() -> None:
        await screen.open_patient("01")
        await screen.page.get_by_test_id("trend-canvas").wait_for()
        await screen.page.keyboard.press("Escape")
        await screen.see_ward()

    await round_trip()  # what is loaded and made once
    # What stays behind does so each time; traces that fill up while the ways are slow do not.
    found: list[tuple[Kept, Kept]] = []
    for _ in range(3):
        before = await kept(session)
        for _ in range(3):
            await round_trip()
        after = await kept(session)
        found.append((before, after))
        if leaves_nothing(before, after):
            return
    pytest.fail(f"something stays behind: {found}")


def leaves_nothing(before: Kept, after: Kept) -> bool:
    """Numbers and notes come and go with the second; a page or a tile that stays is far more."""
    return (
        after.nodes - before.nodes < 150
        and after.listeners - before.listeners < 20
        and after.heap_bytes - before.heap_bytes < BUDGETS["heap_growth_bytes"]
    )
