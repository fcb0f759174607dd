import asyncio

import pytest

from shared.runtime.channel import Channel, ChannelClosed


async def test_a_full_channel_makes_the_writer_wait() -> None:
    channel: Channel[int] = Channel(2)
    await channel.put(1)
    await channel.put(2)
    async with asyncio.TaskGroup() as group:
        third = group.create_task(channel.put(3))
        await asyncio.sleep(0)
        assert not third.done()
        assert await channel.take() == 1
    assert await channel.take_many(10) == [2, 3]


async def test_a_closed_channel_drains_and_then_ends() -> None:
    channel: Channel[int] = Channel(4)
    for n in range(3):
        await channel.put(n)
    await channel.close()
    with pytest.raises(ChannelClosed):
        await channel.put(4)
    assert [item async for item in channel] == [0, 1, 2]
    with pytest.raises(ChannelClosed):
        await channel.take()


async def test_closing_wakes_whoever_waits() -> None:
    full: Channel[int] = Channel(1)
    empty: Channel[int] = Channel(1)
    await full.put(0)

    async def write() -> bool:
        try:
            await full.put(1)
        except ChannelClosed:
            return True
        return False

    async with asyncio.TaskGroup() as group:
        writer = group.create_task(write())
        reader = group.create_task(anext(empty, None))
        await asyncio.sleep(0)
        await full.close()
        await empty.close()
    assert writer.result()
    assert reader.result() is None


async def test_a_cancelled_reader_takes_nothing_with_it() -> None:
    channel: Channel[int] = Channel(1)
    async with asyncio.TaskGroup() as group:
        reader = group.create_task(channel.take())
        await asyncio.sleep(0)
        reader.cancel()
        await channel.put(7)
    assert await channel.take() == 7
