"""Uploads a file that a device keeps: in parts, again where they were lost, until it is stored.

It opens a connection of its own beside that of `Device`, and keeps nothing: the file itself is on
the maker's disk, and the server says what is missing. So it may be begun anew at any time.
"""

import asyncio
import logging
import ssl
import zlib
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiomqtt import Client, MqttError, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.sdk.link import ANSWER_TIMEOUT_S, KEEP_ALIVE_S
from shared.contracts.file_reading import LARGEST_FILE_BYTES, FileState
from shared.contracts.identity import DeviceId, parse_device_id
from shared.contracts.names import DownKind, UpKind, down_topic, up_topic

PART_BYTES = 32_768
ASK_AGAIN_S = 5.0
"""Without news for so long, the server is asked how far it is."""
PARTS_A_TURN = 64
"""Sent before the server is asked again: live messages of the device go in between."""
BACK_OFF_S = 2.0

log = logging.getLogger("vitalwire.sdk.files")


class FileOutcome(Enum):
    """How an upload ended."""

    STORED = "stored"
    REFUSED = "refused"


class UploadedFile(NamedTuple):
    """What became of a file; ``reason`` where nothing of it was taken."""

    outcome: FileOutcome
    reason: str = ""


class _FileMessage(msgspec.Struct):
    file: str
    total: int
    missing: list[tuple[int, int]]
    state: str = ""
    reason: str = ""


class FileUpload:
    """Uploads the files of one device.

    Parameters
    ----------
    device_id, host, port, secret, tls : as of `Device`
    part_bytes : of a part, at most 64 KiB

    Raises
    ------
    ValueError : the device id is none
    """

    def __init__(
        self,
        device_id: str,
        *,
        host: str,
        port: int = 1883,
        secret: str,
        tls: ssl.SSLContext | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        known = parse_device_id(device_id)
        if known is None:
            raise ValueError(f"{device_id!r} is no device id: [a-z0-9-], 3 to 40 of them")
        self._device: DeviceId = known
        self._host, self._port = host, port
        self._secret, self._tls = secret, tls
        self._part_bytes = min(max(1, part_bytes), 65_536)

    async def upload(self, path: Path, form: str, *, name: str | None = None) -> UploadedFile:
        """Upload a file and wait until the server has stored or refused it.

        A lost connection is opened again and the upload goes on. Cancel-safe: called again, it
        goes on with what is missing.

        Parameters
        ----------
        form : the codec or format, as in ``up/file/{form}``
        name : the file's name on the server; that of the path if left out

        Raises
        ------
        ValueError : the file is empty or larger than 64 MiB
        OSError : it cannot be read
        """
        data = await asyncio.to_thread(path.read_bytes)
        if not 0 < len(data) <= LARGEST_FILE_BYTES:
            raise ValueError(f"{path.name} has {len(data)} bytes")
        while True:
            try:
                return await self._try(data, form, name or path.name)
            except MqttError as error:
                log.warning("upload_interrupted reason=%s", error)
                await asyncio.sleep(BACK_OFF_S)  # noqa: TID251 - the SDK has no clock of the server side

    async def _try(self, data: bytes, form: str, name: str) -> UploadedFile:
        async with Client(
            self._host,
            self._port,
            username=self._device,
            password=self._secret,
            identifier=f"{self._device}-files",
            protocol=ProtocolVersion.V5,
            clean_start=True,
            keepalive=KEEP_ALIVE_S,
            timeout=ANSWER_TIMEOUT_S,
            tls_context=self._tls,
            logger=log,
        ) as client:
            await client.subscribe(down_topic(self._device, DownKind.FILE), qos=1)
            topic = up_topic(self._device, UpKind.FILE, form)
            while True:
                await client.publish(topic, b"", qos=1, properties=_about(name, data, None))
                told = await self._hear(client, name, len(data))
                if told is None:
                    continue
                if told.state in (FileState.STORED, FileState.REFUSED):
                    return UploadedFile(FileOutcome(told.state), told.reason)
                for start, end in _parts(told.missing, self._part_bytes):
                    await client.publish(
                        topic,
                        data[start:end],
                        qos=1,
                        properties=_about(name, data, (start, end)),
                    )
                if not told.missing:
                    await self._hear(client, name, len(data))

    async def _hear(self, client: Client, name: str, total: int) -> _FileMessage | None:
        """What the server says of this file; None where it says nothing for a while."""
        try:
            async with asyncio.timeout(ASK_AGAIN_S):
                async for message in client.messages:
                    try:
                        told = msgspec.json.decode(_bytes(message.payload), type=_FileMessage)
                    except msgspec.MsgspecError:
                        log.warning("down_file_malformed")
                        continue
                    if (told.file, told.total) == (name, total):
                        return told
        except TimeoutError:
            return None
        raise MqttError("the broker closed the connection")


def _parts(missing: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """The first parts of what is missing, on whole multiples of their size."""
    n = 0
    for first, end in missing:
        at = first
        while at < end and n < PARTS_A_TURN:
            edge = min(end, (at // size + 1) * size)
            yield at, edge
            at, n = edge, n + 1


def _about(name: str, data: bytes, part: tuple[int, int] | None) -> Properties:
    about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    said = [("file", name), ("total", str(len(data)))]
    start, end = part or (0, len(data))  # of a question: of the whole
    said += [("offset", str(start)), ("crc32", f"{zlib.crc32(data[start:end]):08x}")]
    about.UserProperty = said
    return about


def _bytes(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else b""
