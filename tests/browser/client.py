"""The server as a program sees it, for what a test must bring about beside the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.browser.running_system import RunningSystem


@asynccontextmanager
async def signed_in(system: RunningSystem, user: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the rights of a user."""
    async with httpx.AsyncClient(base_url=system.address, timeout=60.0) as client:
        form = {"username": user, "password": system.passwords[user]}
        token = (await client.post("/v1/token", data=form)).raise_for_status().json()
        client.headers["authorization"] = f"Bearer {token['access_token']}"
        yield client


@asynccontextmanager
async def silenced(system: RunningSystem, device: str) -> AsyncIterator[None]:
    """A device that does not measure until the block ends."""
    async with signed_in(system, "nurse") as client:
        address = f"/v1/devices/{device}/commands"
        (await client.post(address, json={"name": "stop"})).raise_for_status()
        try:
            yield
        finally:
            (await client.post(address, json={"name": "start"})).raise_for_status()
