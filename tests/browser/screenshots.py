"""Pictures of the running page for the README.

Use: ``python -m tests.browser.screenshots [connection.json] [folder]``. Waits until an alarm calls,
so that the pictures show what the page is for.
"""

import asyncio
import base64
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.browser.palette import palette_png
from tests.browser.running_system import PROJECT, RunningSystem
from tests.browser.screen import LAPTOP, PHONE, WALL, Screen, opened_browser

MOST_BYTES = 250_000
ALARM_WITHIN_MS = 420_000
CALLING = "article[data-testid^=tile-][data-loudness=active]:not([data-technical])"
SWEPT_S = 14.0  # until the slower lanes have drawn enough to be looked at


UNPACK = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
  const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height).data;
  let packed = '';
  for (let i = 0; i < pixels.length; i += 0x8000) {
    packed += String.fromCharCode(...pixels.subarray(i, i + 0x8000));
  }
  return [image.width, image.height, btoa(packed)];
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: which page, how large, in which theme."""

    name: str
    size: tuple[int, int]
    theme: str
    patient: bool
    scale: float = 1.0


PICTURES = (
    Picture(name="ward-dark", size=WALL, theme="dark", patient=False),
    Picture(name="ward-light", size=LAPTOP, theme="light", patient=False),
    Picture(name="patient-dark", size=LAPTOP, theme="dark", patient=True),
    Picture(name="patient-light", size=LAPTOP, theme="light", patient=True),
    Picture(name="ward-phone", size=PHONE, theme="dark", patient=False, scale=2.0),
)


async def take(system: RunningSystem, folder: Path) -> None:
    """Take all pictures into the folder.

    Raises
    ------
    AssertionError : no alarm came, or a picture is too large for a README
    """
    folder.mkdir(parents=True, exist_ok=True)
    async with opened_browser() as browser:
        for picture in PICTURES:
            screen = await Screen.open(
                browser, system, size=picture.size, theme=picture.theme, scale=picture.scale
            )
            await screen.log_in()
            await screen.see_ward()
            calling = screen.page.locator(CALLING).first
            await calling.wait_for(timeout=ALARM_WITHIN_MS)
            if picture.patient:
                await calling.click()
                await screen.page.wait_for_selector("[data-testid=live-canvas]")
            await screen.page.mouse.move(0, 0)
            await screen.page.wait_for_function(
                f"(begin) => performance.now() - begin > {SWEPT_S * 1000}",
                arg=await screen.page.evaluate("() => performance.now()"),
            )
            path = folder / f"{picture.name}.png"
            path.write_bytes(palette_png(await pixels_of(screen)))
            assert path.stat().st_size < MOST_BYTES, f"{path} has {path.stat().st_size} bytes"
            await screen.close()


async def pixels_of(screen: Screen) -> NDArray[np.uint8]:
    """The screen as (height, width, 3); the browser itself unpacks its picture."""
    picture = base64.b64encode(await screen.page.screenshot()).decode()
    width, height, packed = await screen.page.evaluate(UNPACK, picture)
    raw = np.frombuffer(base64.b64decode(packed), dtype=np.uint8)
    return raw.reshape(height, width, 4)[:, :, :3]


def main() -> int:
    """Take the pictures of a running system."""
    given = [Path(text) for text in sys.argv[1:3]]
    connection = given[0] if given else PROJECT / ".local" / "connection.json"
    folder = given[1] if len(given) > 1 else PROJECT / "docs" / "screenshots"
    asyncio.run(take(RunningSystem.of(connection), folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
