"""What dies, what happens: nothing that the gateway acknowledged is missing on the stream."""

import asyncio
import contextlib
import itertools
from functools import partial

import mqtt5
import pytest

from shared.contracts.identity import DeviceId, lane_of, shard_of
from shared.contracts.instants import MINUTE
from shared.contracts.quality import FrameFlag
from tests.harness.deployment import LANES
from tests.harness.eventually import eventually
from tests.harness.postgres import Postgres
from tests.harness.rabbitmq import RabbitMq
from tests.integration.gateway.system import DeviceSpeaker, System, now_us, packed

BOOT = 0xABC


def names_in_both_lanes() -> tuple[str, str]:
    found: dict[int, str] = {}
    for number in range(100):
        name = f"monitor-{number}"
        found.setdefault(lane_of(shard_of(DeviceId(name)), LANES), name)
    return found[0], found[1]


async def stream_of(device: DeviceSpeaker, count: int, *, every_s: float) -> None:
    for n in range(count):
        await device.send(packed(BOOT, n))
        await asyncio.sleep(every_s)


def is_repeated(system: System, device: int, n: int) -> bool:
    return system.copies(device, BOOT, n) >= 2


def all_of(count: int) -> set[tuple[int, int]]:
    return {(BOOT, n) for n in range(count)}


async def test_a_killed_gateway_loses_nothing_that_the_broker_has(system: System) -> None:
    first, second = await system.register(*names_in_both_lanes())
    gateway = system.start()
    await system.ready()
    count = 400
    async with system.device(first) as one, system.device(second) as two:
        await one.status(BOOT)
        await two.status(BOOT)
        async with asyncio.TaskGroup() as group:
            group.create_task(stream_of(one, count, every_s=0.01))
            group.create_task(stream_of(two, count, every_s=0.01))
            for _ in range(3):
                await asyncio.sleep(0.8)
                gateway.kill()
                gateway = system.start()
        for device in (one, two):
            await eventually(system.came(device.key, all_of(count)), within_s=30)
    for key, copies in system.seen.frames.items():
        assert len({(c.t0, c.samples, c.flags & ~FrameFlag.LATE) for c in copies}) == 1, key
    for stream, told in system.seen.bytes_told.items():
        assert told == sorted(set(told)), f"cumulative bytes of {stream} go on over a restart"


async def test_a_stopped_gateway_leaves_nothing_to_send_twice(system: System) -> None:
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    async with system.device(name) as device:
        await device.status(BOOT)
        await stream_of(device, 50, every_s=0)
        assert gateway.stop() == 0
        system.start()
        await system.ready(sessions=2 * LANES)
        await device.send(packed(BOOT, 50))
        await eventually(system.came(device.key, all_of(51)))
    assert all(len(copies) == 1 for copies in system.seen.frames.values())


async def test_a_killed_rabbitmq_holds_messages_back_and_loses_none(
    system: System, rabbitmq: RabbitMq
) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    async with system.device(name) as device:
        await device.status(BOOT)
        await stream_of(device, 50, every_s=0)
        rabbitmq.kill()
        await stream_of(device, 1, every_s=0)
        sending = asyncio.create_task(device.send(packed(BOOT, 999)))
        await rabbitmq.restart()
        await sending
        for n in range(50, 100):
            await device.send(packed(BOOT, n))
        await eventually(
            lambda: system.seen.messages(device.key) == all_of(100) | {(BOOT, 999)}, within_s=40
        )
    assert system.replicas[0].process.poll() is None


async def test_a_gateway_that_starts_before_rabbitmq_goes_on_where_the_stream_is(
    system: System, rabbitmq: RabbitMq
) -> None:
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    async with system.device(name) as device:
        await device.status(BOOT)
        await stream_of(device, 20, every_s=0)
        await eventually(system.came(device.key, all_of(20)))
        gateway.kill()
        rabbitmq.kill()
        system.start()
        await device.send(packed(BOOT, 20))
        await rabbitmq.restart()
        await eventually(system.came(device.key, all_of(21)), within_s=40)
    for stream, told in system.seen.bytes_told.items():
        assert told == sorted(set(told)), f"cumulative bytes of {stream} go on over a restart"


async def test_a_killed_mosquitto_is_found_again_and_people_are_told(system: System) -> None:
    """After SIGKILL its sessions are gone: the gateway subscribes again and says what it means."""
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    before = len([kind for kind in system.kinds() if kind == "session_lost"])
    system.mosquitto.kill()
    await system.mosquitto.restart()
    await system.ready(sessions=2 * LANES)
    async with system.device(name) as device:
        await device.status(BOOT)
        await device.send(packed(BOOT, 0))
        await eventually(lambda: (BOOT, 0) in system.seen.messages(device.key))
    await eventually(lambda: system.kinds().count("session_lost") >= before + LANES)
    lost = [event for event in system.seen.events if event.kind == "session_lost"]
    assert [event.severity.value for event in lost[-LANES:]] == ["medium"] * LANES


async def test_a_mosquitto_that_restarts_in_order_keeps_session_and_messages(
    system: System,
) -> None:
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    gateway.kill()
    async with system.device(name) as device:
        await device.status(BOOT)
        await stream_of(device, 20, every_s=0)
    system.mosquitto.stop()
    await system.mosquitto.restart()
    gateway = system.start()
    await eventually(lambda: system.seen.messages(system.keys[name]) == all_of(20))
    await eventually(lambda: gateway.said().count('"session_present": true') >= LANES)


async def test_a_gateway_killed_between_connect_and_subscribe_hears_all_the_same(
    system: System,
) -> None:
    """Its session is present without a subscription: so it subscribes on every connection."""
    (name,) = await system.register("monitor-1")
    for lane in range(LANES):
        reader, writer = await asyncio.open_connection("127.0.0.1", system.mosquitto.port)
        packet = mqtt5.ConnectPacket(
            f"gateway-1-{lane}", clean_start=False, session_expiry_interval=600
        )
        writer.write(packet.write())
        assert await reader.read(1) == b"\x20"
        writer.close()
        await writer.wait_closed()
    gateway = system.start()
    await system.ready()
    assert gateway.said().count('"session_present": true') == LANES
    async with system.device(name) as device:
        await device.send(packed(BOOT, 0))
        await eventually(lambda: (BOOT, 0) in system.seen.messages(device.key))


async def test_two_replicas_share_the_lanes_and_one_takes_over(system: System) -> None:
    first, second = await system.register(*names_in_both_lanes())
    one = system.start()
    await system.ready()
    two = system.start()
    await eventually(lambda: "mqtt_session_opened" in two.said(), within_s=20)
    assert two.said().count('"event": "lane_taken"') == 1
    count = 300
    async with system.device(first) as left, system.device(second) as right:
        await left.status(BOOT)
        await right.status(BOOT)
        async with asyncio.TaskGroup() as group:
            group.create_task(stream_of(left, count, every_s=0.01))
            group.create_task(stream_of(right, count, every_s=0.01))
            await asyncio.sleep(1)
            one.kill()
        for device in (left, right):
            await eventually(system.came(device.key, all_of(count)), within_s=30)
    await eventually(lambda: two.said().count('"event": "lane_taken"') == LANES)


async def test_two_owners_of_a_session_do_not_fight_for_it_without_pause(system: System) -> None:
    """While nobody can say whose a lane is, each takes it from the other more and more slowly."""
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    lane = lane_of(shard_of(name), LANES)
    packet = mqtt5.ConnectPacket(
        f"gateway-1-{lane}", clean_start=False, session_expiry_interval=600
    )
    began_s = asyncio.get_running_loop().time()
    ends = began_s + 4
    times_taken = 0
    while asyncio.get_running_loop().time() < ends or times_taken < 2:
        reader, writer = await asyncio.open_connection("127.0.0.1", system.mosquitto.port)
        writer.write(packet.write())
        times_taken += 1
        with contextlib.suppress(TimeoutError):
            # Twice at least, however long that takes: the gateway comes back for its session.
            async with asyncio.timeout_at(ends if times_taken >= 2 else began_s + 60):
                while await reader.read(65_536):
                    pass
        writer.close()
        await writer.wait_closed()
    assert 2 <= times_taken <= 8
    async with system.device(name) as device:
        await device.send(packed(BOOT, 0))
        await eventually(lambda: (BOOT, 0) in system.seen.messages(device.key))
    assert gateway.said().count("mqtt_session_opened") <= LANES + times_taken


@pytest.mark.slow
async def test_without_postgresql_known_clocks_go_on_and_new_ones_come_again(
    system: System, postgres: Postgres
) -> None:
    known, new = await system.register("monitor-1", "monitor-2")
    system.start()
    await system.ready()
    async with system.device(known) as one, system.device(new) as two:
        await one.status(BOOT)
        await one.send(packed(BOOT, 0))
        await eventually(lambda: (BOOT, 0) in system.seen.messages(one.key))
        postgres.kill()
        await two.status(BOOT)
        await two.send(packed(BOOT, 0))  # its clock cannot be kept: acknowledged, not forwarded
        await one.send(packed(BOOT, 1))
        await eventually(lambda: (BOOT, 1) in system.seen.messages(one.key), within_s=20)
        assert system.seen.messages(two.key) == set()
        await postgres.restart()

        async def sent_again() -> bool:
            await two.send(packed(BOOT, 0))
            return (BOOT, 0) in system.seen.messages(two.key)

        await eventually(sent_again, within_s=30, every_s=0.5)
    assert not one.errors
    assert not two.errors
    assert system.replicas[0].process.poll() is None


async def until_statuses_are_fresh(system: System, name: DeviceId, ahead: int) -> None:
    """Wait until the session of a device's lane has drained the broker's queue.

    The device says that its clock is ahead, in a boot after the other, until it is believed.
    """
    boots = itertools.count(0x1000)
    async with system.device(name) as device:

        async def is_believed() -> bool:
            boot = next(boots)
            await device.status(boot, now_us() + ahead)
            await device.send(packed(boot, 0, t_us=now_us() + ahead))
            await eventually(system.came(device.key, {(boot, 0)}))
            (t0_us,) = system.seen.times(device.key, boot, 0)
            return abs(t0_us - now_us()) < ahead / 2

        await eventually(is_believed, every_s=0.3)


async def test_a_message_has_one_time_over_jumps_and_restarts(system: System) -> None:
    began_us = now_us()
    name = DeviceId("monitor-1")
    lane = lane_of(shard_of(name), LANES)
    others = (DeviceId(f"monitor-{number}") for number in range(2, 100))
    other = next(one for one in others if lane_of(shard_of(one), LANES) == lane)
    await system.register(name, other)
    gateway = system.start()
    await system.ready()
    ahead = 10 * MINUTE
    await until_statuses_are_fresh(system, other, ahead)
    async with system.device(name) as device:
        await device.status(BOOT, now_us() + ahead)
        old = packed(BOOT, 0, t_us=now_us() + ahead)
        await device.send(old)
        await eventually(lambda: (BOOT, 0) in system.seen.messages(device.key))
        await device.status(BOOT, now_us() + 2 * ahead)  # the clock is set forward
        newer = packed(BOOT, 1, t_us=now_us() + 2 * ahead)
        await device.send(newer)
        await eventually(lambda: (BOOT, 1) in system.seen.messages(device.key))
        absurd = packed(BOOT, 2, t_us=12_000_000)
        await device.send(absurd)
        await eventually(lambda: (BOOT, 2) in system.seen.messages(device.key))
        gateway.kill()
        system.start()
        await system.ready(sessions=2 * LANES)
        for payload in (absurd, newer, old):
            await device.send(payload)
        for n in range(3):
            await eventually(partial(is_repeated, system, device.key, n))
    for n in range(3):
        (t0_us,) = system.seen.times(device.key, BOOT, n)
        assert began_us - MINUTE < t0_us < now_us() + MINUTE
    flags = [system.seen.frames[device.key, BOOT, n, 0][0].flags for n in range(3)]
    assert flags == [0, FrameFlag.CLOCK_JUMP, FrameFlag.CLOCK_ABSURD]
    told = {event.kind.value for event in system.seen.events if event.device == device.key}
    assert {"clock_jump", "clock_absurd"} <= told
