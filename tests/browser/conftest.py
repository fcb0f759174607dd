"""Fixtures: one running system and one browser for all tests of the page, a screen for each."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.running_system import BESIDE, RunningSystem, SystemProcess
from tests.browser.screen import Screen, opened_browser

HERE = Path(__file__).parent
# It ends what hangs: where the time itself is the promise, a test says its own.
WITHIN_MS = 60_000
expect.set_options(timeout=WITHIN_MS)
ONE_LOOP = pytest.mark.asyncio(loop_scope="session")  # a browser belongs to the loop it began in


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Run the tests of this folder in one loop, so that they can share a browser."""
    for item in items:
        if item.path.is_relative_to(HERE) and pytest_asyncio.is_async_test(item):
            item.add_marker(ONE_LOOP, append=False)


@pytest.fixture(scope="package")
def system() -> Iterator[RunningSystem]:
    """The system with eight simulated patients; alarms come in its first minutes.

    It ends with this folder: the tests that come next have the machine to themselves.
    """
    beside = os.environ.get(BESIDE)
    if beside:
        yield RunningSystem.of(Path(beside))
        return
    # Not in pytest's folder, which only its own user may enter: the database runs as another.
    with tempfile.TemporaryDirectory(prefix="vitalwire-page-") as folder:
        Path(folder).chmod(0o711)
        process = SystemProcess(Path(folder) / "system")
        try:
            yield process.wait_until_ready()
        finally:
            process.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def one_browser() -> AsyncIterator[Browser]:
    """The browser of all tests: it takes longer to start than many a test."""
    async with opened_browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def no_task_left(one_browser: Browser) -> AsyncIterator[None]:
    """As everywhere, but for the tasks of the browser, which stay."""
    assert one_browser.is_connected()
    before = asyncio.all_tasks()
    yield
    for _ in range(3):  # tasks that end by themselves in the next turns of the loop
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"tasks left behind: {sorted(repr(task) for task in left)}"


@pytest_asyncio.fixture(loop_scope="session")
async def browser(one_browser: Browser) -> AsyncIterator[Browser]:
    """The browser, without a page; whatever the test opened is closed behind it."""
    yield one_browser
    for context in one_browser.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def screen(browser: Browser, system: RunningSystem) -> AsyncIterator[Screen]:
    """A laptop at the log-in; in the end nothing may have been said on its console."""
    opened = await Screen.open(browser, system)
    yield opened
    await opened.close()
    assert opened.complaints == []
