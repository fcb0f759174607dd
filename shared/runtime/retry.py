"""The only back-off: exponential, jittered, bounded, and only for what is unavailable."""

import asyncio
import random  # noqa: TID251 - jitter is the one use; a test injects its own generator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from shared.errors import Unavailable
from shared.runtime.waiting import pause

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """How long to wait between attempts.

    Parameters
    ----------
    first_s : before the second attempt, at most
    factor : how much longer each wait is than the one before
    most_s : no wait is longer
    attempts : give up after so many; None goes on until the stop
    """

    first_s: float = 0.1
    factor: float = 2.0
    most_s: float = 5.0
    attempts: int | None = None

    def delay_s(self, attempt: int, jitter: float) -> float:
        """Seconds to wait after that many failed attempts (from 1); jitter is 0 to 1.

        Between half and all of the exponential value, so that many clients do not come at once.
        """
        exponent = min(attempt - 1, 60)  # beyond, the power overflows and most_s holds anyway
        return min(self.most_s, self.first_s * self.factor**exponent) * (0.5 + 0.5 * jitter)


@dataclass(slots=True)
class Retry:
    """Tries again what was unavailable, until it works or the service stops.

    Parameters
    ----------
    back_off : how long between attempts
    on_failure : told (attempt, error, seconds until the next) before each wait, for log and count
    jitter : gives a number from 0 to 1
    """

    back_off: BackOff = field(default_factory=BackOff)
    on_failure: Callable[[int, Unavailable, float], None] | None = None
    jitter: Callable[[], float] = random.random

    async def run(self, action: Callable[[], Awaitable[T]], *, until: asyncio.Event) -> T:
        """Give what the action gives, trying again while something is unavailable.

        Cancel-safe: as far as the action is.

        Raises
        ------
        Unavailable : the last one, when the attempts are used up or the stop is set
        """
        attempt = 0
        while True:
            try:
                return await action()
            except Unavailable as error:
                attempt += 1
                if self.back_off.attempts is not None and attempt >= self.back_off.attempts:
                    raise
                delay_s = self.back_off.delay_s(attempt, self.jitter())
                if self.on_failure is not None:
                    self.on_failure(attempt, error, delay_s)
                if await pause(until, delay_s):
                    raise
