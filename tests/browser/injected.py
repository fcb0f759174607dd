"""Alarms that the server never raised, laid into its answer: every look at once and at will."""

import asyncio
import json
from typing import Any

from playwright.async_api import Page, Route

CAUSES: tuple[dict[str, Any], ...] = (
    {"bed": "01", "priority": "high", "condition": "spo2_low", "measure": "spo2", "value": 84.0}
    | {"limit": 88.0, "relation": "<"},
    {"bed": "02", "priority": "medium", "condition": "heart_rate_high", "measure": "heart_rate"}
    | {"value": 134.0, "limit": 120.0, "relation": ">"},
    {"bed": "04", "priority": "low", "condition": "temperature_high", "measure": "temperature"}
    | {"value": 38.6, "limit": 38.3, "relation": ">"},
    {"bed": "05", "priority": "medium", "condition": "data_stopped", "kind": "technical"},
    {
        "bed": "06",
        "priority": "medium",
        "condition": "respiration_rate_high",
        "state": "acknowledged",
    }
    | {"measure": "respiration_rate", "value": 26.0, "limit": 24.0, "relation": ">"}
    | {"acknowledged_by": "Nurse A", "acknowledged_at": "now"},
    {"bed": "07", "priority": "high", "condition": "asystole", "paused_until": "later"},
)
NOTHING = {
    "kind": "physiological",
    "state": "active",
    "measure": None,
    "value": None,
    "limit": None,
    "relation": None,
    "unit": None,
    "acknowledged_by": None,
    "acknowledged_at": None,
    "paused_until": None,
    "unsure": False,
    "text_key": None,
}
WARD_WITHIN_S = 60.0
LATER = "2099-01-01T00:00:00.000000Z"


async def inject_alarms(page: Page) -> None:
    """Let the list of alarms have one of each look; what the server raised is left out."""
    patients: dict[str, tuple[str, str]] = {}
    are_known = asyncio.Event()

    async def ward(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        for bed in told["beds"]:
            if bed["patient"] is not None:
                patients[bed["key"]] = (bed["patient"]["key"], told["key"])
        are_known.set()
        await route.fulfill(response=answer)

    async def alarms(route: Route) -> None:
        answer = await route.fetch()
        async with asyncio.timeout(WARD_WITHIN_S):
            await are_known.wait()  # the page asks for both at once
        seconds = await page.evaluate("() => Math.floor(Date.now() / 1000) - 42")
        since = await page.evaluate("(s) => new Date(s * 1000).toISOString()", seconds)
        items = [_alarm(cause, patients, since) for cause in CAUSES if cause["bed"] in patients]
        await route.fulfill(response=answer, body=json.dumps({"items": items, "next": None}))

    await page.route("**/v1/wards/*", ward)
    await page.route("**/v1/alarms?*", alarms)


def _alarm(
    cause: dict[str, Any], patients: dict[str, tuple[str, str]], since: str
) -> dict[str, Any]:
    patient, ward = patients[cause["bed"]]
    own = NOTHING | cause | {"id": f"injected-{cause['bed']}", "patient": patient, "ward": ward}
    if own["paused_until"] == "later":
        own["paused_until"] = LATER
    if own["acknowledged_at"] == "now":
        own["acknowledged_at"] = since
    return own | {"since": since, "updated": since}
