"""Time passes when the test says so."""

import asyncio

from shared.runtime.clock import Clock
from tests.harness.manual_clock import ManualClock


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock = ManualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic_s()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 3))
        group.create_task(sleeper("early", 1))
        await clock.advance(2)
        assert woken == [("early", 1.0)]
        await clock.advance(2)
    assert woken == [("early", 1.0), ("late", 3.0)]


async def test_whoever_sleeps_again_is_woken_within_one_advance() -> None:
    clock = ManualClock()
    turns = 0

    async def loop() -> None:
        nonlocal turns
        while turns < 5:
            await clock.sleep(0.5)
            turns += 1

    async with asyncio.TaskGroup() as group:
        group.create_task(loop())
        await clock.advance(10)
    assert turns == 5


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    assert clock.sleepers == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.sleepers == 0
    await clock.advance(2)


def test_a_step_of_the_wall_clock_changes_no_duration() -> None:
    clock = ManualClock(start_us=1_000_000)
    clock.step(-3_600)
    assert clock.now_us() == 1_000_000 - 3_600_000_000
    assert clock.monotonic_s() == 0


def test_it_is_a_clock() -> None:
    clock: Clock = ManualClock()  # mypy proves it
    assert clock.now_us() == 1_767_225_600_000_000
