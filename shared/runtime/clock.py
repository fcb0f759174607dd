"""The only place that reads time or waits for it; everything else is handed a clock."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as an argument, so that a test can drive it."""

    def now_us(self) -> int:
        """Microseconds since 1970 in UTC; may step when the machine's clock is set."""

    def monotonic_s(self) -> float:
        """Seconds that never step, for durations only."""

    async def sleep(self, seconds: float) -> None:
        """Wait; zero lets others run once. Cancel-safe: holds nothing."""


class SystemClock:
    """The machine's own clock."""

    def now_us(self) -> int:
        """Microseconds since 1970 in UTC."""
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        """Seconds that never step."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that long. Cancel-safe: holds nothing."""
        await asyncio.sleep(seconds)
