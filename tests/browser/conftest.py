"""Fixtures: one running system for all tests of the page, a browser and a screen for each."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.running_system import BESIDE, RunningSystem, SystemProcess
from tests.browser.screen import Screen, opened_browser


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The system with eight simulated patients; alarms come in its first minutes."""
    beside = os.environ.get(BESIDE)
    if beside:
        yield RunningSystem.of(Path(beside))
        return
    folder = tmp_path_factory.mktemp("system")
    for parent in (folder, *folder.parents):
        if parent.owner() != "root" or parent.name.startswith("pytest-"):
            parent.chmod(parent.stat().st_mode | 0o011)  # the database's user must pass
    process = SystemProcess(folder)
    try:
        yield process.wait_until_ready()
    finally:
        process.stop()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser of its own."""
    async with opened_browser() as opened:
        yield opened


@pytest_asyncio.fixture
async def screen(browser: Browser, system: RunningSystem) -> AsyncIterator[Screen]:
    """A laptop at the log-in; in the end nothing may have been said on its console."""
    opened = await Screen.open(browser, system)
    yield opened
    await opened.close()
    assert opened.complaints == []
