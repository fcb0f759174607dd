"""RabbitMQ killed, links cut and frozen: nothing confirmed is lost, order holds, readers go on."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest

from shared.broker.connection import Broker
from shared.broker.publisher import Confirmation, Publisher
from shared.broker.streams import NOTE_OFFSETS, StreamEdge, StreamReader
from shared.broker.topology import declare
from shared.errors import Unavailable
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import SMALL, broker_address
from tests.harness.ended import ended
from tests.harness.eventually import eventually
from tests.harness.rabbitmq import RabbitMq, VirtualHost
from tests.harness.tcp_proxy import TcpProxy
from tests.integration.shared.test_publish_and_read import frame_message, read

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def own_rabbitmq() -> Iterator[RabbitMq]:
    """A RabbitMQ that this test may kill."""
    server = RabbitMq()
    try:
        yield server.start()
    finally:
        server.discard()


class Ledger:
    """What was handed over, what was confirmed, what was read."""

    def __init__(self) -> None:
        self.confirmed: list[int] = []
        self.read: list[int] = []
        self.offsets: list[int] = []
        self.stop_publishing = asyncio.Event()
        self.stop_reading = asyncio.Event()

    async def publish(self, publisher: Publisher) -> None:
        n = 0
        async with asyncio.TaskGroup() as group:
            while not self.stop_publishing.is_set():
                confirmation = await publisher.send(frame_message(n))
                group.create_task(self._note(n, confirmation))
                n += 1
                await asyncio.sleep(0.001)

    async def _note(self, n: int, confirmation: "asyncio.Future[None]") -> None:
        await confirmation
        self.confirmed.append(n)

    async def follow(self, reader: StreamReader) -> None:
        async for batch in reader.batches(until=self.stop_reading):
            assert batch.discontinuity is None
            self.read += [int(message.body) for message in batch.messages]
            self.offsets += [message.offset for message in batch.messages]

    def check(self) -> None:
        assert self.confirmed == list(range(len(self.confirmed))), "confirms in order"
        assert set(self.confirmed) <= set(self.read), "nothing confirmed is lost"
        steps = {after - before for before, after in pairwise(self.offsets)}
        assert steps <= {1, 1 + NOTE_OFFSETS}, "no offset twice, none left out"
        first_seen = list(dict.fromkeys(self.read))
        assert first_seen == sorted(first_seen), "in order but for repeats"


async def test_rabbitmq_is_killed_twice_while_publishing_and_reading(
    own_rabbitmq: RabbitMq,
) -> None:
    address = broker_address(own_rabbitmq.create_virtual_host())
    ledger = Ledger()
    async with Broker(address, instance="test", metrics=Metrics("test")) as broker:
        await declare(broker.publishing, lanes=1, retention=SMALL)
        async with (
            Publisher(broker, clock=SystemClock(), outstanding_most=200) as publisher,
            StreamReader(broker, "frames.0", start=StreamEdge.FIRST) as reader,
            asyncio.TaskGroup() as group,
        ):
            publishing = group.create_task(ledger.publish(publisher))
            group.create_task(ledger.follow(reader))
            for more in (1, 300):  # at first streams and queues were made a moment ago
                enough = len(ledger.confirmed) + more
                await eventually(lambda: len(ledger.confirmed) >= enough, within_s=40)  # noqa: B023
                own_rabbitmq.kill()
                await own_rabbitmq.restart()
            before = len(ledger.confirmed)
            await eventually(lambda: len(ledger.confirmed) > before + 300, within_s=40)
            ledger.stop_publishing.set()
            await publishing
            last = ledger.confirmed[-1]
            await eventually(lambda: last in ledger.read, within_s=20)
            ledger.stop_reading.set()
        await declare(broker.publishing, lanes=1, retention=SMALL)  # all of it is there and at work
    ledger.check()


async def test_links_are_cut_again_and_again(virtual_host: VirtualHost) -> None:
    ledger = Ledger()
    async with TcpProxy(virtual_host.port) as proxy:
        address = broker_address(virtual_host, port=proxy.port)
        async with Broker(address, instance="test", metrics=Metrics("test")) as broker:
            await declare(broker.publishing, lanes=1, retention=SMALL)
            async with (
                Publisher(broker, clock=SystemClock(), outstanding_most=200) as publisher,
                StreamReader(broker, "frames.0", start=StreamEdge.FIRST) as reader,
                asyncio.TaskGroup() as group,
            ):
                publishing = group.create_task(ledger.publish(publisher))
                group.create_task(ledger.follow(reader))
                for _ in range(5):
                    before = len(ledger.confirmed)
                    await eventually(lambda: len(ledger.confirmed) > before + 100, within_s=20)  # noqa: B023
                    proxy.cut()
                ledger.stop_publishing.set()
                await publishing
                last = ledger.confirmed[-1]
                await eventually(lambda: last in ledger.read, within_s=20)
                ledger.stop_reading.set()
    ledger.check()


async def test_a_frozen_link_is_noticed_and_left(virtual_host: VirtualHost) -> None:
    async with TcpProxy(virtual_host.port) as proxy:
        address = broker_address(virtual_host, port=proxy.port)
        async with Broker(address, instance="test", metrics=Metrics("test")) as broker:
            await declare(broker.publishing, lanes=1, retention=SMALL)
            async with Publisher(broker, clock=SystemClock(), confirm_timeout_s=1) as publisher:
                await publisher.publish(frame_message(0))
                proxy.freeze(towards="client")
                confirmation = await publisher.send(frame_message(1))
                await asyncio.sleep(1.5)
                assert not confirmation.done()
                proxy.thaw()
                async with asyncio.timeout(60):
                    await confirmation
            async with StreamReader(broker, "frames.0", start=StreamEdge.FIRST) as reader:
                bodies = [message.body for message in await read(reader, 2)]
                assert bodies[0] == b"0"
                assert set(bodies[1:]) == {b"1"}


async def test_what_is_outstanding_is_bounded(virtual_host: VirtualHost) -> None:
    async with TcpProxy(virtual_host.port) as proxy:
        address = broker_address(virtual_host, port=proxy.port)
        async with Broker(address, instance="test", metrics=Metrics("test")) as broker:
            await declare(broker.publishing, lanes=1, retention=SMALL)
            async with Publisher(
                broker, clock=SystemClock(), outstanding_most=10, drain_timeout_s=0.2
            ) as publisher:
                proxy.refuse = True
                proxy.cut()
                sent: list[Confirmation] = []

                async def send_on() -> None:
                    while True:
                        sent.append(await publisher.send(frame_message(len(sent))))

                sending = asyncio.create_task(send_on())
                await eventually(lambda: len(sent) == 10)
                await asyncio.wait([sending], timeout=0.5)
                assert len(sent) == 10
                assert publisher.n_outstanding == 10
                await ended(sending)
            for confirmation in sent:
                with pytest.raises(Unavailable):
                    await confirmation


async def test_cancelled_senders_leave_the_order_and_the_bound_intact(broker: Broker) -> None:
    async with Publisher(broker, clock=SystemClock(), outstanding_most=3) as publisher:
        async with asyncio.TaskGroup() as group:
            senders = [group.create_task(publisher.send(frame_message(n))) for n in range(50)]
            await asyncio.sleep(0)
            for sender in senders[10::3]:
                sender.cancel()
        kept = [sender.result() for sender in senders if not sender.cancelled()]
        async with asyncio.timeout(60):
            for confirmation in kept:
                await confirmation
    sent = [n for n, sender in enumerate(senders) if not sender.cancelled()]
    async with StreamReader(broker, "frames.0", start=StreamEdge.FIRST) as reader:
        assert [int(message.body) for message in await read(reader, len(sent))] == sent
