"""Files that devices send in parts: kept as rows until they are whole.

A part is told stored when its row is committed; one that cannot be kept now is acknowledged and
left to come again. What is missing is asked for on ``down/file``: when a device connects, when it
asks, when the last part came and when a part was damaged on its way.

What waits for PostgreSQL is bounded by bytes; beyond, parts are left to come again.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import structlog

from services.gateway.application.outlet import Outlet
from services.gateway.application.ports import DeviceSession, FileTable
from services.gateway.application.refusals import Refusals, Unusable
from services.gateway.core.file_parts import MOST_PARTS, FileKey, FilePart
from services.gateway.core.files import FileEnd, FileRow, FileToRead, KnownFile
from services.gateway.core.messages import Device, Incoming
from services.gateway.metrics import GatewayMetrics
from shared.contracts import dialogue
from shared.contracts.decoding import Refused
from shared.contracts.file_reading import FileState
from shared.contracts.identity import DeviceKey, Lane
from shared.contracts.names import DownKind, down_topic
from shared.contracts.parking import Reason
from shared.errors import Conflict, Invalid, Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import either

log = structlog.get_logger()

MOST_WAITING_BYTES = 8 << 20
MOST_KNOWN = 256
"""Files held of a lane; others are looked up again."""
MOST_OPEN = 16
"""Files of one device that are not whole."""
KEEP_TIMEOUT_S = 5.0
AWAY_S = 3.0
"""After a failure PostgreSQL is left alone so long."""
LOOK_S = 30.0


class Arrived(NamedTuple):
    """A part as it came from MQTT; the outlet and the refusals are those of its session."""

    number: int
    message: Incoming
    device: Device
    part: FilePart
    outlet: Outlet
    refusals: Refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePorts:
    """What the files of a lane work with.

    Parameters
    ----------
    stored : told of each message whose part is durable
    whole : called when there may be a file to read
    file_codecs : by device model, the codec whose files a dialogue fetches
    """

    table: FileTable
    stored: Callable[[DeviceKey, int, int], None]
    whole: Callable[[], None]
    file_codecs: Mapping[str, str]


class Files:
    """The files that the devices of one lane send. The session is that of the moment, or none."""

    def __init__(self, lane: Lane, ports: FilePorts, clock: Clock, metrics: GatewayMetrics) -> None:
        self._lane = lane
        self._ports = ports
        self._table = ports.table
        self._clock = clock
        self._metrics = metrics
        self._waiting: list[Arrived] = []
        self._waiting_bytes = 0
        self._greeted: dict[DeviceKey, Device] = {}
        # In the order in which they were used: the first one is forgotten first.
        self._known: dict[FileKey, KnownFile] = {}
        self._work = asyncio.Event()
        self._one = asyncio.Lock()
        self._away_until_s = 0.0
        self.session: DeviceSession | None = None

    # ------------------------------------------------------------------ what comes in

    def take(self, arrived: Arrived) -> None:
        """Take a part; it is settled when it is durable, refused, or left to come again."""
        size = len(arrived.part.data)
        if (
            self._waiting_bytes + size > MOST_WAITING_BYTES
            or self._clock.monotonic_s() < self._away_until_s
        ):
            self._defer([arrived])
            return
        self._waiting.append(arrived)
        self._waiting_bytes += size
        self._work.set()

    def welcome(self, device: Device) -> None:
        """Note that a device has just connected: it is asked for what is missing."""
        self._greeted[device.key] = device
        self._work.set()

    def note_ended(self, file: FileToRead, end: FileEnd) -> None:
        """Tell the device that a file was stored or refused."""
        key = FileKey(file.device.key, file.name)
        self._known.pop(key, None)
        reason = "" if end.bad is None else end.bad.reason.value
        row = FileRow(file.id, file.format, file.total, end.state, reason, [])
        self._tell(file.device, key, KnownFile(row), file.total)

    # ------------------------------------------------------------------ for dialogues

    async def keep_part(self, device: Device, part: dialogue.FilePart) -> None:
        """Keep a part of a file that a device was asked for; the same twice is harmless."""
        codec = self._ports.file_codecs.get(device.model)
        if codec is None:
            log.warning("file_part_left_out", device=device.name)
            return
        read = FilePart(
            part.name, codec, part.total, part.offset, zlib.crc32(part.data), part.data, None
        )
        key = FileKey(device.key, part.name)
        async with self._one:
            known = await self._find(key, read)
            if known is None or known.refuse(read, MOST_PARTS) is not None:
                log.warning("file_part_left_out", device=device.name, codec=codec)
                return
            await self._keep(key, known, [read])

    async def want(self, device: Device, file: dialogue.WantFile) -> None:
        """Take that a device has a file that is not ours yet; its dialogue asks for it."""
        log.info("file_wanted", device=device.name, n_bytes=file.n_bytes)

    # ------------------------------------------------------------------ the loop

    async def run(self, stop: asyncio.Event) -> None:
        """Keep parts until the stop. Cancel-safe: what is not durable is not acknowledged."""
        while not stop.is_set():
            await either(self._work, stop, LOOK_S)
            self._work.clear()
            self._metrics.loop_turns.labels("files").inc()
            waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
            for key, arrived in _by_file(waiting).items():
                await self._guarded(key, arrived)
            greeted, self._greeted = self._greeted, {}
            if greeted:
                await self._ask_all(greeted)

    async def _guarded(self, key: FileKey, arrived: Sequence[Arrived]) -> None:
        """Do with the parts of a file what can be done now."""
        try:
            async with asyncio.timeout(KEEP_TIMEOUT_S), self._one:
                await self._do(key, arrived)
        except Invalid as error:  # what PostgreSQL does not take: it would never
            self._known.pop(key, None)
            log.warning("file_parts_refused", lane=self._lane, error=str(error))
            for one in arrived:
                boot, n = (one.part.envelope or (None, None))[:2]
                refusal = Refused(Reason.MALFORMED, "cannot be kept", boot, n)
                bad = Unusable(one.number, one.message, refusal)
                await one.refusals.refuse(bad, self._clock.now_us())
        except (Unavailable, TimeoutError, Conflict) as error:
            self._known.pop(key, None)
            if not isinstance(error, Conflict):  # a file that has just been removed
                self._away_until_s = self._clock.monotonic_s() + AWAY_S
            self._metrics.loop_errors.labels("files").inc()
            log.warning("file_parts_not_kept", lane=self._lane, error=str(error))
            self._defer(arrived)

    async def _do(self, key: FileKey, arrived: Sequence[Arrived]) -> None:
        refused: list[tuple[Arrived, Reason, str]] = []
        sound: list[Arrived] = []
        ask = False
        for one in arrived:
            if one.part.is_question or one.part.is_sound:
                sound.append(one)
            else:
                self._metrics.file_parts.labels("bad_checksum").inc()
                refused.append((one, Reason.BAD_CHECKSUM, f"at {one.part.starts}"))
                ask = True
        known = await self._find(key, sound[0].part) if sound else self._known.get(key)
        kept: list[Arrived] = []
        for one in sound:
            if known is None:
                if not one.part.is_question:
                    refused.append((one, Reason.TOO_LARGE, f"{MOST_OPEN} files are not whole"))
                    continue
            elif (why := known.refuse(one.part, MOST_PARTS)) is not None:
                refused.append((one, *why))
                continue
            kept.append(one)
        if known is not None:
            ask |= await self._keep(key, known, [one.part for one in kept])
        for one in kept:
            envelope = one.part.envelope
            if envelope is not None:
                self._ports.stored(one.device.key, envelope.boot, envelope.n)
            ask |= one.part.is_question or one.part.starts + len(one.part.data) == one.part.total
        now_us = self._clock.now_us()
        for one, reason, detail in refused:
            boot, n = (one.part.envelope or (None, None))[:2]
            refusal = Refused(reason, detail, boot, n)
            await one.refusals.refuse(Unusable(one.number, one.message, refusal), now_us)
        for outlet, numbers in _by_outlet(kept):
            outlet.settle(numbers)
        if ask:
            told = known
            if known is not None and any(known.is_followed_by(one.part) for one in arrived):
                told = None  # a question after another file of that name
            self._tell(arrived[0].device, key, told, arrived[0].part.total)

    async def _find(self, key: FileKey, part: FilePart) -> KnownFile | None:
        """Give the file that a part belongs to, begun if it is new; None where too many are."""
        known = self._known.pop(key, None)
        if known is None:
            row = await self._table.find(key)
            known = None if row is None else KnownFile(row)
        if (known is None or known.is_followed_by(part)) and not part.is_question:
            if not await self._table.begin(key, part.format, part.total, most_open=MOST_OPEN):
                return None
            row = await self._table.find(key)
            known = None if row is None else KnownFile(row)
        if known is not None:
            self._known[key] = known
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return known

    async def _keep(self, key: FileKey, known: KnownFile, parts: Sequence[FilePart]) -> bool:
        """Make the new ones of these parts durable; gives whether the file is whole now."""
        if not known.is_received:
            return False
        new = [part for part in parts if not part.is_question and not known.holds(part)]
        if new and not await self._table.keep(known.row.id, new):
            raise Conflict(f"file {known.row.id} is not received any more")
        known.note(part.mark for part in new)
        self._metrics.file_parts.labels("kept").inc(len(new))
        self._metrics.file_parts.labels("repeated").inc(len(parts) - len(new))
        if not known.coverage.is_whole(known.row.total):
            return False
        await self._table.complete(known.row.id)
        self._known.pop(key, None)
        self._ports.whole()
        return True

    # ------------------------------------------------------------------ what goes down

    async def _ask_all(self, devices: Mapping[DeviceKey, Device]) -> None:
        """Ask devices for what is missing of their files."""
        try:
            async with asyncio.timeout(KEEP_TIMEOUT_S):
                for key in await self._table.unfinished(devices):
                    row = await self._table.find(key)
                    if row is not None:
                        self._tell(devices[key.device], key, KnownFile(row), row.total)
        except (Unavailable, TimeoutError) as error:
            # It asks itself when it goes on, and is told when its last part came.
            self._metrics.loop_errors.labels("files").inc()
            log.warning("files_not_asked_for", lane=self._lane, error=str(error))

    def _tell(self, device: Device, key: FileKey, known: KnownFile | None, total: int) -> None:
        """Tell a device what is missing of a file; all of it where there is nothing."""
        if self.session is None:
            return
        told: dict[str, object] = {"file": key.name, "total": total, "missing": [(0, total)]}
        if known is not None:
            state = known.row.state
            if state is FileState.RECEIVING:
                told["missing"] = missing = known.coverage.missing(known.row.total)
                state = state if missing else FileState.COMPLETE
            else:
                told["missing"] = []
            told["total"] = known.row.total
            told["state"] = state.value
            if known.row.reason:
                told["reason"] = known.row.reason
        self.session.publish(down_topic(device.name, DownKind.FILE), msgspec.json.encode(told))

    def _defer(self, arrived: Sequence[Arrived]) -> None:
        self._metrics.deferred.labels("file").inc(len(arrived))
        for outlet, numbers in _by_outlet(arrived):
            outlet.settle(numbers)


def _by_file(arrived: Sequence[Arrived]) -> dict[FileKey, list[Arrived]]:
    found: dict[FileKey, list[Arrived]] = {}
    for one in arrived:
        found.setdefault(FileKey(one.device.key, one.part.name), []).append(one)
    return found


def _by_outlet(arrived: Sequence[Arrived]) -> list[tuple[Outlet, list[int]]]:
    found: dict[int, tuple[Outlet, list[int]]] = {}
    for one in arrived:
        found.setdefault(id(one.outlet), (one.outlet, []))[1].append(one.number)
    return list(found.values())
