"""Waits that end early when the service is told to stop."""

import asyncio
from typing import Literal


async def wait_or_stop(
    future: asyncio.Future[None], stop: asyncio.Event, *, timeout_s: float | None = None
) -> bool:
    """Wait until the future is done, the stop is set or time is up; true when the future is done.

    The future is left as it is: neither cancelled nor asked for its result.
    Cancel-safe: holds nothing.
    """
    if future.done():
        return True
    if stop.is_set():
        return False
    stopping = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[None] | asyncio.Future[Literal[True]]] = {future, stopping}
    try:
        await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    return future.done()


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long or until the stop is set; true when the stop is set.

    For the turns of a periodic loop: it ends at once at a shutdown. Cancel-safe: holds nothing.
    """
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return stop.is_set()


async def either(one: asyncio.Event, other: asyncio.Event, timeout_s: float) -> None:
    """Wait until one of two events is set or time is up. Cancel-safe: holds nothing."""
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(one.wait()), group.create_task(other.wait())]
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
