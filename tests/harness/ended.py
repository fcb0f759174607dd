"""Ending tasks for certain."""

import asyncio
from typing import Any

LOOK_AGAIN_S = 1.0


async def ended(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks until they have ended; what they raised meanwhile is passed over.

    Once may not be enough: `asyncio.wait_for` of 3.11, in the libraries that a task may stand in,
    loses a cancellation that comes together with what it waits for.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=LOOK_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
