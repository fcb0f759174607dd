"""A bug harms one message, not a lane: what chokes twice is parked, and the next one goes on.

Here stands the only `except Exception` of the system, around the work on one message.
"""

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from shared.errors import Unavailable

T = TypeVar("T")
log = structlog.get_logger()

TRACEBACK_LIMIT = 16  # frames kept of a traceback: enough to find the line, bounded in a queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Choked:
    """One message that the work failed on twice.

    Parameters
    ----------
    error : name of the exception's class
    traceback : its last frames as text, without the values of variables
    """

    error: str
    traceback: str


def attempt_twice(work: Callable[[], T], *, loop: str, identity: str) -> T | Choked:
    """Give what the work gives, or how it choked when it failed twice.

    Errors of a dependency and cancellation pass through: they say nothing against the message.
    The caller parks the message (reason `internal_error`), counts it and goes on.

    Parameters
    ----------
    work : pure work on one message, safe to do again
    loop : name of the loop, for the log
    identity : of the message, for the log; never its content
    """
    try:
        return work()
    except Unavailable:
        raise
    except Exception:
        log.warning("message_choked", loop=loop, identity=identity, exc_info=True)
    try:
        return work()
    except Unavailable:
        raise
    except Exception as error:
        log.exception("message_choked_again", loop=loop, identity=identity)
        return _choked(error)


async def attempt_twice_async(
    work: Callable[[], Awaitable[T]], *, loop: str, identity: str
) -> T | Choked:
    """Do as `attempt_twice` does, for work that waits. The work must be idempotent."""
    try:
        return await work()
    except Unavailable:
        raise
    except Exception:
        log.warning("message_choked", loop=loop, identity=identity, exc_info=True)
    try:
        return await work()
    except Unavailable:
        raise
    except Exception as error:
        log.exception("message_choked_again", loop=loop, identity=identity)
        return _choked(error)


def _choked(error: Exception) -> Choked:
    frames = traceback.extract_tb(error.__traceback__)[-TRACEBACK_LIMIT:]
    return Choked(
        error=type(error).__name__,
        traceback="".join(traceback.format_list(frames)) + type(error).__name__,
    )
