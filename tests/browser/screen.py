"""The page as a person has it before them: what is on it, and what one does to it."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright

from tests.browser.running_system import RunningSystem

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
# The machine's browser; without these it looks for hosts of its maker at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 90_000.0  # on a busy machine; it ends what hangs
LAPTOP, WALL, PHONE = (1440, 900), (1920, 1080), (390, 844)
DASHES = "– –"
# A screen that is drawn twenty times a second: a third of the work for who has no graphics card.
# How many frames a fast one gets is measured elsewhere (`frame_costs.py`).
SLOW_SCREEN = """(() => {
  const draw = requestAnimationFrame.bind(globalThis);
  let asked = new Map(), due = new Map(), last = 0, waits = false;
  const frame = (now) => {
    waits = false;
    due = asked;
    asked = new Map();
    for (const step of due.values()) step(now);
  };
  globalThis.requestAnimationFrame = (step) => {
    last += 1;
    asked.set(last, step);
    if (!waits) setTimeout(() => draw(frame), 40);
    waits = true;
    return last;
  };
  globalThis.cancelAnimationFrame = (id) => { asked.delete(id); due.delete(id); };
})();"""
SERIOUS = ("serious", "critical")


def chromium() -> str:
    """Path of the installed Chromium.

    Raises
    ------
    AssertionError : there is none; the text says what installs it
    """
    for name in ("chromium", "chromium-browser"):
        path = shutil.which(name)
        if path:
            return path
    raise AssertionError("no Chromium here: apt-get install chromium")


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Browser]:
    """A headless browser of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Screen:
    """One page in one browser context."""

    page: Page
    system: RunningSystem
    address: str
    complaints: list[str] = field(default_factory=list)

    @classmethod
    async def open(
        cls,
        browser: Browser,
        system: RunningSystem,
        *,
        address: str | None = None,
        size: tuple[int, int] = LAPTOP,
        theme: str = "dark",
        scale: float = 1.0,
        script: str = SLOW_SCREEN,
    ) -> "Screen":
        """A fresh screen at the log-in. `script` runs before the page's own code."""
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]}, device_scale_factor=scale
        )
        await context.add_init_script(
            f"localStorage.setItem('vitalwire.theme', '{theme}');{script}"
        )
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        screen = cls(page=page, system=system, address=address or system.address)
        page.on("console", screen._hear)
        page.on("pageerror", lambda error: screen.complaints.append(str(error)))
        await page.goto(screen.address)
        return screen

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def log_in(self, user: str = "nurse") -> None:
        """Sign in by typing, and wait until values are live."""
        await self.page.get_by_label("Name").fill(user)
        await self.page.get_by_label("Password").fill(self.system.passwords[user])
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.locator("[data-testid=link-state][data-state=live]").wait_for()

    async def see_ward(self) -> None:
        """Wait until every bed has a heart rate and a trace."""
        await self.page.wait_for_function(
            """() => {
              const tiles = [...document.querySelectorAll('article[data-testid^=tile-]')];
              const numbers = tiles.filter((t) => /\\d/.test(
                t.querySelector('[data-testid^=num-hr] [data-value]')?.textContent ?? ''));
              return tiles.length > 0 && numbers.length >= tiles.length - 2;
            }"""
        )

    async def open_patient(self, bed: str) -> None:
        """From the ward to one patient by the keyboard, until the trace runs.

        A tile may begin to slide to another place between the press and the release of a mouse
        whose pointer has just come; the pointer has tests of its own.
        """
        await self.page.get_by_test_id(f"tile-{bed}").get_by_role("link").press("Enter")
        await self.page.get_by_test_id("live-canvas").wait_for()
        await self.page.wait_for_function(INK_ON_CANVAS)

    def value(self, test_id: str) -> Locator:
        """The number of a measure."""
        return self.page.get_by_test_id(test_id).locator("[data-value]")

    async def values(self) -> list[str]:
        """Every number on the page as it is read."""
        found: list[str] = await self.page.locator("[data-value]").all_inner_texts()
        return [" ".join(text.split()) for text in found]

    async def findings(self, rules: Mapping[str, bool] | None = None) -> list[str]:
        """What axe finds that is serious, as sentences.

        Parameters
        ----------
        rules : these alone where one is true, else all but these
        """
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.evaluate(AXE.read_text())
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        only = [rule for rule, wanted in (rules or {}).items() if wanted]
        if only:
            options["runOnly"] = only
        else:
            options["rules"] = {rule: {"enabled": False} for rule in rules or {}}
        result: dict[str, Any] = await self.page.evaluate(
            "(options) => axe.run(document, options)", options
        )
        return [
            f"{found['id']}: {found['help']} at {found['nodes'][0]['target']}"
            for found in result["violations"]
            if found["impact"] in SERIOUS
        ]

    async def close(self) -> None:
        """Leave the screen."""
        await self.page.context.close()


# Whether anything is drawn: some pixel of the live canvas is not transparent.
INK_ON_CANVAS = """() => {
  const canvas = document.querySelector('[data-testid=live-canvas]');
  if (canvas.width < 10) return false;
  const scratch = new OffscreenCanvas(canvas.width, canvas.height);
  const context = scratch.getContext('2d', {willReadFrequently: true});
  context.drawImage(canvas, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let ink = 0;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 0) ink += 1;
  return ink > 2000;
}"""
