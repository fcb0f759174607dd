import asyncio
from typing import Any, cast

import pytest

from shared.broker.consumer import Consumer
from shared.errors import Unavailable


class ClosedChannel:
    """All that a consumer asks of a channel that is gone."""

    is_closed = True


def consumer() -> Consumer:
    return Consumer(cast("Any", ClosedChannel()), "q")


async def deliver(to: Consumer, *what: int) -> None:
    for one in what:
        await to._on_delivery(cast("Any", one))


async def taken(one: Consumer, most: int, until: asyncio.Event) -> list[Any]:
    """What `deliver` gave, which stands in for deliveries."""
    return list(await one.take(most, until=until))


async def test_what_comes_is_given_in_order_and_no_more_than_asked_for() -> None:
    one, stop = consumer(), asyncio.Event()
    waiting = asyncio.ensure_future(taken(one, 2, stop))
    await asyncio.sleep(0)
    await deliver(one, 1, 2, 3)
    assert await waiting == [1, 2]
    assert await taken(one, 5, stop) == [3]
    await one.close()


async def test_a_stop_the_time_and_the_loss_end_the_wait() -> None:
    one, stop = consumer(), asyncio.Event()
    assert await one.take(1, until=stop, timeout_s=0.001) == []
    asyncio.get_running_loop().call_soon(stop.set)
    assert await one.take(1, until=stop) == []
    assert await one.take(1, until=stop) == []
    another = asyncio.Event()
    asyncio.get_running_loop().call_soon(one._on_lost, None)
    with pytest.raises(Unavailable):
        await one.take(1, until=another)
    await one.close()


async def test_a_cancelled_take_leaves_what_came_and_a_close_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    one, stop = consumer(), asyncio.Event()
    waiting = asyncio.ensure_future(one.take(1, until=stop))
    await asyncio.sleep(0)
    await deliver(one, 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await deliver(one, 2)
    assert await taken(one, 5, stop) == [1, 2]
    await one.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
