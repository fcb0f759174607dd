"""How sensors sit: told while the wearer stands, shown with its angles, taken back."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from devices.sdk import Device, Frame, Place, Stream
from tests.browser.client import signed_in
from tests.browser.running_system import RunningSystem
from tests.browser.screen import PHONE, Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BED = "08"
DEVICE = f"browser-motion-{os.getpid()}"  # of each run its own: a name is never given twice
CHEST_DEG = 30  # the sensor is turned forward by so much while its wearer stands
RATE_HZ = 10
STOOD_S = 8  # more than the five that are looked at, from the first second on


def standing() -> list[Frame]:
    """A second of somebody who stands: where up is in the chest's and in the thigh's axes."""
    turned = np.radians(CHEST_DEG)
    up = {
        Place.CHEST: (np.cos(turned), 0.0, np.sin(turned)),
        Place.THIGH: (1.0, 0.0, 0.0),
    }
    return [
        Frame(
            stream=Stream.ACCELEROMETER,
            samples=np.round(np.tile(axes, (RATE_HZ, 1)) * 1000).astype("<i2"),
            rate_hz=RATE_HZ,
            scale=0.001,
            place=place,
        )
        for place, axes in up.items()
    ]


@asynccontextmanager
async def stood(system: RunningSystem, folder: Path) -> AsyncIterator[asyncio.Event]:
    """A motion node on the wearer of a bed until the block ends; the event: stood long enough."""
    async with signed_in(system, "technician") as technician, signed_in(system, "nurse") as nurse:
        new = {"device": DEVICE, "model": "wellness-motion", "simulated": True}
        patients = (await nurse.get("/v1/patients")).raise_for_status().json()["items"]
        (wearer,) = (one["key"] for one in patients if one["bed"]["key"] == BED)
        worn = f"/v1/patients/{wearer}/assignments"
        made = (await technician.post("/v1/devices", json=new)).raise_for_status().json()
        (await nurse.post(worn, json={"device": DEVICE})).raise_for_status()
        assert system.mqtt is not None
        host, port = system.mqtt
        long_enough = asyncio.Event()

        async def send() -> None:
            node = Device(
                DEVICE, host=host, port=port, secret=made["secret"], journal=folder, simulated=True
            )
            async with node:
                for second in range(10**6):
                    await node.publish(standing())
                    if second >= STOOD_S:
                        long_enough.set()
                    await asyncio.sleep(1)

        sending = asyncio.create_task(send())
        try:
            yield long_enough
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            (await nurse.delete(f"{worn}/{DEVICE}")).raise_for_status()
            (await technician.post(f"/v1/devices/{DEVICE}/retire")).raise_for_status()


async def see_card(page: Page) -> Locator:
    """Go to the device and its card."""
    await page.get_by_role("link", name="Devices").click()
    await page.get_by_test_id(f"device-{DEVICE}").get_by_role("button").click()
    return page.get_by_role("region", name="How the sensors sit")


async def test_a_stance_is_told_used_and_taken_back(
    browser: Browser, system: RunningSystem, tmp_path: Path
) -> None:
    screen = await Screen.open(browser, system)
    await screen.log_in()
    async with stood(system, tmp_path) as long_enough:
        card = await see_card(screen.page)
        news = card.get_by_role("status")
        await expect(news).to_contain_text("Not told")
        await expect(card.get_by_role("button", name="Take back")).to_have_count(0)
        await long_enough.wait()
        await card.get_by_role("button", name="Stands upright now").click()
        await expect(news).to_contain_text(re.compile("being read|In use"))
        await expect(news).to_contain_text(re.compile("^In use. Told"))
        await expect(card).to_contain_text(f"Chest {CHEST_DEG}°, thigh 0°")
        assert await screen.findings() == []

        phone = await Screen.open(browser, system, size=PHONE)
        await phone.log_in()
        small = await see_card(phone.page)
        await expect(small).to_contain_text(f"Chest {CHEST_DEG}°")
        for button in await small.get_by_role("button").all():
            box = await button.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE[0]
        await phone.close()
        assert phone.complaints == []

        await card.get_by_role("button", name="Take back").click()
        await card.get_by_role("button", name="Keep as it is").click()
        await card.get_by_role("button", name="Take back").click()
        await card.get_by_role("button", name="Yes, take back").click()
        await expect(news).to_contain_text("Taken back. In use for some seconds still")
        await expect(news).to_contain_text("Taken back: sensors are taken to sit as their axes")
        await expect(card).not_to_contain_text(f"Chest {CHEST_DEG}°")
        await expect(card.get_by_role("button", name="Take back")).to_have_count(0)
    await screen.close()
    assert screen.complaints == []
