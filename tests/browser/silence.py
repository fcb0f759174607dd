"""A link is lost: within seconds no number on the page looks alive."""

from collections.abc import Awaitable, Callable

from playwright.async_api import TimeoutError as TooLate

from tests.browser.screen import DASHES, Screen

WITHIN_MS = 5_000 + 10_000  # and what a busy browser needs
TRIES = 3
ALL_DASHES = f"""() => {{
  const values = [...document.querySelectorAll('[data-value]')];
  return values.length > 0 && values.every((value) => value.textContent.startsWith('{DASHES}'));
}}"""


async def fall_silent_in_time(
    screen: Screen, lose: Callable[[], None], come_back: Callable[[], Awaitable[None]]
) -> None:
    """Lose the link until no number looks alive; a busy browser may be late once or twice.

    Raises
    ------
    TooLate : it was late each time
    """
    for left in reversed(range(TRIES)):
        lose()
        try:
            await screen.page.wait_for_function(ALL_DASHES, timeout=WITHIN_MS)
        except TooLate:
            if not left:
                raise
            await come_back()
        else:
            return
