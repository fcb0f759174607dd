"""Nothing confirmed is lost, everything comes in order, and a reader continues where it was."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.queues import QueueReader
from shared.broker.streams import (
    NOTE_OFFSETS,
    PROBE_AFTER_S,
    Discontinuity,
    Fault,
    StreamBatch,
    StreamEdge,
    StreamMessage,
    StreamReader,
)
from shared.contracts.formats import COMMAND_V1, FRAMES_V1
from shared.contracts.names import Exchange, Header
from shared.errors import NotFound
from shared.runtime.clock import SystemClock
from tests.harness.eventually import eventually


def frame_message(n: int, *, lane: int = 0, body: bytes | None = None) -> Message:
    return Message(
        exchange=Exchange.FRAMES,
        routing_key=str(lane),
        format=FRAMES_V1,
        body=str(n).encode() if body is None else body,
        headers={Header.INCARNATION: 1, Header.BYTES: n},
        t=1_767_225_600_000_000,
    )


@pytest.fixture
async def publisher(broker: Broker) -> AsyncIterator[Publisher]:
    async with Publisher(broker, clock=SystemClock(), unroutable_patience_s=1) as publisher:
        yield publisher


async def read(reader: StreamReader, count: int, *, within_s: float = 60) -> list[StreamMessage]:
    stop = asyncio.Event()
    found: list[StreamMessage] = []
    async with asyncio.timeout(within_s):
        async for batch in reader.batches(until=stop):
            found += batch.messages
            if len(found) >= count:
                stop.set()
    return found


async def test_what_is_published_is_read_in_order(broker: Broker, publisher: Publisher) -> None:
    confirmations = [await publisher.send(frame_message(n)) for n in range(300)]
    await confirmations[-1]
    assert all(confirmation.done() for confirmation in confirmations)
    async with StreamReader(broker, "frames.0", start=StreamEdge.FIRST) as reader:
        messages = await read(reader, 300)
    assert [message.body for message in messages] == [str(n).encode() for n in range(300)]
    assert [message.offset for message in messages] == list(range(300))
    assert messages[7].type == "frames.v1"
    assert messages[7].headers[Header.BYTES] == 7


async def test_a_reader_begins_at_its_offset(broker: Broker, publisher: Publisher) -> None:
    for n in range(50):
        await publisher.publish(frame_message(n))
    async with StreamReader(broker, "frames.0", start=20) as reader:
        assert [message.offset for message in await read(reader, 30)] == list(range(20, 50))


async def test_a_reader_at_the_first_of_an_empty_stream_hears_what_comes(
    broker: Broker, publisher: Publisher
) -> None:
    """The search for the end must not hold up the reading."""
    async with StreamReader(broker, "frames.0", start=StreamEdge.FIRST) as reader:
        reading = asyncio.create_task(read(reader, 2))
        # Long enough that the reader has looked for the end of the empty stream.
        await eventually(lambda: reader.is_at_end, within_s=20)
        await publisher.publish(frame_message(0))
        await publisher.publish(frame_message(1))
        assert [message.offset for message in await reading] == [0, 1]


async def test_a_reader_at_the_first_hears_what_comes_while_it_looks_for_the_end(
    broker: Broker, publisher: Publisher
) -> None:
    """On a stream that is written to, its end runs ahead: the search must not follow it."""
    async with StreamReader(broker, "frames.0", start=StreamEdge.FIRST) as reader:
        reading = asyncio.create_task(read(reader, 2))
        await asyncio.sleep(PROBE_AFTER_S * 1.5)  # it is in the middle of its search
        async with asyncio.timeout(60):  # who follows the end never reads
            n = 0
            while not reading.done():
                await publisher.publish(frame_message(n))
                await asyncio.wait([reading], timeout=PROBE_AFTER_S / 4)
                n += 1
        assert [message.offset for message in reading.result()][:2] == [0, 1]


async def test_next_hears_only_what_comes(broker: Broker, publisher: Publisher) -> None:
    await publisher.publish(frame_message(0))
    async with (
        StreamReader(broker, "frames.0", start=StreamEdge.NEXT) as reader,
        asyncio.TaskGroup() as group,
    ):
        reading = group.create_task(read(reader, 1))
        n = 0
        while not reading.done():
            n += 1
            await publisher.publish(frame_message(n))
            await asyncio.sleep(0.05)
    assert reading.result()[0].offset > 0


async def test_an_unroutable_message_is_a_failure(publisher: Publisher) -> None:
    with pytest.raises(NotFound):
        await publisher.publish(frame_message(0, lane=63))
    await publisher.publish(frame_message(1))


async def test_an_exchange_that_is_missing_fails_only_its_own_message(
    broker: Broker, publisher: Publisher
) -> None:
    channel = await broker.consuming.channel()
    await channel.exchange_delete("notices")
    await channel.close()
    before = [await publisher.send(frame_message(n)) for n in range(10)]
    lost = await publisher.send(
        Message(exchange=Exchange.NOTICES, routing_key="notices", format=COMMAND_V1, body=b"{}")
    )
    after = [await publisher.send(frame_message(n)) for n in range(10, 20)]
    with pytest.raises(NotFound):
        await lost
    for confirmation in (*before, *after):
        await confirmation


async def test_a_position_beyond_the_end_is_found_out(broker: Broker, publisher: Publisher) -> None:
    for n in range(5):
        await publisher.publish(frame_message(n))
    stop = asyncio.Event()
    async with StreamReader(broker, "frames.0", start=100) as reader, asyncio.timeout(60):
        async for batch in reader.batches(until=stop):
            stop.set()
            assert batch.discontinuity is not None
            assert batch.discontinuity.fault is Fault.REWOUND
            assert batch.discontinuity.expected == 100
            assert batch.messages[0].offset == 0


async def test_a_position_at_the_end_waits_for_the_next(
    broker: Broker, publisher: Publisher
) -> None:
    for n in range(5):
        await publisher.publish(frame_message(n))
    async with (
        StreamReader(broker, "frames.0", start=5) as reader,
        asyncio.TaskGroup() as group,
    ):
        reading = group.create_task(read(reader, 1))
        await asyncio.sleep(6)  # longer than the probe takes
        assert not reading.done()
        await publisher.publish(frame_message(5))
    assert reading.result()[0].offset == 5


async def test_truncation_is_told(broker: Broker, publisher: Publisher) -> None:
    body = b"x" * 100_000
    confirmations = [await publisher.send(frame_message(n, body=body)) for n in range(400)]
    await confirmations[-1]

    async def first() -> StreamBatch:
        stop = asyncio.Event()
        found: list[StreamBatch] = []
        async with StreamReader(broker, "frames.0", start=0) as reader, asyncio.timeout(60):
            async for batch in reader.batches(until=stop):
                stop.set()
                found.append(batch)
        return found[0]

    async def is_told() -> bool:
        batch = await first()
        assert batch.discontinuity is not None
        assert batch.discontinuity.fault is Fault.TRUNCATED
        assert batch.discontinuity.expected == 0
        assert batch.discontinuity.found == batch.messages[0].offset > 100
        return True

    await eventually(is_told)  # RabbitMQ removes what is too old a moment after it was written


async def test_a_queue_gives_back_what_was_not_settled(
    broker: Broker, publisher: Publisher
) -> None:
    def command(n: int) -> Message:
        return Message(
            exchange=Exchange.COMMANDS, routing_key="0", format=COMMAND_V1, body=str(n).encode()
        )

    for n in range(3):
        await publisher.publish(command(n))
    stop = asyncio.Event()
    async with QueueReader(broker, "commands.0") as queue, asyncio.timeout(60):
        async for delivery in queue.deliveries(until=stop):
            if delivery.body == b"0":
                await delivery.settle()
            else:
                stop.set()
    stop = asyncio.Event()
    again = []
    async with QueueReader(broker, "commands.0") as queue, asyncio.timeout(60):
        async for delivery in queue.deliveries(until=stop):
            again.append((delivery.body, delivery.attempt))
            await delivery.settle()
            if len(again) == 2:
                stop.set()
    assert again == [(b"1", 2), (b"2", 2)]


async def test_a_reader_that_is_overtaken_is_told_so(broker: Broker, publisher: Publisher) -> None:
    body = b"x" * 100_000

    async def publish(count: int) -> None:
        confirmations = [await publisher.send(frame_message(n, body=body)) for n in range(count)]
        await confirmations[-1]

    await publish(100)
    stop = asyncio.Event()
    found: list[Discontinuity] = []
    following = 0
    async with (
        StreamReader(broker, "frames.0", start=0, prefetch=4, batch_most=4) as reader,
        asyncio.timeout(60),
    ):
        async for batch in reader.batches(until=stop):
            if following == 0:
                await publish(500)  # meanwhile this reader stands still
            if batch.discontinuity is not None:
                assert batch.discontinuity.fault is Fault.TRUNCATED
                assert batch.discontinuity.expected == following
                found.append(batch.discontinuity)
                following = batch.discontinuity.found
            for message in batch.messages:
                assert 0 <= message.offset - following <= NOTE_OFFSETS
                following = message.offset + 1
            if batch.messages[-1].headers[Header.BYTES] == 499:
                stop.set()
    assert found
