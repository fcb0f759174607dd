"""Waiting for a state, not for an edge and not for a while."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

# Limits are written for a quiet machine and only end what hangs: a busy one may take this much
# longer. Where the time itself is the promise, a test measures it and says so.
PATIENCE = 3.0
# Looking costs too, often more than what is waited for: who has waited long is asked less often.
LATER_SHARE, RAREST_S = 0.03, 0.25


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], *, within_s: float = ..., every_s: float = ...
) -> T: ...


@overload
async def eventually(
    condition: Callable[[], T], *, within_s: float = ..., every_s: float = ...
) -> T: ...


async def eventually(
    condition: Callable[[], T | Awaitable[T]],
    *,
    within_s: float = 20.0,
    every_s: float = 0.02,
) -> T:
    """The first true value of a condition; an AssertionError inside it counts as not yet.

    Parameters
    ----------
    condition : a plain or an async function without arguments
    within_s : how long it may take on a quiet machine
    every_s : how long to rest between looks at first; a long wait looks less often

    Raises
    ------
    AssertionError : it was not true in time; the text has what it said last
    """
    began = time.monotonic()
    last: object = None
    while True:
        try:
            value = condition()
            held = await value if inspect.isawaitable(value) else value
        except AssertionError as error:
            last = error
        else:
            if held:
                return held
            last = held
        waited_s = time.monotonic() - began
        if waited_s > PATIENCE * within_s:
            name = getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(f"{name} not true within {waited_s:.1f} s; last: {last!r}")
        await asyncio.sleep(max(every_s, min(LATER_SHARE * waited_s, RAREST_S)))
