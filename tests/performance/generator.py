"""Many devices in one process that publish at a steady rate; its own cost is not counted.

``python -m tests.performance.generator`` reads a JSON object from standard input (port, secrets:
device id to secret), connects every device, prints ``connected``, and then for each line
``{"rate": ..., "seconds": ...}`` publishes and prints what it did. Each message is a second of
250 samples (int16) of one stream in the codec `packed`: 500 bytes of samples, 552 in all.
"""

import asyncio
import json
import random
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any, cast
from zlib import crc32

import mqtt5
import uvloop
from typing_extensions import override

from shared.codecs.packed.codec import CHECKSUM, FRAME, HEAD, MAGIC, VERSION
from shared.contracts.identity import DeviceId
from shared.contracts.names import UpKind, up_topic

SAMPLES = 250
TICK_S = 0.01
UNANSWERED_MOST = 20_000


class Publisher(asyncio.Protocol):
    """One device."""

    def __init__(self, device: str, secret: str) -> None:
        self.device = device
        self.topic = up_topic(DeviceId(device), UpKind.DATA, "packed")
        self.connected = asyncio.get_running_loop().create_future()
        self.sent_at: dict[int, float] = {}
        self.delays_s: list[float] = []
        self.transport: asyncio.Transport | None = None
        self.n = 0
        self._secret = secret
        self._boot = random.getrandbits(32)
        self._rest = b""
        self._samples = struct.pack(
            f"<{SAMPLES}h", *(random.getrandbits(12) - 2_048 for _ in range(SAMPLES))
        )

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            mqtt5.ConnectPacket(
                self.device,
                username=self.device,
                password=self._secret.encode(),
                clean_start=True,
                keep_alive=60,
            ).write()
        )

    @override
    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        try:
            while at < len(data):
                packet, used = mqtt5.read(memoryview(data)[at:])
                at += used
                if isinstance(packet, mqtt5.PubAckPacket):
                    self.delays_s.append(time.monotonic() - self.sent_at.pop(packet.packet_id))
                elif isinstance(packet, mqtt5.ConnAckPacket):
                    if packet.reason_code is mqtt5.ConnAckReasonCode.SUCCESS:
                        self.connected.set_result(None)
                    else:
                        refused = ConnectionRefusedError(packet.reason_code.name)
                        self.connected.set_exception(refused)
        except IndexError:
            pass
        self._rest = data[at:]

    def publish(self, now_s: float) -> None:
        """One message, of now."""
        assert self.transport is not None
        body = (
            HEAD.pack(MAGIC, VERSION, 0, self._boot, self.n, time.time_ns() // 1_000, 1)
            + FRAME.pack(1, 0, 1, SAMPLES, 4_000_000, 0, 1, 0.0025, 0.0)
            + self._samples
        )
        packet_id = self.n % 65_535 + 1
        self.n += 1
        self.sent_at[packet_id] = now_s
        payload = body + CHECKSUM.pack(crc32(body))
        self.transport.write(
            mqtt5.PublishPacket(
                self.topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id
            ).write()
        )


async def send(devices: Sequence[Publisher], rate: float, seconds: float) -> dict[str, Any]:
    """Publish evenly over the devices and the time; gives what was sent and how it was answered."""
    sent = 0
    order = list(devices)
    for device in devices:
        device.delays_s.clear()
    began_s = time.monotonic()
    while (elapsed_s := time.monotonic() - began_s) < seconds:
        due = int(min(elapsed_s, seconds) * rate)
        now_s = time.monotonic()
        while sent < due:
            order[sent % len(order)].publish(now_s)
            sent += 1
        await asyncio.sleep(TICK_S)
    took_s = time.monotonic() - began_s
    while any(device.sent_at for device in devices):
        await asyncio.sleep(TICK_S)
    delays = sorted(delay for device in devices for delay in device.delays_s)
    return {
        "sent": sent,
        "rate": sent / took_s,
        "puback_p50_ms": 1_000 * delays[len(delays) // 2],
        "puback_p99_ms": 1_000 * delays[len(delays) * 99 // 100],
    }


async def run() -> None:
    """Connect, then do what each line says."""
    loop = asyncio.get_running_loop()
    task = json.loads(sys.stdin.readline())
    random.seed(task.get("seed", 1))
    devices = []
    for device, secret in task["secrets"].items():
        _, protocol = await loop.create_connection(
            lambda device=device, secret=secret: Publisher(device, secret),  # type: ignore[misc] # mypy infers no lambda with defaults
            "127.0.0.1",
            task["port"],
        )
        await protocol.connected
        devices.append(protocol)
    print("connected", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        print(json.dumps(await send(devices, order["rate"], order["seconds"])), flush=True)


if __name__ == "__main__":
    uvloop.run(run())
