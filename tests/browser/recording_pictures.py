"""Pictures of patients whose signals are recordings of people, replayed in real time.

Use: ``python -m tests.browser.recording_pictures RECORDINGS [--folder DIR] [--beds BED ...]``.
Starts a system of its own that replays the files of the folder, a bed each, and takes the page of
each bed once its beats are judged and a minute of it was seen.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.browser.palette import palette_png, unpacked
from tests.browser.running_system import PROJECT, RunningSystem, SystemProcess
from tests.browser.screen import LAPTOP, Screen, opened_browser
from tests.browser.test_patient import LETTERS

MOST_BYTES = 200_000
SEEN_S = 25.0  # a sweep with all its letters, and what the estimators need to settle
TILES = "article[data-testid^=tile-]"


async def take(
    system: RunningSystem, folder: Path, beds: Sequence[str] = (), *, theme: str = "dark"
) -> None:
    """Take the pictures into the folder: of these beds, or of all."""
    folder.mkdir(parents=True, exist_ok=True)
    async with opened_browser() as browser:
        screen = await Screen.open(browser, system, size=LAPTOP, theme=theme)
        page = screen.page
        await screen.log_in()
        await page.locator(TILES).first.wait_for()
        tiles = await page.locator(TILES).all()
        there = [await tile.get_attribute("data-testid") or "" for tile in tiles]
        for tile in there:
            bed = tile.removeprefix("tile-")
            if beds and bed not in beds:
                continue
            await page.get_by_test_id(tile).click()
            await page.get_by_test_id("live-canvas").wait_for()
            await page.wait_for_function(LETTERS)
            await page.wait_for_function(
                f"(begin) => performance.now() - begin > {SEEN_S * 1000}",
                arg=await page.evaluate("() => performance.now()"),
            )
            await page.mouse.move(0, 0)
            path = folder / f"recording-{bed}-{theme}.png"
            path.write_bytes(palette_png(await unpacked(page, await page.screenshot())))
            print(f"{path.name} {path.stat().st_size // 1_000} kB", flush=True)
            assert path.stat().st_size < MOST_BYTES, f"{path} has {path.stat().st_size} bytes"
            await page.keyboard.press("Escape")
            await page.get_by_test_id(tile).wait_for()


def main() -> int:
    """Take the pictures of a system of its own."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("recordings", type=Path)
    asked.add_argument("--folder", type=Path, default=PROJECT / "docs" / "screenshots")
    asked.add_argument("--beds", nargs="*", default=[], metavar="BED")
    asked.add_argument("--theme", default="dark", choices=("dark", "light", "night"))
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="vitalwire-pictures-") as folder:
        Path(folder).chmod(0o711)  # the database's user must pass
        process = SystemProcess(Path(folder) / "system", recordings=given.recordings)
        try:
            system = process.wait_until_ready()
            asyncio.run(take(system, given.folder, given.beds, theme=given.theme))
        finally:
            process.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
