"""Pictures of every page, of a running system.

Use: ``python -m tests.browser.screenshots [--connection FILE] [--folder DIR] [--only NAME ...]``.
Starts a system of its own unless it is given one: patient 08 gets a fever in its first minutes and
breathes faster, and a clinician asked to be called above the normal range. Nothing is taken while a
value is late because the machine is busy.
"""

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.browser.palette import palette_png, unpacked
from tests.browser.provoked import alarm_at
from tests.browser.running_system import PROJECT, RunningSystem, SystemProcess
from tests.browser.screen import LAPTOP, PHONE, WALL, Screen, opened_browser

MOST_BYTES = 200_000
MOST_BYTES_OF_ALL = 1_500_000
# Breathes 22 a minute from 150 s to 550 s after the start (devices/simulators/roster.py).
FEBRILE = "08"
NORMAL_PER_MIN = 20.0  # NEWS2 (Royal College of Physicians, 2017) gives points above it
CALLING = f"article[data-testid=tile-{FEBRILE}][data-loudness=active]"
ALARM_WITHIN_MS = 300_000
SWEPT_S = 12.0  # until the slower lanes have drawn enough to be looked at
SETTLED_WITHIN_MS = 40_000
NOTHING_LATE = "() => document.querySelector('[data-state=ageing]') === null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: which page, how large, in which theme, as whom."""

    name: str
    size: tuple[int, int]
    theme: str
    link: str | None = "Ward"
    user: str = "nurse"
    scale: float = 1.0


PICTURES = (
    Picture(name="login-dark", size=LAPTOP, theme="dark", link=None),
    Picture(name="ward-dark", size=WALL, theme="dark"),
    Picture(name="ward-light", size=LAPTOP, theme="light"),
    Picture(name="ward-night", size=LAPTOP, theme="night"),
    Picture(name="ward-phone", size=PHONE, theme="dark", scale=2.0),
    Picture(name="patient-dark", size=LAPTOP, theme="dark", link="Patient"),
    Picture(name="patient-light", size=LAPTOP, theme="light", link="Patient"),
    Picture(name="patient-phone", size=PHONE, theme="dark", link="Patient", scale=2.0),
    Picture(name="alarms-dark", size=LAPTOP, theme="dark", link="Alarms"),
    Picture(name="alarms-light", size=LAPTOP, theme="light", link="Alarms"),
    Picture(name="alarms-phone", size=PHONE, theme="dark", link="Alarms", scale=2.0),
    Picture(name="devices-dark", size=LAPTOP, theme="dark", link="Devices", user="technician"),
    Picture(name="devices-light", size=LAPTOP, theme="light", link="Devices"),
    Picture(name="devices-phone", size=PHONE, theme="light", link="Devices", scale=2.0),
    Picture(name="log-dark", size=LAPTOP, theme="dark", link="Log"),
    Picture(name="log-light", size=LAPTOP, theme="light", link="Log", user="technician"),
    Picture(name="log-phone", size=PHONE, theme="dark", link="Log", scale=2.0),
    Picture(name="settings-dark", size=LAPTOP, theme="dark", link="Settings"),
)


async def take(system: RunningSystem, folder: Path, only: Sequence[str] = ()) -> None:
    """Take the pictures into the folder.

    Raises
    ------
    AssertionError : no alarm came, or the pictures are too large for a repository
    """
    folder.mkdir(parents=True, exist_ok=True)
    called = alarm_at(system, FEBRILE, high=NORMAL_PER_MIN, reason="fever, call above normal")
    async with opened_browser() as browser, called:
        for picture in PICTURES:
            if only and picture.name not in only:
                continue
            screen = await Screen.open(
                browser, system, size=picture.size, theme=picture.theme, scale=picture.scale
            )
            await _go(screen, picture)
            path = folder / f"{picture.name}.png"
            path.write_bytes(
                palette_png(await unpacked(screen.page, await screen.page.screenshot()))
            )
            print(f"{path.name} {path.stat().st_size // 1_000} kB", flush=True)
            assert path.stat().st_size < MOST_BYTES, f"{path} has {path.stat().st_size} bytes"
            await screen.close()
    total = sum(path.stat().st_size for path in folder.glob("*.png"))
    assert total < MOST_BYTES_OF_ALL, f"{folder} has {total} bytes"


async def _go(screen: Screen, picture: Picture) -> None:
    """To the page of the picture, until all of it is there."""
    page = screen.page
    if picture.link is None:
        await page.get_by_role("button", name="Sign in").wait_for()
        return
    await screen.log_in(picture.user)
    if picture.link in ("Ward", "Patient"):
        await screen.see_ward()
        calling = page.locator(CALLING).first
        await calling.wait_for(timeout=ALARM_WITHIN_MS)
        if picture.link == "Patient":
            await calling.click()
            await page.wait_for_selector("[data-testid=live-canvas]")
        await page.wait_for_function(
            f"(begin) => performance.now() - begin > {SWEPT_S * 1000}",
            arg=await page.evaluate("() => performance.now()"),
        )
    else:
        await page.get_by_role("link", name=re.compile(f"^{picture.link}")).click()
        await page.get_by_role("heading", name=picture.link, level=2).wait_for()
        if picture.link == "Log":
            wanted = "log-alarm" if picture.user == "nurse" else "log-device_online"
            await page.get_by_test_id(wanted).first.wait_for(timeout=ALARM_WITHIN_MS)
        await page.wait_for_load_state("networkidle")
    await page.mouse.move(0, 0)
    await page.wait_for_function(NOTHING_LATE, timeout=SETTLED_WITHIN_MS)


def main() -> int:
    """Take the pictures of a system that runs, or of one of its own."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--connection", type=Path, help="connection.json of a system that runs")
    asked.add_argument("--folder", type=Path, default=PROJECT / "docs" / "screenshots")
    asked.add_argument("--only", nargs="*", default=[], metavar="NAME")
    given = asked.parse_args()
    if given.connection is not None:
        asyncio.run(take(RunningSystem.of(given.connection), given.folder, given.only))
        return 0
    with tempfile.TemporaryDirectory(prefix="vitalwire-pictures-") as folder:
        Path(folder).chmod(0o711)  # the database's user must pass
        process = SystemProcess(Path(folder) / "system")
        try:
            asyncio.run(take(process.wait_until_ready(), given.folder, given.only))
        finally:
            process.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
