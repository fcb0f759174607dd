"""What devices are told, what people see of them, late data, back-pressure, credentials."""

import asyncio
import contextlib
from functools import partial

import aiomqtt
import pytest

from deploy.local.servers.mosquitto import password_hash
from services.gateway.adapters.mqtt import INBOX_MOST_BYTES
from shared.contracts.identity import DeviceId, lane_of, shard_of
from shared.contracts.instants import HOUR
from shared.contracts.names import Header, UpKind, up_topic
from shared.contracts.quality import FrameFlag
from tests.harness.deployment import LANES
from tests.harness.eventually import eventually
from tests.harness.mosquitto import Mosquitto
from tests.integration.gateway.system import DeviceSpeaker, System, now_us, packed

BOOT = 0x77


async def seconds_until_told(system: System, device: DeviceSpeaker, n: int) -> float:
    """How long a device that wants a receipt waits for it."""
    clock = asyncio.get_running_loop().time
    await system.store(device.name, BOOT, [(n, n)])
    began_s = clock()
    await device.send(packed(BOOT, n, flags=8))
    await eventually(lambda: n in device.stored[BOOT])
    return clock() - began_s


async def test_receipts_are_put_together_and_told_when_asked_for(system: System) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    async with system.device(name) as device:
        await device.status(BOOT)
        for n in range(20):
            await system.store(name, BOOT, [(n, n)])
        await eventually(lambda: device.stored.get(BOOT) == set(range(20)))
        assert device.n_stored <= 10, "twenty commits are no twenty messages"
        took_s = [await seconds_until_told(system, device, n) for n in range(20, 23)]
        assert min(took_s) < 2.0, "a receipt that is wanted does not wait 5 s for others"


async def test_a_device_that_connects_again_is_told_what_is_stored(system: System) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    async with system.device(name) as device:
        await device.status(BOOT)
        await system.store(name, BOOT, [(0, 9)])
        await eventually(lambda: BOOT in device.stored)
    async with system.device(name) as device:
        await device.status(BOOT, online=False)
        await device.status(BOOT)
        await eventually(lambda: device.stored == {BOOT: set(range(10))})
        await eventually(lambda: device.times)


async def test_presence_is_a_row_and_an_event_for_each_change(system: System) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    will = aiomqtt.Will(
        up_topic(name, UpKind.STATUS), b'{"online":false,"boot":%d}' % BOOT, qos=1, retain=True
    )
    with contextlib.suppress(aiomqtt.MqttError):
        async with system.device(name, will=will) as device:
            await device.status(BOOT, battery=88.5, firmware="1.2", buffered=3)
            await device.status(BOOT, battery=88.5)
            await eventually(lambda: system.kinds().count("device_online") == 1)
            connection = await system.sql()
            try:

                async def row() -> bool:
                    found = await connection.fetchrow("select * from gateway.presence")
                    return found is not None and found["online"]

                await eventually(row)
                kept = await connection.fetchrow("select * from gateway.presence")
            finally:
                await connection.close()
            assert kept is not None
            # the socket goes without a DISCONNECT, as when a device loses its network
            device.client._client._sock_close()
    await eventually(lambda: system.kinds().count("device_offline") == 1)
    assert kept is not None
    assert (kept["boot"], kept["battery_percent"], kept["firmware"]) == (BOOT, 88.5, "1.2")
    assert system.kinds().count("device_online") == 1


async def test_old_data_travels_apart_from_live(system: System) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    async with system.device(name) as device:
        await device.status(BOOT)
        await device.send(packed(BOOT, 0, t_us=now_us() - HOUR))
        await device.send(packed(BOOT, 1, t_us=now_us() - 32_000_000))
        await device.send(packed(BOOT, 2, t_us=now_us() - 5_000_000))
        await device.send(packed(BOOT, 3))
        await eventually(lambda: len(system.seen.messages(device.key)) == 4)
    assert {n for _, _, n in system.seen.late} == {0, 1}
    flags = [system.seen.frames[device.key, BOOT, n, 0][0].flags for n in range(4)]
    assert flags == [FrameFlag.LATE, FrameFlag.LATE, 0, 0]


async def test_the_lane_waits_while_storage_is_far_behind(system: System) -> None:
    """Reading stops; mosquitto keeps what comes; a receipt with the bytes lets it go on."""
    (name,) = await system.register("monitor-1")
    gateway = system.start(GATEWAY_STREAM_LAG_MOST_BYTES="1048576", GATEWAY_MESSAGES_BURST="99999")
    await system.ready()
    lane = lane_of(shard_of(name), LANES)
    stream = f"frames.{lane}"
    count, size = 260, 50_000  # 13 MB in all
    # What was taken from mosquitto when the bound is met is published still, and the last read.
    most = 1_048_576 + INBOX_MOST_BYTES + 1_048_576
    assert count * size > most
    async with system.device(name, max_inflight_messages=100) as device:
        await device.status(BOOT)
        for n in range(count):
            await device.send(packed(BOOT, n, samples=size // 2))
        await eventually(lambda: sum(system.seen.bytes_told.get(stream, [0])[-1:]) > 1_048_576)
        await asyncio.sleep(1)  # time to go on in, if it did
        held = len(system.seen.messages(device.key))
        assert held * size <= most, "it stopped within a window of the bound"

        async def all_came() -> bool:
            headers = {Header.BYTES: system.seen.bytes_told[stream][-1], "stream": stream}
            await system.store(name, BOOT, [(0, 0)], **headers)
            return len(system.seen.messages(device.key)) == count

        await eventually(all_came, within_s=30, every_s=0.3)
    assert gateway.process.poll() is None


@pytest.fixture
def closed_mosquitto() -> Mosquitto:
    """A mosquitto with passwords and access lists, as in a deployment."""
    return Mosquitto({"vw_gateway": "private-to-this-test-run"})


async def seconds_until_cut_off(system: System, name: DeviceId, secret: str) -> float:
    """Revoke a device while it sends, and tell how long it still could."""
    clock = asyncio.get_running_loop().time
    connection = await system.sql()
    revoke = "update registry.device_credential set revoked_at = now() where device_id = $1"
    topic = up_topic(name, UpKind.DATA, "packed")
    revoked_s = 0.0
    try:
        async with system.device(name, username=name, password=secret) as device:
            await device.send(packed(BOOT, 0))
            await eventually(lambda: (BOOT, 0) in system.seen.messages(device.key))
            revoked_s = clock()
            await connection.execute(revoke, system.keys[name])
            while True:  # QoS 0: a PUBACK that the cut swallows is waited for in vain
                await device.client.publish(topic, packed(BOOT, 1), qos=0)
                await asyncio.sleep(0.02)
    except aiomqtt.MqttError:
        return clock() - revoked_s
    finally:
        await connection.close()


async def is_let_in(system: System, name: DeviceId, secret: str) -> bool:
    try:
        async with system.device(name, username=name, password=secret):
            return True
    except aiomqtt.MqttError:
        return False  # mosquitto reads the file after the signal


async def test_a_revoked_device_is_cut_off_within_a_second(
    closed_system: System, closed_mosquitto: Mosquitto
) -> None:
    system = closed_system
    # A busy machine may be late once or twice: then the next device has to be in time.
    *names, other = await system.register(*(f"monitor-{n}" for n in range(1, 6)))
    secret = "Zq7-not-a-real-secret"
    connection = await system.sql()
    insert = "insert into registry.device_credential (device_id, password_hash) values ($1, $2)"
    files = closed_mosquitto.files
    try:
        for name in (*names, other):
            await connection.execute(insert, system.keys[name], password_hash(secret))
        system.start(
            GATEWAY_PASSWORD_FILE_OUT=str(files.passwords),
            GATEWAY_PASSWORD_BASE_FILE=str(files.service_passwords),
            GATEWAY_MQTT_PID_FILE=str(files.pid),
        )
        await system.ready()
        await eventually(lambda: f"{other}:" in files.passwords.read_text())
        await eventually(partial(is_let_in, system, other, secret))
        async with system.device(other, username=other, password=secret) as neighbour:
            took_s: list[float] = []
            while min(took_s, default=1.0) >= 1.0 and len(took_s) < len(names):
                async with asyncio.timeout(60):
                    took_s.append(await seconds_until_cut_off(system, names[len(took_s)], secret))
            assert min(took_s) < 1.0, took_s
            await neighbour.send(packed(BOOT, 0))
            await eventually(lambda: (BOOT, 0) in system.seen.messages(neighbour.key))
    finally:
        await connection.close()
    assert files.passwords.stat().st_mode & 0o077 == 0
    assert "vw_gateway:" in files.passwords.read_text()
    with pytest.raises(aiomqtt.MqttError):
        async with system.device(names[0], username=names[0], password=secret):
            pass


async def test_a_device_registered_later_may_send_at_once(system: System) -> None:
    name = DeviceId("monitor-9")
    system.start()
    await system.ready()
    async with system.device(name) as device:
        await device.send(packed(BOOT, 0))
        await eventually(lambda: len(system.seen.parked) == 1)
        assert system.seen.parked[0][0]["reason"] == "unknown_device"
        await system.register(name)
        n = 0

        async def is_heard() -> bool:
            nonlocal n
            n += 1
            await device.send(packed(BOOT, n))
            return bool(system.seen.messages(system.keys[name]))

        await eventually(is_heard, every_s=0.5)
