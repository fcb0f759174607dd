"""A Telecare-ECG's card over real brokers: read though killed in between, taken when stored."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiomqtt
import numpy as np
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.simulators.telecare_card import MonitorCard
from shared.codecs.modbus.frames import Form
from shared.codecs.modbus.pdus import Failure
from shared.codecs.telecare_file.blocks import block, encode_block
from shared.codecs.telecare_file.leads import Words
from shared.codecs.telecare_file.text import Recording, card_name, write_recording
from shared.contracts.identity import DeviceId
from shared.contracts.names import DownKind, UpKind, down_topic, up_topic
from shared.contracts.telecare_card import recording_key
from tests.harness.ended import ended
from tests.harness.eventually import eventually
from tests.integration.gateway.commands import ask_for, has_outcome, row_of
from tests.integration.gateway.system import System, now_us

CODE = "018417EA190000B0"
BOOT = 0xEC6


class Monitor:
    """A monitor that announces recordings and answers; it numbers what it says."""

    def __init__(self, client: aiomqtt.Client, name: DeviceId, card: MonitorCard) -> None:
        self.client, self.name, self.card = client, name, card
        self.n = 0
        self.n_heard = 0

    async def say(self, data: bytes, codec: str = "modbus") -> None:
        about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
        about.UserProperty = [("b", f"{BOOT:08x}"), ("n", str(self.n)), ("t", str(now_us()))]
        self.n += 1
        topic = up_topic(self.name, UpKind.DATA, codec)
        await self.client.publish(topic, data, qos=1, properties=about)

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            answer = self.card.hear(message.payload)
            self.n_heard += 1
            if answer is not None:
                await self.say(answer)


@asynccontextmanager
async def monitor_on(system: System, name: DeviceId, form: Form) -> AsyncIterator[Monitor]:
    async with aiomqtt.Client(
        "127.0.0.1",
        system.mosquitto.port,
        identifier=name,
        timeout=60,
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as client:
        monitor = Monitor(client, name, MonitorCard(CODE, form=form, phone="+3960144676375"))
        await client.subscribe(down_topic(name, DownKind.COMMAND), qos=1)
        listening = asyncio.create_task(monitor.listen())
        status = b'{"online": true, "boot": %d, "t": %d}' % (BOOT, now_us())
        await client.publish(up_topic(name, UpKind.STATUS), status, qos=1, retain=True)
        try:
            yield monitor
        finally:
            await ended(listening)


def recording(ago: timedelta) -> Recording:
    """Ten seconds, recorded so long ago; fewer rows than the real one has, to be quick."""
    begin = (datetime.now(UTC) - ago).replace(microsecond=0, tzinfo=None)
    words = np.random.default_rng(5).integers(-900, 900, (1_000, 3)).astype(np.int16)
    return Recording(
        file=card_name(begin), recorded=begin, device_code=CODE, rate_hz=100, seconds=10,
        words=words, temperature_c=28, name="N. N.",
    )  # fmt: skip


def leads_of(words: Words) -> list[list[int]]:
    """Leads I, II and III by their definition."""
    return [
        [left_arm - right_arm, left_leg - right_arm, left_leg - left_arm]
        for left_arm, left_leg, right_arm in words.tolist()
    ]


def leads_seen(system: System, device: int, boot: int) -> list[list[int]]:
    """Leads I, II and III of a file, as they came out of the gateway."""
    frame = system.seen.frames[device, boot, 0, 0][0]
    samples: list[list[int]] = np.frombuffer(frame.samples, "<i2").reshape(-1, 3).tolist()
    return samples


async def battery_of(system: System, device: int, percent: float) -> bool:
    connection = await system.sql()
    try:
        found = await connection.fetchval(
            "select battery_percent from gateway.presence where device_id = $1", device
        )
    finally:
        await connection.close()
    return bool(found == percent)


async def test_a_recording_is_read_from_the_card_though_the_gateway_is_killed(
    system: System,
) -> None:
    (name,) = await system.register("telecare-1")
    connection = await system.sql()
    await connection.execute("update registry.device set model = 'telecare-ecg'")
    await connection.close()
    gateway = system.start()
    await system.ready()
    one, later = recording(timedelta(hours=2)), recording(timedelta(hours=1))
    boots = [zlib.crc32(recording_key(CODE, file.file).encode()) for file in (one, later)]
    key = system.keys[name]
    async with monitor_on(system, name, Form.GSM) as monitor:
        card = monitor.card
        await monitor.say(card.keep(one.file, write_recording(one)))
        await eventually(lambda: monitor.n_heard > 30, within_s=20)
        assert card.unanswered == [], "the monitor thinks that all is well"
        gateway.kill()
        system.start()
        await eventually(system.came(key, {(boots[0], 0)}), within_s=60)
        assert leads_seen(system, key, boots[0]) == leads_of(one.words)
        assert card.untaken == [one.file], "storage has not said yet that it has it"
        await system.store(name, boots[0], [(0, 0)])
        await eventually(lambda: card.untaken == [], within_s=20)

        await monitor.say(encode_block(block(battery=40, temperature_c=28)), "telecare_file")

        card.refuses = Failure.POSITION_WRONG
        refused = await ask_for(system, name, "take_ecg")
        await eventually(has_outcome(system, refused, "refused"), within_s=20)
        row = await row_of(system, refused)
        assert row is not None
        assert row["detail"] == "position_wrong"
        await eventually(lambda: "position_wrong" in system.kinds())

        card.refuses = None
        asked = asyncio.Event()
        card.taken_ecg = asked.set
        done = await ask_for(system, name, "take_ecg")
        async with asyncio.timeout(60):
            await asked.wait()
        await monitor.say(card.keep(later.file, write_recording(later)))
        await eventually(has_outcome(system, done, "done"), within_s=20)
        await eventually(system.came(key, {(boots[1], 0)}), within_s=60)
        assert leads_seen(system, key, boots[1]) == leads_of(later.words)
        await eventually(lambda: battery_of(system, key, 40), within_s=20)
    await eventually(lambda: "recording_made" in system.kinds())
    assert system.seen.parked == []
