"""An alarm when a test wants one: a clinician sets a limit that the patient is beyond."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.browser.client import signed_in
from tests.browser.running_system import RunningSystem

SELDOM_PER_MIN = 6.0  # nobody of the simulated patients breathes so seldom


@asynccontextmanager
async def alarm_at(
    system: RunningSystem, bed: str, *, high: float = SELDOM_PER_MIN, reason: str = "test of alarms"
) -> AsyncIterator[None]:
    """A medium alarm of the breathing rate at a bed, which ends with the block.

    Parameters
    ----------
    high : breaths a minute; the delay is none, where it is that of the site otherwise
    """
    beyond = {"measure": "respiration_rate", "low": None, "high": high, "delay_s": 0.0}
    async with signed_in(system, "clinician") as client:
        patient = await _patient_at(client, bed)
        await _set_limits(client, patient, [beyond | {"reason": reason}])
        try:
            yield
        finally:
            await _set_limits(client, patient, [])


async def _patient_at(client: httpx.AsyncClient, bed: str) -> str:
    wards = (await client.get("/v1/wards")).raise_for_status().json()["items"]
    ward = (await client.get(f"/v1/wards/{wards[0]['key']}")).raise_for_status().json()
    return next(str(one["patient"]["key"]) for one in ward["beds"] if one["key"] == bed)


async def _set_limits(client: httpx.AsyncClient, patient: str, items: list[dict[str, Any]]) -> None:
    answer = await client.put(f"/v1/patients/{patient}/limits", json={"items": items})
    answer.raise_for_status()
