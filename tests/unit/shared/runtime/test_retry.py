import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Dependency, Invalid, Unavailable
from shared.runtime.retry import BackOff, Retry


@settings(deadline=None)
@given(st.integers(1, 10_000), st.floats(0, 1))
def test_delays_are_bounded_and_never_shrink(attempt: int, jitter: float) -> None:
    back_off = BackOff(first_s=0.1, factor=2, most_s=5)
    delay_s = back_off.delay_s(attempt, jitter)
    assert 0.05 <= delay_s <= 5
    assert back_off.delay_s(attempt + 1, jitter) >= delay_s


class Flaky:
    def __init__(self, failures: int, error: Exception) -> None:
        self.failures = failures
        self.error = error
        self.calls = 0

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return 42


QUICK = BackOff(first_s=0.001, most_s=0.002)
AWAY = Unavailable(Dependency.POSTGRESQL, "in a test")


async def test_what_is_unavailable_is_tried_again() -> None:
    told: list[int] = []
    retry = Retry(QUICK, on_failure=lambda attempt, _error, _delay_s: told.append(attempt))
    assert await retry.run(Flaky(3, AWAY), until=asyncio.Event()) == 42
    assert told == [1, 2, 3]


async def test_attempts_are_bounded() -> None:
    action = Flaky(9, AWAY)
    with pytest.raises(Unavailable):
        await Retry(BackOff(first_s=0.001, attempts=3)).run(action, until=asyncio.Event())
    assert action.calls == 3


async def test_nothing_else_is_tried_again() -> None:
    action = Flaky(1, Invalid("wrong"))
    with pytest.raises(Invalid):
        await Retry(QUICK).run(action, until=asyncio.Event())
    assert action.calls == 1


async def test_a_stop_ends_the_wait_at_once() -> None:
    stop = asyncio.Event()
    retry = Retry(BackOff(first_s=1000, most_s=1000))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(_expect_unavailable(retry, stop))
        await asyncio.sleep(0.01)
        stop.set()
        async with asyncio.timeout(60):
            assert await running


async def _expect_unavailable(retry: Retry, stop: asyncio.Event) -> bool:
    with pytest.raises(Unavailable):
        await retry.run(Flaky(10, AWAY), until=stop)
    return True
