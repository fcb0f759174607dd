"""Waiting for a state, not for an edge and not for a while."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")


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
    within_s: float = 5.0,
    every_s: float = 0.02,
) -> T:
    """The first true value of a condition; an AssertionError inside it counts as not yet.

    Parameters
    ----------
    condition : a plain or an async function without arguments
    within_s : how long it may take

    Raises
    ------
    AssertionError : it was not true in time; the text has what it said last
    """
    deadline = time.monotonic() + within_s
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
        if time.monotonic() > deadline:
            name = getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(f"{name} not true within {within_s} s; last: {last!r}")
        await asyncio.sleep(every_s)
