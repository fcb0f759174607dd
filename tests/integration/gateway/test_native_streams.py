"""A byte stream through real servers: cut anywhere, its gateway killed, the same frames come."""

import asyncio

from shared.codecs.smsg.codec import CODEC
from shared.codecs.smsg.layout import encode_ecg, encode_error, encode_spo2, unit_name
from shared.contracts.decoding import Decoded, Envelope
from shared.contracts.identity import DeviceId, shard_of, unit_id
from tests.harness.eventually import eventually
from tests.harness.service_process import ServiceProcess
from tests.integration.gateway.system import DeviceSpeaker, System, now_us

HUB = DeviceId("hub-1")
BOOT = 0x5EED
ECG, OXIMETER = 5, 6
PIECE = 13
DEFECTIVE = 1 << 3  # ChipOx status: the sensor is defective, and nothing else


async def send(device: DeviceSpeaker, piece: bytes, n: int, t_us: int) -> None:
    about = (("b", f"{BOOT:x}"), ("n", str(n)), ("t", str(t_us)))
    await device.send(piece, codec=CODEC.name, properties=about)


def expected(pieces: list[bytes], t_us: int) -> dict[tuple[str, int, int], bytes]:
    """What the decoder of an undisturbed gateway gives: samples by unit, n and part."""
    decoder = CODEC.new_decoder(CODEC.with_constants())
    found = {}
    for n, piece in enumerate(pieces):
        for content in decoder.feed(piece, Envelope(BOOT, n, t_us)):
            assert isinstance(content, Decoded)
            for part, frame in enumerate(content.frames):
                found[frame.unit, n, part] = frame.data
    return found


async def unit_keys(system: System) -> dict[int, str]:
    connection = await system.sql()
    try:
        rows = await connection.fetch(
            "select id, device from registry.device where parent_id = $1", system.keys[HUB]
        )
    finally:
        await connection.close()
    return {row["id"]: row["device"].partition("--")[2] for row in rows}


async def test_a_stream_cut_anywhere_outlives_its_gateway(system: System) -> None:
    connection = await system.sql()
    system.keys[HUB] = await connection.fetchval(
        "insert into registry.device (device, shard, model, simulated) "
        "values ($1, $2, 'home-hub', true) returning id",
        HUB, shard_of(HUB),
    )  # fmt: skip
    gateway = system.start()
    await system.ready()
    stream = b"".join(
        encode_ecg(ECG, bytes([0x40, number] * 10)) + encode_spo2(OXIMETER, 80 + number % 20)
        for number in range(40)
    )
    pieces = [stream[at : at + PIECE] for at in range(0, len(stream), PIECE)]
    begun_us = now_us()
    wanted = expected(pieces, begun_us)
    async with system.device(HUB) as device:
        await device.status(BOOT)
        for n, piece in enumerate(pieces):
            await send(device, piece, n, begun_us)
            if n == len(pieces) // 2:
                gateway.kill()
                gateway = system.start()
            await asyncio.sleep(0.005)
        # What only left a rest is told stored by the gateway, whose row holds it. What the killed
        # one would have told is told when the device sends again what it was told nothing of.
        silent = set(range(len(pieces))) - {n for _, n, _ in wanted}
        assert silent, "the pieces are shorter than a message"
        for n, piece in enumerate(pieces):
            await send(device, piece, n, begun_us)
        await device.status(BOOT, buffered=len(silent))
        await eventually(lambda: device.stored.get(BOOT, set()) >= silent, within_s=30)

        def came() -> dict[tuple[int, int, int], set[bytes]]:
            return {
                (key, n, part): {frame.samples for frame in frames}
                for (key, _, n, part), frames in system.seen.frames.items()
            }

        await eventually(lambda: len(came()) >= len(wanted), within_s=30)
        units = await unit_keys(system)
        found = {(units[key], n, part): samples for (key, n, part), samples in came().items()}
        assert found == {identity: {samples} for identity, samples in wanted.items()}
        assert {name for name, _, _ in wanted} == {unit_name(ECG), unit_name(OXIMETER)}
        rests = await connection.fetchval(
            "select count(*) from gateway.rest where device_id = $1", system.keys[HUB]
        )
        assert rests >= len(silent) - 1

        storage = ServiceProcess.start(
            "storage", number=9, folder=system.folder, virtual_host=system.virtual_host,
            database=system.database, settings={"STORAGE_COMMIT_INTERVAL_S": "0.02"},
        )  # fmt: skip
        system.replicas.append(storage)
        # Notes alone: an event, and when it is committed, a receipt. The units' count for the hub.
        await send(device, encode_error(OXIMETER, DEFECTIVE), len(pieces), now_us())
        everything = set(range(len(pieces) + 1))
        await eventually(lambda: device.stored[BOOT] == everything, within_s=30)
    rows = await connection.fetch(
        "select kind, device_id, data from signal.event where source = 'gateway'"
    )
    await connection.close()
    changed = [row for row in rows if row["kind"] == "status_changed"]
    assert len(changed) == 2, "no pulse wave any more, and the sensor is defective"
    oximeter = unit_id(HUB, unit_name(OXIMETER))
    assert {f"{HUB}--{units[row['device_id']]}" for row in changed} == {oximeter}
