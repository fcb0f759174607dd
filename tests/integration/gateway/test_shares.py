"""A device that floods its lane: its neighbour is heard, and what was passed over comes again."""

import asyncio
import time

import mqtt5

from shared.contracts.identity import DeviceId, lane_of, shard_of
from shared.contracts.names import UpKind, up_topic
from tests.harness.deployment import LANES
from tests.harness.eventually import eventually
from tests.integration.gateway.system import System, now_us, packed

BOOT = 7
BURST, PER_S = 100, 50
N_FLOOD = 3_000
HOUR_US = 3_600_000_000


def two_of_one_lane() -> list[str]:
    """Names of devices that share a lane."""
    of_lane = [
        name
        for name in (f"monitor-{number}" for number in range(20))
        if lane_of(shard_of(DeviceId(name)), LANES) == 0
    ]
    return of_lane[:2]


async def flood(port: int, name: DeviceId, messages: list[bytes]) -> None:
    """Send all in one write, as fast as the broker takes them; gives when it has them all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(mqtt5.ConnectPacket(name, clean_start=True).write())
    topic = up_topic(name, UpKind.DATA, "packed")
    qos = mqtt5.QoS.AT_LEAST_ONCE
    writer.write(
        b"".join(
            mqtt5.PublishPacket(topic, payload, qos=qos, packet_id=number).write()
            for number, payload in enumerate(messages, start=1)
        )
    )
    heard = b""
    last = b"\x40\x02" + len(messages).to_bytes(2, "big")
    async with asyncio.timeout(90):
        while not heard.endswith(last):
            heard = (heard + await reader.read(65_536))[-4:]
    writer.close()
    await writer.wait_closed()


async def test_a_flood_is_cut_to_its_share_and_its_neighbour_is_heard(system: System) -> None:
    loud, quiet = await system.register(*two_of_one_lane())
    system.start(GATEWAY_MESSAGES_BURST=str(BURST), GATEWAY_MESSAGES_PER_S=str(PER_S))
    await system.ready()
    async with system.device(loud) as device:
        await device.status(BOOT)
        await device.send(packed(BOOT, 0))
        await eventually(system.came(device.key, {(BOOT, 0)}))
    began_s = time.monotonic()
    old_us = now_us() - HOUR_US
    payloads = [
        packed(BOOT, n, t_us=old_us + n * 1_000_000, samples=10) for n in range(1, N_FLOOD + 1)
    ]
    await flood(system.mosquitto.port, loud, payloads)
    async with system.device(quiet) as device:
        await device.status(BOOT)
        for n in range(20):
            await device.send(packed(BOOT, n))
        # It stands behind the whole flood in the queue of the lane.
        await eventually(system.came(device.key, {(BOOT, n) for n in range(20)}), within_s=20)
    share = BURST + PER_S * (time.monotonic() - began_s) + 1
    key = system.keys[loud]
    await eventually(lambda: len(system.seen.messages(key)) >= BURST)
    came = system.seen.messages(key)
    assert BURST <= len(came) <= share
    assert system.seen.parked == []
    missing = {(BOOT, n) for n in range(1, N_FLOOD + 1)} - came
    wanted = set(sorted(missing)[:PER_S])
    async with system.device(loud) as device, asyncio.timeout(90):
        await device.status(BOOT)
        while left := wanted - system.seen.messages(key):  # as a device does, again and again
            for _, n in sorted(left):
                await device.send(payloads[n - 1])
            await asyncio.sleep(0.2)
