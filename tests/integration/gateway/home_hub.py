"""A home hub as the gateway's tests need it: it can be held up at each step, and killed."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiomqtt
import msgspec
import numpy as np
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shared.codecs.smsg.layout import (
    ANNOUNCED,
    ASK,
    CORE,
    IDENTIFIER,
    DeviceType,
    Ecg,
    Message,
    Result,
    Spirometer,
    encode_ecg,
    encode_identifier,
    encode_result,
    encode_result_header,
    split,
)
from shared.contracts.identity import DeviceId
from shared.contracts.names import DownKind, UpKind, down_topic, up_topic
from tests.harness.ended import ended
from tests.integration.gateway.system import System, now_us

ECG_UNIT = 0xA1
SPIROMETER_UNIT = 0x53
UNITS = ((DeviceType.ECG, ECG_UNIT), (DeviceType.SPIROMETER, SPIROMETER_UNIT))
ECG_PIECE_S = 0.1


@dataclass
class HomeHub:
    """An ECG unit and a spirometer behind a core unit. Bytes are kept until they are stored.

    Parameters
    ----------
    memory : the spirometer's results; they survive a kill, what was not sent yet does not
    before_clearing : called when it is about to forget its results
    """

    system: System
    name: DeviceId
    memory: list[Result] = field(default_factory=list)
    before_clearing: Callable[[], Awaitable[None]] | None = None
    boot: int = 0
    n: int = 0
    kept: dict[tuple[int, int], bytes] = field(default_factory=dict)
    heard: list[Message] = field(default_factory=list)
    clears: list[tuple[int, int]] = field(default_factory=list)
    cleared: list[Result] = field(default_factory=list)
    is_measuring: bool = False
    is_deaf_to_clearing: bool = False
    _ask: int = 0
    _held: dict[str, asyncio.Event] = field(default_factory=dict)
    _outgoing: deque[tuple[str, bytes]] = field(default_factory=deque)
    _waiting: asyncio.Event = field(default_factory=asyncio.Event)

    def hold(self, label: str) -> None:
        """Send nothing of this kind, nor anything behind it."""
        self._held[label] = asyncio.Event()

    def release(self, label: str) -> None:
        """Go on."""
        self._held.pop(label).set()

    def is_held_at(self, label: str) -> bool:
        """Whether all before this has been sent, and this is next."""
        return bool(self._outgoing) and self._outgoing[0][0] == label

    @property
    def is_stored(self) -> bool:
        """Whether all that it has sent is stored, as far as it was told."""
        return not self.kept

    @asynccontextmanager
    async def running(self) -> AsyncIterator["HomeHub"]:
        """From power-up until it is killed, which is the end of the block."""
        self.boot = (self.boot + 0x1000_0001) & 0xFFFF_FFFF
        self.n, self.kept, self.is_measuring = 0, {}, False
        self._outgoing.clear()
        status = up_topic(self.name, UpKind.STATUS)
        will = aiomqtt.Will(status, b'{"online": false, "boot": %d}' % self.boot, 1, retain=True)
        client = aiomqtt.Client(
            "127.0.0.1", self.system.mosquitto.port, identifier=self.name,
            protocol=aiomqtt.ProtocolVersion.V5, will=will, timeout=60,
        )  # fmt: skip
        with contextlib.suppress(aiomqtt.MqttError):  # as it ends without a DISCONNECT
            async with client:
                for kind in (DownKind.COMMAND, DownKind.STORED):
                    await client.subscribe(down_topic(self.name, kind), qos=0)
                online = {"online": True, "boot": self.boot, "t": now_us()}
                await client.publish(status, msgspec.json.encode(online), qos=1, retain=True)
                tasks = [
                    asyncio.create_task(work(client))
                    for work in (self._listen, self._send, self._measure)
                ]
                try:
                    yield self
                finally:
                    await ended(*tasks)
                    client._client._sock_close()

    def say(self, data: bytes, label: str = "") -> None:
        """Send bytes as soon as all before them are sent."""
        self._outgoing.append((label, data))
        self._waiting.set()

    # ------------------------------------------------------------------ loops

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            while not self._outgoing:
                self._waiting.clear()
                await self._waiting.wait()
            label, data = self._outgoing[0]
            if label in self._held:
                await self._held[label].wait()
            self._outgoing.popleft()
            self.kept[self.boot, self.n] = data
            about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
            about.UserProperty = [("b", f"{self.boot:x}"), ("n", str(self.n)), ("t", str(now_us()))]
            self.n += 1
            topic = up_topic(self.name, UpKind.DATA, "smsg")
            await client.publish(topic, data, qos=1, properties=about)

    async def _measure(self, client: aiomqtt.Client) -> None:
        assert client is not None
        while True:
            await asyncio.sleep(ECG_PIECE_S)
            if self.is_measuring:
                self.say(encode_ecg(ECG_UNIT, np.arange(10, dtype=">u2").tobytes()))

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            if str(message.topic).endswith(DownKind.STORED):
                body = msgspec.json.decode(message.payload)
                for first, last in body["ranges"]:
                    for n in range(first, last + 1):
                        self.kept.pop((body["boot"], n), None)
                continue
            for told in split(message.payload):
                self.heard.append(told)
                await self._obey(told)

    async def _obey(self, told: Message) -> None:
        key = (told.device_type, told.message_type)
        if key == (DeviceType.SERVER, IDENTIFIER):
            for kind, unit in UNITS:
                if told.destination in (CORE, unit):
                    self.say(encode_identifier(kind, unit, "v1"), "identifier")
        elif key == (DeviceType.ECG, Ecg.START):
            self.is_measuring = True
        elif key == (DeviceType.ECG, Ecg.STOP):
            self.is_measuring = False
        elif key == (DeviceType.SPIROMETER, Spirometer.RESULT_HEADER):
            (self._ask,) = ASK.unpack(told.payload)
            self.say(encode_result_header(SPIROMETER_UNIT, len(self.memory), self._ask), "header")
            for at, result in enumerate(self.memory):
                label = "first half" if at < len(self.memory) // 2 else "second half"
                self.say(encode_result(SPIROMETER_UNIT, result), label)
        elif key == (DeviceType.SPIROMETER, Spirometer.CLEAR):
            count, ask = ANNOUNCED.unpack(told.payload)
            self.clears.append((count, ask))
            if self.is_deaf_to_clearing:
                return
            if (count, ask) == (len(self.memory), self._ask):
                if self.before_clearing is not None:
                    await self.before_clearing()
                self.cleared += self.memory
                self.memory = []
            header = encode_result_header(SPIROMETER_UNIT, len(self.memory), ask)
            self.say(header, "cleared")
