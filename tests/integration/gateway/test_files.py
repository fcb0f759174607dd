"""Files in parts through the gateway: any order, damaged, repeated, killed in the middle."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
import numpy as np
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.sdk import FileOutcome, FileUpload, UploadedFile
from shared.contracts.identity import DeviceId
from shared.contracts.names import DownKind, UpKind, down_topic, up_topic
from shared.recordings.edf_file import read_edf
from shared.recordings.edf_plus import EdfFile, EdfSignal, encode_edf
from tests.harness.ended import ended
from tests.harness.eventually import eventually
from tests.integration.gateway.system import DeviceSpeaker, System, now_us

NAME = "holter-1.edf"
PART = 4_096
BOOT = 9
RECORDS = 40


def edf(*, age_s: int = 7_200) -> bytes:
    """Forty seconds of a ramp, recorded two hours ago."""
    begin = np.datetime64(now_us() // 1_000_000 - age_s, "s").astype("datetime64[s]").item()
    counts = (np.arange(RECORDS * 250) % 8_000).astype(np.int16)
    ecg = EdfSignal("ECG I", "mV", -8.0, 8.0, -8_000, 8_000, 250.0, counts)
    return encode_edf(
        EdfFile(
            patient="X X X X", recording="Startdate X X X X",
            start=begin.strftime("%d.%m.%y %H.%M.%S"), record_s=1.0, signals=(ecg,),
            record_onsets_s=tuple(map(float, range(RECORDS))),
        )
    )  # fmt: skip


class FileSpeaker:
    """A device that keeps files: sends parts, hears what is missing."""

    def __init__(self, device: DeviceSpeaker) -> None:
        self.device = device
        self.told: list[dict[str, Any]] = []
        self.n = 0

    async def part(self, data: bytes, offset: int, *, damaged: bool = False, **other: str) -> int:
        """Send one part; gives its number."""
        sent = data[offset : offset + PART]
        about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
        said = {
            "file": NAME, "offset": str(offset), "total": str(len(data)),
            "crc32": f"{zlib.crc32(sent):08x}", "b": f"{BOOT:08x}", "n": str(self.n),
            "t": str(now_us()),
        } | other  # fmt: skip
        about.UserProperty = list(said.items())
        sent = bytes([sent[0] ^ 1]) + sent[1:] if damaged else sent
        await self.device.client.publish(
            up_topic(self.device.name, UpKind.FILE, "edf_plus"), sent, qos=1, properties=about
        )
        self.n += 1
        return self.n - 1


@asynccontextmanager
async def file_device(system: System, name: DeviceId) -> AsyncIterator[FileSpeaker]:
    async with system.device(name) as device, aiomqtt.Client(
        "127.0.0.1", system.mosquitto.port, identifier=f"{name}-ear",
        timeout=60, protocol=aiomqtt.ProtocolVersion.V5,
    ) as ear:  # fmt: skip
        speaker = FileSpeaker(device)
        await ear.subscribe(down_topic(name, DownKind.FILE), qos=1)

        async def listen() -> None:
            async for message in ear.messages:
                assert isinstance(message.payload, bytes)
                speaker.told.append(msgspec.json.decode(message.payload))

        listening = asyncio.create_task(listen())
        try:
            await device.status(BOOT)
            yield speaker
        finally:
            await ended(listening)


async def told_stored(device: DeviceSpeaker, numbers: set[int]) -> None:
    """Wait until the device knows these messages to be stored; it asks, rather than wait 5 s."""
    await device.status(BOOT, buffered=1)
    await eventually(lambda: device.stored.get(BOOT) == numbers)


async def file_rows(system: System) -> list[dict[str, Any]]:
    connection = await system.sql()
    try:
        rows = await connection.fetch(
            "select f.state, f.reason, f.n_pieces, f.n_stored, f.n_frames,"
            " (select count(*) from gateway.file_part p where p.file_id = f.id) as n_parts,"
            " (select count(content) from gateway.file_part p where p.file_id = f.id) as n_kept"
            " from gateway.file f order by made_at"
        )
    finally:
        await connection.close()
    return [dict(row) for row in rows]


def offsets(data: bytes) -> list[int]:
    return list(range(0, len(data), PART))


def samples_seen(system: System, device: int, boot: int) -> Sequence[int]:
    """Samples of a file in the order of their pieces, each piece once."""
    found: list[int] = []
    for n in range(10_000):
        frames = system.seen.frames.get((device, boot, n, 0))
        if frames is None:
            break
        assert len({(one.t0, one.samples) for one in frames}) == 1, "a piece is always the same"
        found += np.frombuffer(frames[0].samples, "<i2").tolist()
    return found


async def test_a_file_in_any_order_is_stored_once(system: System, tmp_path: Path) -> None:
    (name,) = await system.register("holter-1")
    system.start()
    await system.ready()
    data = edf()
    read = read_edf(data, {})
    assert not isinstance(read, tuple)
    boot = zlib.crc32(read.key.encode())
    async with file_device(system, name) as speaker:
        device = speaker.device
        order = offsets(data)[::-1]
        assert len(order) == 6
        for offset in order[:3]:
            await speaker.part(data, offset)
            await speaker.part(data, offset)  # a repeat
        damaged = await speaker.part(data, order[3], damaged=True)
        await eventually(lambda: bool(device.errors))
        assert device.errors[0] == {"boot": BOOT, "n": damaged, "reason": "bad_checksum"}
        await eventually(lambda: [0, order[2]] in [m for t in speaker.told for m in t["missing"]])
        for offset in order[3:]:
            await speaker.part(data, offset)
        kept = set(range(speaker.n)) - {damaged}
        await told_stored(device, kept)
        pieces = {(boot, n) for n in range(read.n_pieces)}
        await eventually(system.came(device.key, pieces))
        assert {(device.key, *piece) for piece in pieces} <= system.seen.late
        assert samples_seen(system, device.key, boot) == [n % 8_000 for n in range(10_000)]
        assert [row["state"] for row in await file_rows(system)] == ["reading"]
        await system.store(name, boot, [(0, read.n_pieces - 1)])
        await eventually(lambda: speaker.told[-1].get("state") == "stored")
        (row,) = await file_rows(system)
        assert row == {
            "state": "stored", "reason": None, "n_pieces": 4, "n_stored": 4, "n_frames": 4,
            "n_parts": 6, "n_kept": 0,
        }  # fmt: skip
        # All of it once more: known by its checksums.
        for offset in offsets(data):
            await speaker.part(data, offset)
        await told_stored(device, set(range(speaker.n)) - {damaged})
        assert len(await file_rows(system)) == 1
        # Under the same name another recording: a file of its own, this time by the SDK.
        other = edf(age_s=9_000)
        path = tmp_path / NAME
        path.write_bytes(other)
        later = read_edf(other, {})
        assert not isinstance(later, tuple)
        upload = FileUpload(
            name, host="127.0.0.1", port=system.mosquitto.port, secret="", part_bytes=900
        )
        async with asyncio.TaskGroup() as group:
            uploading = group.create_task(upload.upload(path, "edf_plus"))
            boot = zlib.crc32(later.key.encode())
            await eventually(system.came(device.key, {(boot, n) for n in range(4)}))
            await system.store(name, boot, [(0, 3)])
            assert await uploading == UploadedFile(FileOutcome.STORED)
        assert [row["state"] for row in await file_rows(system)] == ["stored", "stored"]
        assert await upload.upload(path, "edf_plus") == UploadedFile(FileOutcome.STORED)
        assert len(await file_rows(system)) == 2
    await eventually(lambda: "file_stored" in system.kinds())


async def test_a_file_goes_on_after_a_kill_and_a_bad_one_is_refused_whole(system: System) -> None:
    (name,) = await system.register("holter-1")
    first = system.start()
    await system.ready()
    data = edf()
    read = read_edf(data, {})
    assert not isinstance(read, tuple)
    boot = zlib.crc32(read.key.encode())
    async with file_device(system, name) as speaker:
        device = speaker.device
        for offset in offsets(data)[:2]:
            await speaker.part(data, offset)
        await told_stored(device, {0, 1})
        first.kill()
        second = system.start()
        await system.ready(sessions=4)
        speaker.told.clear()
        await device.status(BOOT)
        await eventually(
            lambda: [2 * PART, len(data)] in [m for t in speaker.told for m in t["missing"]]
        )
        for offset in offsets(data)[2:]:
            await speaker.part(data, offset)
        await eventually(system.came(device.key, {(boot, n) for n in range(read.n_pieces)}))
        second.kill()  # sent, and not known to be stored
        system.start()
        await eventually(lambda: system.copies(device.key, boot, 0) >= 2)
        assert samples_seen(system, device.key, boot) == [n % 8_000 for n in range(10_000)]
        await system.store(name, boot, [(0, read.n_pieces - 1)])
        await eventually(lambda: speaker.told[-1].get("state") == "stored", within_s=20)

        n_frames = len(system.seen.frames)
        cut = data[: len(data) - 1_000]
        for offset in offsets(cut):
            await speaker.part(cut, offset, file="cut.edf")
        await eventually(lambda: speaker.told[-1].get("state") == "refused")
        assert speaker.told[-1]["reason"] == "malformed"
        assert [row["state"] for row in await file_rows(system)] == ["stored", "refused"]
        assert len(system.seen.frames) == n_frames
        # One that has ended its gateway again and again is not begun once more.
        often = edf(age_s=9_000)
        await speaker.part(often, 0, file="often.edf")
        connection = await system.sql()

        async def is_counted() -> bool:
            count = "update gateway.file set attempts = 20 where name = 'often.edf'"
            return str(await connection.execute(count)) == "UPDATE 1"

        try:
            await eventually(is_counted)
        finally:
            await connection.close()
        for offset in offsets(often)[1:]:
            await speaker.part(often, offset, file="often.edf")
        await eventually(lambda: speaker.told[-1].get("reason") == "internal_error")
        assert len(system.seen.frames) == n_frames
        # A name that is none, a part beyond the end, a total that changes.
        await speaker.part(data, 0, file="../x")
        await speaker.part(data, 0, total="10")
        await speaker.part(data, 0, file="new.edf")
        await speaker.part(data, 0, file="new.edf", total=str(len(data) + 1))
        await eventually(lambda: len(device.errors) == 3)
        assert {one["reason"] for one in device.errors} == {"malformed", "conflict"}
    await eventually(lambda: system.kinds().count("file_refused") == 2)
    refused, again = [one for one in system.seen.events if one.kind == "file_refused"]
    assert (refused.data["reason"], refused.data["offset"]) == ("malformed", len(cut))
    assert again.data["reason"] == "internal_error"
