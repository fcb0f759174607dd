"""The MQTT session against a broker made of bytes: cut anywhere, wrong, silent, taken over."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import mqtt5
import pytest
from typing_extensions import override

from services.gateway.adapters.mqtt import (
    GATHERED_MESSAGES,
    INBOX_MOST_MESSAGES,
    MORE_BYTES,
    REST_S,
    MqttOptions,
    MqttSession,
    open_session,
)
from services.gateway.core.messages import SessionEnded
from shared.errors import Misconfigured, Unavailable
from shared.runtime.clock import SystemClock
from tests.harness.eventually import eventually

CONNACK = mqtt5.ConnAckPacket(session_present=True).write()
QOS = mqtt5.QoS.AT_LEAST_ONCE


@dataclass
class FakeBroker:
    """Answers CONNECT and SUBSCRIBE, and then says what the test tells it to."""

    port: int = 0
    connack: bytes = CONNACK
    refuse_filters: bool = False
    heard: list[mqtt5.Packet] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    n_serving: int = 0
    answers_within_s: float = 60.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.n_serving += 1
        rest = b""
        try:
            while data := await reader.read(65_536):
                rest += data
                while rest:
                    try:
                        packet, used = mqtt5.read(memoryview(rest))
                    except IndexError:
                        break
                    rest = rest[used:]
                    self.heard.append(packet)
                    self.answer(packet, writer)
        except ConnectionError:
            return
        finally:
            writer.close()
            self.n_serving -= 1

    def answer(self, packet: mqtt5.Packet, writer: asyncio.StreamWriter) -> None:
        if isinstance(packet, mqtt5.ConnectPacket):
            writer.write(self.connack)
        elif isinstance(packet, mqtt5.SubscribePacket):
            code = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
            if self.refuse_filters:
                code = mqtt5.SubAckReasonCode.NOT_AUTHORIZED
            codes = [code] * len(packet.topic_filters)
            writer.write(mqtt5.SubAckPacket(packet.packet_id, codes).write())

    def say(self, data: bytes) -> None:
        self.writers[-1].write(data)

    def heard_of(self, kind: type[mqtt5.Packet]) -> list[mqtt5.Packet]:
        return [packet for packet in self.heard if isinstance(packet, kind)]


@pytest.fixture
async def broker() -> AsyncIterator[FakeBroker]:
    broker = FakeBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        for writer in broker.writers:
            writer.close()
        server.close()
        await server.wait_closed()
        await eventually(lambda: broker.n_serving == 0)


@asynccontextmanager
async def opened(broker: FakeBroker, **options: int) -> AsyncIterator[MqttSession]:
    session = await open_session(
        MqttOptions(
            host="127.0.0.1",
            port=broker.port,
            user="u",
            password=b"p",
            timeout_s=broker.answers_within_s,
            **options,
        ),
        "gateway-1-0",
        [f"vw1/{shard:02x}/+/up/#" for shard in range(128)],
        SystemClock(),
    )
    try:
        yield session
    finally:
        await session.close()


def publish(packet_id: int, payload: bytes = b"x", topic: str = "vw1/00/a-b/up/d/packed") -> bytes:
    properties = [("b", "1f"), ("n", str(packet_id))]
    return mqtt5.PublishPacket(
        topic, payload, qos=QOS, packet_id=packet_id, user_properties=properties
    ).write()


async def take_all(session: MqttSession, count: int) -> list[int]:
    taken: list[int] = []
    async with asyncio.timeout(60):
        while len(taken) < count:
            taken += [message.packet_id for message in await session.take(0.001)]
    return taken


async def test_it_connects_without_a_clean_start_and_subscribes_64_filters_a_packet(
    broker: FakeBroker,
) -> None:
    async with opened(broker, receive_max=77) as session:
        assert session.session_present
        (connect,) = broker.heard_of(mqtt5.ConnectPacket)
        assert isinstance(connect, mqtt5.ConnectPacket)
        assert (connect.clean_start, connect.receive_max) == (False, 77)
        assert connect.session_expiry_interval > 0
        assert connect.max_packet_size is not None
        packets = broker.heard_of(mqtt5.SubscribePacket)
        assert [len(p.topic_filters) for p in packets if isinstance(p, mqtt5.SubscribePacket)] == [
            64,
            64,
        ]
        assert not session.is_caught_up


async def test_every_message_comes_whole_however_its_bytes_are_cut(broker: FakeBroker) -> None:
    stream = b"".join(publish(number, bytes(number % 400)) for number in range(1, 41))
    chance = random.Random(5)
    async with opened(broker) as session:
        at = 0
        while at < len(stream):
            step = chance.choice([1, 1, 2, 3, 7, 50, 1_000])
            session.data_received(stream[at : at + step])
            at += step
        messages = await session.take(0)
        assert [message.packet_id for message in messages] == list(range(1, 41))
        assert [len(message.payload) for message in messages] == [n % 400 for n in range(1, 41)]
        assert messages[6].properties == [("b", "1f"), ("n", "7")]


async def test_bytes_one_by_one(broker: FakeBroker) -> None:
    stream = publish(1, bytes(300)) + publish(2) + mqtt5.PingRespPacket().write() + publish(3)
    async with opened(broker) as session:
        for octet in stream:
            session.data_received(bytes([octet]))
        assert await take_all(session, 3) == [1, 2, 3]


async def test_messages_are_gathered_for_a_while_or_until_they_are_many(broker: FakeBroker) -> None:
    async with opened(broker) as session:
        clock = asyncio.get_running_loop().time
        broker.say(publish(1))
        began_s = clock()
        assert len(await session.take(0.1)) == 1
        assert 0.09 < clock() - began_s < 1
        broker.say(b"".join(publish(number + 1) for number in range(GATHERED_MESSAGES)))
        began_s = clock()
        assert len(await session.take(30)) >= GATHERED_MESSAGES
        assert clock() - began_s < 5


class Link(asyncio.Transport):
    """What a session has of its connection: written to nowhere, read while it says so."""

    def __init__(self, link: socket.socket | None = None) -> None:
        super().__init__({"socket": link})
        self.reading = True

    @override
    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    @override
    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    @override
    def is_closing(self) -> bool:
        return False

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert data

    @override
    def close(self) -> None:
        self.reading = False


async def test_while_a_batch_is_gathered_the_socket_rests_after_each_read() -> None:
    clock = SystemClock()
    options = MqttOptions(host="", port=0, user="", password=b"")
    session = MqttSession(options, "gateway-1-0", clock)
    link = Link()
    session.connection_made(link)
    taking = asyncio.create_task(session.take(10.0))
    await asyncio.sleep(0)
    read_s: list[float] = []
    for number in (1, 2, 3):
        await eventually(lambda: link.reading, every_s=0.001)
        read_s.append(clock.monotonic_s())
        session.data_received(publish(number))
        assert not link.reading
    assert all(later - before > 0.9 * REST_S for before, later in pairwise(read_s))
    session.wake()
    assert [message.packet_id for message in await taking] == [1, 2, 3]
    await eventually(lambda: link.reading)
    quick = asyncio.create_task(session.take(REST_S))
    await asyncio.sleep(0)
    session.data_received(publish(11))
    assert link.reading, "a short wait is not made longer"
    assert len(await quick) == 1
    session.connection_lost(None)


def linked(link: Link) -> MqttSession:
    options = MqttOptions(host="", port=0, user="", password=b"")
    session = MqttSession(options, "gateway-1-0", SystemClock())
    session.connection_made(link)
    return session


async def test_a_loaded_lane_looks_into_the_socket_once_a_window() -> None:
    session = linked(link := Link())
    for first in (1, 11):
        taking = asyncio.create_task(session.take(0.05, at_once=True))
        await asyncio.sleep(0)
        assert not link.reading, "from the begin of the window"
        await eventually(lambda: link.reading, every_s=0.001)
        session.data_received(publish(first) + publish(first + 1))
        assert [message.packet_id for message in await taking] == [first, first + 1]
    session.data_received(publish(21))
    taking = asyncio.create_task(session.take(0.05, at_once=True))
    assert [message.packet_id for message in await taking] == [21], "what is there waits no longer"
    assert link.reading
    session.connection_lost(None)


async def test_one_look_takes_all_that_the_socket_holds() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session = linked(link := Link(ours))
        taking = asyncio.create_task(session.take(30, at_once=True))
        await asyncio.sleep(0)
        assert session._resting is not None
        session._resting.cancel()
        session._rested()  # the end of the window
        assert link.reading
        theirs.send(bytes(MORE_BYTES))
        session.data_received(publish(1))
        await asyncio.sleep(0)
        assert not taking.done(), "one read did not bring all"
        ours.recv(MORE_BYTES)
        session.data_received(publish(2))
        assert [message.packet_id for message in await taking] == [1, 2]
        session.connection_lost(None)


async def test_while_more_waits_than_one_look_brings_the_socket_is_not_left_alone() -> None:
    session = linked(link := Link())
    for number in range(GATHERED_MESSAGES):
        session.data_received(publish(number + 1))
    assert len(await session.take(30, at_once=True)) == GATHERED_MESSAGES
    taking = asyncio.create_task(session.take(30, at_once=True))
    await asyncio.sleep(0)
    assert link.reading
    session.wake()
    assert await taking == []
    session.connection_lost(None)


async def test_pubacks_leave_in_the_order_given(broker: FakeBroker) -> None:
    async with opened(broker) as session:
        session.acknowledge([3, 1, 65_535])
        session.acknowledge([])
        session.publish("vw1/00/a-b/down/stored", b"{}")
    await eventually(lambda: broker.heard_of(mqtt5.DisconnectPacket))
    ids = [
        p.packet_id
        for p in broker.heard_of(mqtt5.PubAckPacket)
        if isinstance(p, mqtt5.PubAckPacket)
    ]
    assert ids == [3, 1, 65_535]
    assert len(broker.heard_of(mqtt5.PublishPacket)) == 1
    assert len(broker.heard_of(mqtt5.DisconnectPacket)) == 1


async def test_a_full_inbox_stops_reading_until_it_is_taken(broker: FakeBroker) -> None:
    async with opened(broker) as session:
        count = 5 * INBOX_MOST_MESSAGES
        for number in range(count):
            broker.say(publish(number % 65_535 + 1, bytes(100)))
        await eventually(lambda: session._paused)
        first = await session.take(0)
        assert INBOX_MOST_MESSAGES <= len(first) < count
        assert not session.is_caught_up
        assert len(await take_all(session, count - len(first))) == count - len(first)


async def test_a_session_taken_over_ends_after_what_was_read(broker: FakeBroker) -> None:
    async with opened(broker) as session:
        reason = mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
        broker.say(publish(1) + mqtt5.DisconnectPacket(reason_code=reason).write())
        assert await take_all(session, 1) == [1]
        with pytest.raises(SessionEnded) as ended:
            await session.take(0)
        assert ended.value.taken_over
        session.acknowledge([1])
        assert not session.publish("a", b"")


@pytest.mark.parametrize(
    "end",
    [
        lambda broker: broker.writers[-1].close(),
        lambda broker: broker.writers[-1].transport.abort(),
        lambda broker: broker.say(b"\x00\x00"),  # no such packet
        lambda broker: broker.say(b"\x30\xff\xff\xff\x7f"),  # 256 MB are announced
    ],
    ids=["closed", "reset", "malformed", "longer than agreed"],
)
async def test_a_lost_or_broken_link_ends_the_session(
    broker: FakeBroker, end: Callable[[FakeBroker], None]
) -> None:
    async with opened(broker) as session:
        end(broker)
        with pytest.raises(SessionEnded) as ended:
            async with asyncio.timeout(60):
                await session.take(0)
        assert not ended.value.taken_over


async def test_a_silent_broker_is_taken_for_dead(broker: FakeBroker) -> None:
    async with opened(broker, keep_alive_s=1) as session:
        with pytest.raises(SessionEnded, match="silent"):
            async with asyncio.timeout(60):
                await session.take(0)
    assert broker.heard_of(mqtt5.PingReqPacket)


async def test_waking_gives_nothing(broker: FakeBroker) -> None:
    async with opened(broker) as session:
        session.wake()
        assert await session.take(0) == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD, Misconfigured),
        (mqtt5.ConnAckReasonCode.NOT_AUTHORIZED, Misconfigured),
        (mqtt5.ConnAckReasonCode.SERVER_UNAVAILABLE, Unavailable),
    ],
)
async def test_a_refused_connection_is_told(
    broker: FakeBroker, code: mqtt5.ConnAckReasonCode, error: type[Exception]
) -> None:
    broker.connack = mqtt5.ConnAckPacket(reason_code=code).write()
    with pytest.raises(error):
        async with opened(broker):
            pass


async def test_a_refused_filter_is_told(broker: FakeBroker) -> None:
    broker.refuse_filters = True
    with pytest.raises(Unavailable, match="SUBACK"):
        async with opened(broker):
            pass


async def test_no_answer_and_nobody_there_are_told(broker: FakeBroker) -> None:
    broker.connack, broker.answers_within_s = b"", 1.0
    with pytest.raises(Unavailable):
        async with opened(broker):
            pass
    options = MqttOptions(host="127.0.0.1", port=1, user="", password=b"", timeout_s=1)
    with pytest.raises(Unavailable):
        await open_session(options, "x", [], SystemClock())


@pytest.mark.filterwarnings(
    # the codec panics with the error of the text still pending
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
async def test_a_message_that_the_codec_cannot_read_is_passed_on_to_be_parked(
    broker: FakeBroker,
) -> None:
    """Text that is no UTF-8: acknowledged like any other, or it would come again for ever."""
    bad = publish(2).replace(b"\x00\x01b\x00\x021f", b"\x00\x01b\x00\x02\x9d\x9d")
    assert bad != publish(2)
    async with opened(broker) as session:
        broker.say(publish(1) + bad + publish(3))
        async with asyncio.timeout(60):
            messages = await session.take(0.05)
    assert [message.packet_id for message in messages] == [1, 2, 3]
    assert (messages[1].topic, messages[1].payload) == ("", bad)


@pytest.mark.filterwarnings(
    # the codec panics with the error of the text still pending
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("seed", range(3))
async def test_any_bytes_end_the_session_or_give_messages_and_never_raise(
    broker: FakeBroker, seed: int
) -> None:
    chance = random.Random(seed)
    whole = publish(1, bytes(20)) + publish(2) + mqtt5.PingRespPacket().write()
    for _ in range(8):
        async with opened(broker) as session:
            changed = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            cut = chance.randrange(len(changed))
            session.data_received(bytes(changed[:cut]))
            session.data_received(bytes(changed[cut:]))
            session.wake()
            try:
                await session.take(0)
            except SessionEnded:
                continue
