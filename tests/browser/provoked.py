"""An alarm when a test wants one: a clinician sets a limit that the patient is beyond."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.browser.client import signed_in
from tests.browser.running_system import RunningSystem

# Nobody of the simulated patients breathes so seldom; the delay is that of the site otherwise.
BEYOND = {"measure": "respiration_rate", "low": None, "high": 6.0, "delay_s": 0.0}


@asynccontextmanager
async def alarm_at(system: RunningSystem, bed: str) -> AsyncIterator[None]:
    """A medium alarm of the breathing rate at a bed, which ends with the block."""
    async with signed_in(system, "clinician") as client:
        patient = await _patient_at(client, bed)
        await _set_limits(client, patient, [BEYOND | {"reason": "slow breathing wanted"}])
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
