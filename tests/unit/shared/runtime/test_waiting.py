import asyncio

import pytest

from shared.runtime.waiting import pause, wait_or_stop


async def test_pause_ends_at_the_stop_and_by_itself() -> None:
    stop = asyncio.Event()
    assert not await pause(stop, 0.001)
    stop.set()
    async with asyncio.timeout(60):
        assert await pause(stop, 1000)


async def test_waiting_ends_by_the_future_the_stop_or_the_time() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    future: asyncio.Future[None] = loop.create_future()
    assert not await wait_or_stop(future, stop, timeout_s=0.001)
    loop.call_soon(future.set_result, None)
    assert await wait_or_stop(future, stop)
    waiting: asyncio.Future[None] = loop.create_future()
    loop.call_soon(stop.set)
    assert not await wait_or_stop(waiting, stop)
    assert not waiting.done()


async def test_a_cancelled_wait_leaves_no_task() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    before = asyncio.all_tasks()
    waiting = asyncio.ensure_future(wait_or_stop(future, asyncio.Event()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert not future.done()
