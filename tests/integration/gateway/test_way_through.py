"""A message of a device through the real brokers to the stream, and its receipt back."""

from shared.contracts.identity import lane_of, shard_of
from shared.contracts.quality import FrameFlag
from tests.harness.deployment import LANES
from tests.harness.eventually import eventually
from tests.integration.gateway.system import System, now_us, packed


async def test_packed_and_json_reach_the_stream_with_their_identity(system: System) -> None:
    (name,) = await system.register("monitor-1", simulated=True)
    system.start()
    await system.ready()
    async with system.device(name) as device:
        boot = 0x1F3A90C2
        await device.status(boot)
        sent_us = now_us()
        await device.send(packed(boot, 0, t_us=sent_us))
        await device.send(
            b'{"b":"1f3a90c2","n":1,"t":%d,"s":"temperature","x":36.6}' % sent_us, codec="json"
        )
        await eventually(lambda: system.seen.messages(device.key) == {(boot, 0), (boot, 1)})
    (frame,) = system.seen.frames[device.key, boot, 0, 0]
    assert (frame.t0, frame.stream, frame.interval_ns) == (sent_us, 1, 4_000_000)
    assert frame.flags == FrameFlag.SIMULATED
    assert frame.samples[:4] == bytes([0, 0, 1, 0])
    assert sent_us <= frame.received <= now_us()
    lane = lane_of(shard_of(name), LANES)
    assert device.key in system.seen.lanes[lane]


async def test_a_receipt_of_storage_reaches_the_device(system: System) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    began_us = now_us()
    async with system.device(name) as device:
        await device.status(7)
        await device.send(packed(7, 0))
        await eventually(lambda: (7, 0) in system.seen.messages(device.key))
        await system.store(name, 7, [(0, 0), (3, 5)])
        await eventually(lambda: device.stored == {7: {0, 3, 4, 5}})
        assert began_us <= device.times[0] <= now_us()
