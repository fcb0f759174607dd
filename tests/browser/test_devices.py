"""The devices page: who wears what and how it is; a secret is shown once, a cut is asked twice."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.running_system import RunningSystem
from tests.browser.screen import Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def see_devices(screen: Screen, user: str) -> Page:
    """Sign in and go to the devices."""
    await screen.log_in(user)
    await screen.page.get_by_role("link", name="Devices").click()
    await expect(screen.page.get_by_role("heading", name="Devices")).to_be_visible()
    return screen.page


async def test_a_technician_registers_a_device_and_gives_it_another_secret(
    browser: Browser, system: RunningSystem
) -> None:
    screen = await Screen.open(browser, system)
    # who reads no vital signs begins with the devices, and has no way to the ward
    await screen.log_in("technician")
    page = screen.page
    await expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    await expect(page.get_by_role("link", name="Ward", exact=True)).to_have_count(0)
    await page.get_by_role("button", name="Register device").click()
    await page.get_by_label("Device id").fill("browser-test-1")
    await page.get_by_role("button", name="Register", exact=True).click()
    secret = page.get_by_test_id("device-secret")
    await expect(secret).to_have_text(re.compile(r"^[\w-]{40,}$"))
    first = await secret.inner_text()
    await page.get_by_role("button", name="I have it").click()
    await expect(page.get_by_test_id("device-browser-test-1")).to_contain_text("Never seen")
    await expect(secret).to_have_count(0)

    await page.get_by_role("button", name="New secret").click()
    await expect(page.get_by_text("stops working at once")).to_be_visible()
    await page.get_by_role("button", name="Keep as it is").click()
    await page.get_by_role("button", name="New secret").click()
    await page.get_by_role("button", name="Yes, new secret").click()
    await expect(secret).to_have_text(re.compile(r"^[\w-]{40,}$"))
    assert await secret.inner_text() != first
    await page.get_by_role("button", name="I have it").click()
    await page.get_by_role("button", name="Register device").click()
    await page.get_by_label("Device id").fill("browser-test-1")
    await page.get_by_role("button", name="Register", exact=True).click()
    await expect(page.get_by_role("alert").filter(has_text="There is a device")).to_be_visible()
