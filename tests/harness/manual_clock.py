"""A clock that a test moves."""

import asyncio
import heapq
import itertools


class ManualClock:
    """Implements `shared.runtime.clock.Clock`: time passes when the test says so, and only then.

    Parameters
    ----------
    start_us : microseconds since 1970 at the beginning (2026-01-01 unless told otherwise)
    """

    def __init__(self, start_us: int = 1_767_225_600_000_000) -> None:
        self._now_us = start_us
        self._monotonic_us = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now_us(self) -> int:
        """Microseconds since 1970 in UTC."""
        return self._now_us

    def monotonic_s(self) -> float:
        """Seconds since this clock was made."""
        return self._monotonic_us / 1e6

    @property
    def sleepers(self) -> int:
        """How many wait for a later time."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has moved the clock that far; zero lets others run once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._monotonic_us + round(seconds * 1e6)
        heapq.heappush(self._sleepers, (due, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let time pass: whoever is due wakes in order, and runs until all wait again."""
        end = self._monotonic_us + round(seconds * 1e6)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            self._move(due)
            if not future.done():
                future.set_result(None)
            await settle()
        self._move(end)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator would; no duration changes."""
        self._now_us += round(seconds * 1e6)

    def _move(self, monotonic_us: int) -> None:
        self._now_us += monotonic_us - self._monotonic_us
        self._monotonic_us = monotonic_us


async def settle(*, rounds: int = 20) -> None:
    """Let every task that can run do so (without waiting for any time)."""
    for _ in range(rounds):
        await asyncio.sleep(0)
