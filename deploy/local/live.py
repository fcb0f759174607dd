"""A client of the live socket like the page: knows the system is ready when a vital sign comes."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from deploy.local.people import User
from shared.contracts.instants import from_text

RETRY_S = 0.2


class NothingLive(Exception):
    """No vital sign came in time, or the wait was ended; the text says how far it got."""


def wait_for_vital_sign(
    address: str, user: User, is_over: Callable[[], bool], within_s: float
) -> str:
    """The first vital sign with a value on the live socket, as a sentence.

    Raises
    ------
    NothingLive : none came within the time
    """
    return asyncio.run(_wait(address, user, is_over, within_s))


async def _wait(address: str, user: User, is_over: Callable[[], bool], within_s: float) -> str:
    deadline = time.monotonic() + within_s
    since_us = time.time_ns() // 1_000  # what was stored before is not live
    reached = "the api does not answer"
    while time.monotonic() < deadline and not is_over():
        try:
            async with asyncio.timeout(min(10.0, within_s)):
                async with httpx.AsyncClient(base_url=address, timeout=5.0) as client:
                    token = await _log_in(client, user)
                    reached = "logged in"
                    wards = await _wards(client, token)
                reached = f"wards {wards}, waiting for a vital sign"
                return await _first_vital(address, token, wards, since_us)
        except (OSError, TimeoutError, httpx.HTTPError, WebSocketException, LookupError) as error:
            reached = f"{reached} ({type(error).__name__}: {error})"[:500]
            await asyncio.sleep(RETRY_S)
    raise NothingLive(f"no vital sign on the live feed in {within_s:.0f} s: {reached}")


async def _log_in(client: httpx.AsyncClient, user: User) -> str:
    answer = await client.post(
        "/v1/token", data={"username": user.username, "password": user.password}
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


async def _wards(client: httpx.AsyncClient, token: str) -> list[str]:
    answer = await client.get("/v1/wards", headers={"Authorization": f"Bearer {token}"})
    answer.raise_for_status()
    return [str(ward["key"]) for ward in answer.json()["items"]]


async def _first_vital(address: str, token: str, wards: list[str], since_us: int) -> str:
    async with connect(address.replace("http", "ws", 1) + "/v1/live", compression=None) as socket:
        await socket.send(json.dumps({"op": "auth", "token": token}))
        for number, ward in enumerate(wards):
            subscription = {"op": "subscribe", "id": f"w{number}", "ward": ward, "what": ["vitals"]}
            await socket.send(json.dumps(subscription))
        async for message in socket:
            if isinstance(message, str):
                for item in _vitals(json.loads(message)):
                    if item.get("value") is not None and from_text(item["t"]) >= since_us:
                        return f"{item['measure']} {item['value']:.0f} of {item['patient']}"
    raise NothingLive("the live socket was closed")


def _vitals(message: dict[str, Any]) -> list[dict[str, Any]]:
    items = message.get("items", []) if message.get("kind") == "vitals" else []
    return list(items)
