"""The gateway as a process between a private mosquitto, RabbitMQ and PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import asyncpg
import msgspec
import numpy as np
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.queues import QueueReader
from shared.broker.streams import StreamEdge, StreamReader
from shared.codecs.packed.codec import encode
from shared.contracts.decoding import Decoded, DecodedFrame
from shared.contracts.events import Event, decode_event
from shared.contracts.formats import RECEIPTS_V1
from shared.contracts.frames import Frame, FrameBatch, decode_frames
from shared.contracts.identity import DeviceId, Lane, lane_of, shard_of
from shared.contracts.names import (
    DownKind,
    Exchange,
    Header,
    Queue,
    UpKind,
    down_topic,
    lane_queue,
    routing_key,
    up_topic,
)
from shared.contracts.receipts import Receipt, encode_receipts
from tests.harness.deployment import INCARNATION, LANES
from tests.harness.ended import ended
from tests.harness.eventually import eventually
from tests.harness.mosquitto import Mosquitto
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost
from tests.harness.service_process import ServiceProcess


def now_us() -> int:
    return time.time_ns() // 1_000


@dataclass(slots=True)
class Seen:
    """What came out of the gateway, as its readers saw it."""

    frames: dict[tuple[int, int, int, int], list[Frame]] = field(default_factory=dict)
    lanes: dict[int, set[int]] = field(default_factory=dict)
    late: set[tuple[int, int, int]] = field(default_factory=set)
    bytes_told: dict[str, list[int]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    parked: list[tuple[Mapping[str, Any], bytes]] = field(default_factory=list)

    def messages(self, device: int) -> set[tuple[int, int]]:
        return {(boot, n) for key, boot, n, _ in self.frames if key == device}

    def times(self, device: int, boot: int, n: int) -> set[int]:
        return {frame.t0 for frame in self.frames.get((device, boot, n, 0), [])}

    def take(self, batch: FrameBatch, *, lane: int, late: bool) -> None:
        for index in range(len(batch)):
            record = batch.table[index].tolist()
            frame = Frame._make([*record[:14], bytes(batch.sample_bytes(index))])
            self.frames.setdefault((frame.device, frame.boot, frame.n, frame.part), []).append(
                frame
            )
            self.lanes.setdefault(lane, set()).add(frame.device)
            if late:
                self.late.add((frame.device, frame.boot, frame.n))


class DeviceSpeaker:
    """A device of the test: sends what it is told, and remembers what it hears."""

    def __init__(self, client: aiomqtt.Client, name: DeviceId, key: int) -> None:
        self.client = client
        self.name = name
        self.key = key
        self.stored: dict[int, set[int]] = {}
        self.n_stored = 0
        self.errors: list[dict[str, Any]] = []
        self.times: list[int] = []

    async def listen(self) -> None:
        async for message in self.client.messages:
            payload = message.payload
            assert isinstance(payload, bytes)
            body = msgspec.json.decode(payload)
            kind = str(message.topic).rpartition("/")[2]
            if kind == DownKind.STORED:
                self.n_stored += 1
                for first, last in body["ranges"]:
                    self.stored.setdefault(body["boot"], set()).update(range(first, last + 1))
            elif kind == DownKind.ERROR:
                self.errors.append(body)
            elif kind == DownKind.TIME:
                self.times.append(body["t_utc_us"])

    async def status(self, boot: int, t_us: int | None = None, **more: Any) -> None:
        body = {"online": True, "boot": boot, "t": now_us() if t_us is None else t_us} | more
        await self.client.publish(
            up_topic(self.name, UpKind.STATUS), msgspec.json.encode(body), qos=1, retain=True
        )

    async def send(
        self,
        payload: bytes,
        *,
        codec: str = "packed",
        topic: str | None = None,
        properties: Sequence[tuple[str, str]] = (),
    ) -> None:
        about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
        if properties:
            about.UserProperty = list(properties)
        await self.client.publish(
            topic or up_topic(self.name, UpKind.DATA, codec), payload, qos=1, properties=about
        )


def packed(
    boot: int, n: int, *, t_us: int | None = None, samples: int = 250, flags: int = 0
) -> bytes:
    """A message of one second of ECG whose samples tell its number."""
    values = (np.arange(samples) + n).astype("<i2").tobytes()
    frame = DecodedFrame(1, 1, 1, samples, 4_000_000, 0, 1, 0.005, 0.0, values)
    return encode(Decoded(boot, n, now_us() if t_us is None else t_us, flags, [frame]))


@dataclass(slots=True)
class System:
    """What a test does with the gateway and sees of it."""

    mosquitto: Mosquitto
    database: Database
    virtual_host: VirtualHost
    broker: Broker
    publisher: Publisher
    folder: Path
    seen: Seen = field(default_factory=Seen)
    replicas: list[ServiceProcess] = field(default_factory=list)
    keys: dict[DeviceId, int] = field(default_factory=dict)

    def start(self, **settings: str) -> ServiceProcess:
        """One more replica."""
        replica = ServiceProcess.start(
            "gateway",
            number=len(self.replicas),
            folder=self.folder,
            virtual_host=self.virtual_host,
            database=self.database,
            settings={
                "MQTT_PORT": str(self.mosquitto.port),
                "MQTT_PASSWORD_FILE": str(self.folder / "password"),
                "LOG_LEVEL": "debug",
                **settings,
            },
        )
        self.replicas.append(replica)
        return replica

    async def ready(self, *, sessions: int = LANES) -> None:
        """Wait until each lane has its MQTT session: before, nobody hears a device."""
        opened = '"event": "mqtt_session_opened"'
        await eventually(
            lambda: sum(one.said().count(opened) for one in self.replicas) >= sessions,
            within_s=20,
        )

    async def register(self, *names: str, simulated: bool = False) -> list[DeviceId]:
        """Devices in the registry."""
        connection = await self.sql()
        try:
            for name in names:
                device = DeviceId(name)
                self.keys[device] = await connection.fetchval(
                    "insert into registry.device (device, shard, model, simulated) "
                    "values ($1, $2, 'vw-monitor', $3) returning id",
                    name,
                    shard_of(device),
                    simulated,
                )
        finally:
            await connection.close()
        return [DeviceId(name) for name in names]

    async def sql(self) -> asyncpg.Connection:
        return await self.database.connect()

    @asynccontextmanager
    async def device(self, name: DeviceId, **options: Any) -> AsyncIterator[DeviceSpeaker]:
        """A device, connected and listening."""
        async with aiomqtt.Client(
            "127.0.0.1",
            self.mosquitto.port,
            identifier=name,
            timeout=60,
            protocol=aiomqtt.ProtocolVersion.V5,
            **options,
        ) as client:
            speaker = DeviceSpeaker(client, name, self.keys.get(name, 0))
            for kind in (DownKind.STORED, DownKind.ERROR, DownKind.TIME):
                await client.subscribe(down_topic(name, kind), qos=1)
            listening = asyncio.create_task(speaker.listen())
            try:
                yield speaker
            finally:
                await ended(listening)

    async def read_streams(self, stop: asyncio.Event) -> None:
        """Read what the gateway publishes, as its readers would."""
        async with asyncio.TaskGroup() as group:
            for lane in range(LANES):
                for exchange in (Exchange.FRAMES, Exchange.LATE):
                    group.create_task(self._read_frames(exchange, Lane(lane), stop))
            group.create_task(self._read_events(stop))
            group.create_task(self._read_parking(stop))

    async def _read_frames(self, exchange: Exchange, lane: Lane, stop: asyncio.Event) -> None:
        stream = lane_queue(exchange, lane)
        async with StreamReader(
            self.broker, stream, start=StreamEdge.FIRST, incarnation=INCARNATION
        ) as reader:
            async for messages in reader.batches(until=stop):
                for message in messages.messages:
                    batch = decode_frames(message.body)
                    assert isinstance(batch, FrameBatch)
                    self.seen.take(batch, lane=lane, late=exchange is Exchange.LATE)
                    told = message.headers[Header.BYTES]
                    self.seen.bytes_told.setdefault(stream, []).append(told)

    async def _read_events(self, stop: asyncio.Event) -> None:
        async with StreamReader(self.broker, Queue.EVENTS, start=StreamEdge.FIRST) as reader:
            async for messages in reader.batches(until=stop):
                self.seen.events += [decode_event(message.body) for message in messages.messages]

    async def _read_parking(self, stop: asyncio.Event) -> None:
        async with QueueReader(self.broker, Queue.PARKING) as reader:
            async for delivery in reader.deliveries(until=stop):
                self.seen.parked.append((delivery.headers, delivery.body))
                await delivery.settle()

    async def store(
        self, name: DeviceId, boot: int, ranges: list[tuple[int, int]], **headers: Any
    ) -> None:
        """Say, as storage does after a commit, what is stored."""
        lane = lane_of(shard_of(name), LANES)
        await self.publisher.publish(
            Message(
                exchange=Exchange.RECEIPTS,
                routing_key=routing_key(lane),
                format=RECEIPTS_V1,
                body=encode_receipts([Receipt(self.keys[name], boot, ranges)]),
                headers={Header.INCARNATION: INCARNATION, **headers},
            )
        )

    def came(self, device: int, messages: set[tuple[int, int]]) -> Callable[[], bool]:
        """Whether these messages of a device are on a stream, as a condition to wait for."""
        return lambda: self.seen.messages(device) >= messages

    def copies(self, device: int, boot: int, n: int) -> int:
        """How often a message was put on a stream."""
        return len(self.seen.frames.get((device, boot, n, 0), []))

    def kinds(self) -> list[str]:
        return [event.kind.value for event in self.seen.events]
