"""The page's budgets (web/budgets.json): bytes of the first load, memory, and no render a frame."""

import json
from pathlib import Path

import pytest

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
