"""The server's side of a broker, played by hand: hears devices, tells them what is stored."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import msgspec

from shared.codecs.packed import codec as packed
from shared.contracts.decoding import Decoded
from shared.contracts.identity import DeviceId
from shared.contracts.names import DownKind, UpKind, device_root, down_topic, parse_up_topic
from tests.harness.ended import ended
from tests.harness.mosquitto import Mosquitto


@dataclass
class Listener:
    """What a device said, in the order of its coming."""

    device: DeviceId
    client: aiomqtt.Client
    messages: list[Decoded] = field(default_factory=list)
    native: list[tuple[str, bytes, list[tuple[str, str]]]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)

    async def listen(self) -> None:
        async for message in self.client.messages:
            topic = parse_up_topic(message.topic.value)
            assert topic is not None, message.topic.value
            if topic.kind is UpKind.STATUS:
                self.statuses.append(json.loads(message.payload))
            elif topic.kind is UpKind.RESULT:
                self.results.append(json.loads(message.payload))
            elif topic.codec == "packed":
                decoded = packed.decode(message.payload)
                assert isinstance(decoded, Decoded), decoded
                self.messages.append(decoded)
            else:
                properties = vars(message.properties).get("UserProperty", [])
                self.native.append((topic.codec, message.payload, properties))

    async def tell(self, kind: DownKind, body: Any) -> None:
        await self.client.publish(down_topic(self.device, kind), msgspec.json.encode(body), qos=1)

    async def store(self, boot: int, *ranges: tuple[int, int]) -> None:
        await self.tell(DownKind.STORED, {"boot": boot, "ranges": ranges})


@asynccontextmanager
async def listener(
    broker: Mosquitto, device: DeviceId, user: str = "vw_gateway", secret: str = ""
) -> AsyncIterator[Listener]:
    """The server, connected."""
    client = aiomqtt.Client(
        "127.0.0.1",
        broker.port,
        username=user,
        password=secret,
        protocol=aiomqtt.ProtocolVersion.V5,
        timeout=60,
    )
    async with client:
        await client.subscribe(f"{device_root(device)}/up/#", qos=1)
        listening = Listener(device, client)
        task = asyncio.create_task(listening.listen())
        try:
            yield listening
        finally:
            await ended(task)
