import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from shared.broker.consumer import Consumer
from shared.errors import Unavailable
from tests.harness.eventually import eventually


class ClosedChannel:
    """All that a consumer asks of a channel that is gone."""

    is_closed = True


@dataclass
class NotingChannel:
    """Notes up to which delivery was acknowledged."""

    is_closed: bool = False
    acknowledged: list[int] = field(default_factory=list)

    async def basic_ack(self, delivery_tag: int, *, multiple: bool, wait: bool) -> None:
        assert multiple
        assert not wait
        self.acknowledged.append(delivery_tag)

    async def close(self) -> None:
        self.is_closed = True


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


async def test_what_is_done_with_is_acknowledged_by_halves_of_the_prefetch() -> None:
    channel, stop = NotingChannel(), asyncio.Event()
    one = Consumer(cast("Any", channel), "q", prefetch=8)
    for tag in range(1, 11):
        await deliver(one, tag)
        assert await taken(one, 1, stop) == [tag]
        await one.finish(tag, 1)
    assert channel.acknowledged == [4, 8]
    await one.finish(20, 10)
    assert channel.acknowledged == [4, 8, 20]
    await one.close()


async def test_what_is_done_with_is_acknowledged_soon_where_nothing_more_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.broker.consumer.DONE_WITHIN_S", 0.01)
    channel, stop = NotingChannel(), asyncio.Event()
    one = Consumer(cast("Any", channel), "q", prefetch=100)
    await one.finish(7, 1)
    assert channel.acknowledged == []
    waiting = asyncio.ensure_future(taken(one, 1, stop))
    await eventually(lambda: channel.acknowledged == [7], every_s=0.001)
    await deliver(one, 8)
    assert await waiting == [8]
    await one.finish(8, 1)
    await asyncio.sleep(0.01)
    await one.finish(9, 1)
    assert channel.acknowledged == [7, 9], "under way all the time, and old"
    await one.close()
