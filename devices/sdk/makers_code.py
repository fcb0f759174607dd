"""Calls into the maker's own code: whatever it raises, the device goes on."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
TEXT_MOST = 200
log = logging.getLogger("vitalwire.sdk")


@dataclass(frozen=True, slots=True)
class Fault:
    """What the maker's code raised, in few words."""

    text: str


async def attempt(work: Awaitable[T], *, doing: str) -> T | Fault:
    """What the maker's code gives, or what it raised instead. Cancellation passes through."""
    try:
        return await work
    except Exception as error:
        log.exception("makers_code_failed doing=%s", doing)
        return Fault(f"{type(error).__name__}: {error}"[:TEXT_MOST])
