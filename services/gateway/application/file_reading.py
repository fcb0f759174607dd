"""Files that are whole: read off the loop, sent as late frames, and waited for until stored.

One file of a lane at a time, and one of the process, which bounds the memory. Live data is not
slowed: the frames of a file go out only while the lane's stream of late frames is nearly empty.
Killed half-way, a file begins again: the identity of its frames is that of its content, so that
nothing is there twice.
"""

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from services.gateway.application.ports import Confirmed, FileTable
from services.gateway.core.admission import TimeLimits
from services.gateway.core.command_results import printable
from services.gateway.core.file_parts import Coverage, joined
from services.gateway.core.file_pieces import (
    FileBatch,
    FileContent,
    FileSender,
    batches_of,
    check_file,
)
from services.gateway.core.files import FileEnd, FileToRead
from services.gateway.core.flow import LaneFlow
from services.gateway.metrics import GatewayMetrics
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.file_reading import BadFile, FileReader
from shared.contracts.identity import DeviceKey, Lane
from shared.contracts.parking import Reason
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.quarantine import Choked, attempt_twice
from shared.runtime.waiting import either, pause

log = structlog.get_logger()

LOOK_S = 1.0
"""How soon a file is seen that somebody else has completed."""
AWAY_S = 3.0
MOST_ATTEMPTS = 20
"""A file that ends its gateway each time (no memory, a bug below Python) must not do so for ever;
an honest one is begun again only when a gateway is killed or moved meanwhile."""
READ_TIMEOUT_S = 120.0
"""64 MiB are read and checked in a few seconds; what takes longer is no honest file."""
MOST_AHEAD_BYTES = 4 << 20
"""Of late frames ahead of storage: what devices catch up with comes before a file."""
MOST_UNCONFIRMED = 8
SILENCE_S = 60.0
"""Without any receipt for so long, the file is sent again: storage then repeats its receipts."""
PROGRESS_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPorts:
    """What the reading of files works with.

    Parameters
    ----------
    reader : gives the reader of a format for a device, None where there is none
    frame_flags : gives what the frames of a file carry of the choice of its device
    turn : held while a file is read, one a process
    ended : told how each file ended
    """

    table: FileTable
    out: Confirmed
    reader: Callable[[FileToRead], FileReader | None]
    frame_flags: Callable[[FileToRead], int]
    turn: asyncio.Semaphore
    ended: Callable[[FileToRead, FileEnd], None]


@dataclass(slots=True, eq=False)
class _Stored:
    """Which pieces of the file in hand are stored."""

    device: DeviceKey
    boot: int
    n_pieces: int
    coverage: Coverage

    @property
    def n_left(self) -> int:
        return self.n_pieces - self.coverage.n_there


class FileReading:
    """Takes in the files of one lane."""

    def __init__(
        self,
        lane: Lane,
        shards: range,
        *,
        ports: ReadingPorts,
        flow: LaneFlow,
        limits: TimeLimits,
        clock: Clock,
        metrics: GatewayMetrics,
    ) -> None:
        self._lane = lane
        self._shards = shards
        self._ports = ports
        self._table = ports.table
        self._flow = flow
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._work = asyncio.Event()
        self._moved = asyncio.Event()
        self._in_hand: _Stored | None = None

    def look(self) -> None:
        """Say that there may be a file to read."""
        self._work.set()

    def note_receipt(self, device: DeviceKey, boot: int, ranges: Sequence[tuple[int, int]]) -> None:
        """Take what storage has committed."""
        self._moved.set()
        stored = self._in_hand
        if stored is not None and (stored.device, stored.boot) == (device, boot):
            for first, last in ranges:
                stored.coverage.add(max(0, first), min(stored.n_pieces, last + 1))

    async def run(self, stop: asyncio.Event) -> None:
        """Take files in until the stop. Cancel-safe: one that is half in begins again."""
        while not stop.is_set():
            self._work.clear()
            self._metrics.loop_turns.labels("file_reading").inc()
            try:
                file = await self._table.next_to_read(self._shards)
                if file is not None:
                    async with self._ports.turn:
                        await self._take_in(file, stop)
                    continue
            except Unavailable as error:
                self._metrics.loop_errors.labels("file_reading").inc()
                log.warning("file_waits", lane=self._lane, error=str(error))
                await pause(stop, AWAY_S)
                continue
            finally:
                self._in_hand = None
            await either(self._work, stop, LOOK_S)

    # ------------------------------------------------------------------ one file

    async def _take_in(self, file: FileToRead, stop: asyncio.Event) -> None:
        log.info("file_begun", device=file.device.name, format=file.format, file=file.id)
        if await self._table.attempt(file.id) > MOST_ATTEMPTS:
            why = f"begun {MOST_ATTEMPTS} times, and never ended"
            await self._finish(file, FileEnd(BadFile(Reason.INTERNAL_ERROR, why)))
            return
        content, crc32 = await self._read(file)
        if isinstance(content, BadFile):
            await self._finish(file, FileEnd(content, crc32))
            return
        if why_not := await self._table.wear(file.id, content):
            await self._finish(file, FileEnd(BadFile(Reason.CONFLICT, why_not), crc32))
            return
        await self._table.mark_read(file.id, content)
        stored = _Stored(file.device.key, content.boot, content.n_pieces, Coverage())
        self._in_hand = stored
        while stored.n_left and not stop.is_set():
            await self._send(file, content, stored, stop)
            await self._wait_for_receipts(file, stored, stop)
        if not stored.n_left:
            self._metrics.file_bytes.inc(file.total)
            await self._finish(file, FileEnd(None, crc32), content)

    async def _read(self, file: FileToRead) -> tuple[FileContent | BadFile, int | None]:
        """Read and check a file in a thread; gives its CRC-32, too, where it is whole."""
        reader = self._ports.reader(file)
        if reader is None:
            bad = BadFile(Reason.UNKNOWN_CODEC, f"no files of format {file.format} are read")
            return bad, None
        parts = await self._table.content(file.id)
        now_us = self._clock.now_us()
        earliest_us, latest_us = now_us - self._limits.back_us, now_us + self._limits.ahead_us

        crc32: int | None = None

        def read() -> FileContent | BadFile:
            nonlocal crc32
            data = joined(parts, file.total)
            if isinstance(data, int):
                why = "parts that overlap differ, or one is missing"
                return BadFile(Reason.CONFLICT, why, offset=data)
            crc32 = zlib.crc32(data)
            found = reader(data, file.options)
            if isinstance(found, BadFile):
                return found
            return check_file(found, earliest_us=earliest_us, latest_us=latest_us)

        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                found = await asyncio.to_thread(
                    attempt_twice, read, loop="file_reading", identity=file.id
                )
        except TimeoutError:
            why = f"reading took more than {READ_TIMEOUT_S:.0f} s"
            return BadFile(Reason.TOO_LARGE, why), None
        finally:
            parts.clear()
        if isinstance(found, Choked):
            return BadFile(Reason.INTERNAL_ERROR, found.error), crc32
        return found, crc32

    async def _send(
        self, file: FileToRead, content: FileContent, stored: _Stored, stop: asyncio.Event
    ) -> None:
        """Hand all pieces over to RabbitMQ, as fast as storage takes late data."""
        sender = FileSender(
            file.device.key,
            simulated=file.device.simulated,
            frame_flags=self._ports.frame_flags(file),
        )
        batches = batches_of(content, sender, self._clock.now_us())
        confirmations: deque[asyncio.Future[None]] = deque()
        saved_s = self._clock.monotonic_s()

        def take() -> FileBatch | None:
            return next(batches, None)

        while not stop.is_set() and (batch := await asyncio.to_thread(take)) is not None:
            for event in batch.events:
                confirmations.append(await self._ports.out.tell(event))
            if batch.batch is not None:
                await self._wait_for_room(stop)
                body = batch.batch.body
                lane_bytes = self._flow.publish(len(body), late=True)
                confirmations.append(
                    await self._ports.out.send_frames(
                        self._lane, body, late=True, lane_bytes=lane_bytes,
                        t_us=self._clock.now_us(),
                    )
                )  # fmt: skip
            while len(confirmations) > MOST_UNCONFIRMED:
                await confirmations.popleft()
            for n in batch.without_frames:
                stored.coverage.add(n, n + 1)
            if self._clock.monotonic_s() - saved_s > PROGRESS_S:
                saved_s = self._clock.monotonic_s()
                await self._table.save_progress(file.id, stored.coverage.n_there)
        while confirmations:
            await confirmations.popleft()

    async def _wait_for_room(self, stop: asyncio.Event) -> None:
        while self._flow.late.lag_bytes > MOST_AHEAD_BYTES and not stop.is_set():
            self._moved.clear()
            await either(self._moved, stop, PROGRESS_S)

    async def _wait_for_receipts(
        self, file: FileToRead, stored: _Stored, stop: asyncio.Event
    ) -> None:
        """Wait until storage has committed every piece, or is silent for long."""
        n_left, news_s = stored.n_left, self._clock.monotonic_s()
        while stored.n_left and not stop.is_set():
            self._moved.clear()
            await either(self._moved, stop, PROGRESS_S)
            now_s = self._clock.monotonic_s()
            if stored.n_left < n_left:
                n_left, news_s = stored.n_left, now_s
                await self._table.save_progress(file.id, stored.coverage.n_there)
            elif now_s - news_s > SILENCE_S:
                log.warning("file_sent_again", file=file.id, n_left=n_left)
                return

    async def _finish(
        self, file: FileToRead, end: FileEnd, content: FileContent | None = None
    ) -> None:
        """Tell people, then write how the file ended; told twice after a crash, by the same id."""
        if end.bad is not None:  # it may repeat what stands in the file
            end = end._replace(bad=end.bad._replace(detail=printable(end.bad.detail)))
        kind = EventKind.FILE_STORED if end.bad is None else EventKind.FILE_REFUSED
        data: dict[str, object] = {"file": file.name, "format": file.format, "import": file.id}
        if content is not None:
            data["frames"] = content.n_frames
        if end.bad is not None:
            data |= _told(end.bad)
        confirmation = await self._ports.out.tell(
            Event(
                id=event_id(kind, file.id),
                t=self._clock.now_us(),
                kind=kind,
                severity=Severity.INFO if end.bad is None else Severity.LOW,
                source="gateway",
                text_key=kind.value,
                device=file.device.key,
                data=data,
            )
        )
        await confirmation
        await self._table.finish(file.id, end)
        self._metrics.files.labels(end.state.value).inc()
        self._ports.ended(file, end)
        reason = None if end.bad is None else end.bad.reason.value
        log.info("file_ended", device=file.device.name, file=file.id, reason=reason)


def _told(bad: BadFile) -> Mapping[str, object]:
    where = {"line": bad.line, "offset": bad.offset}
    return {"reason": bad.reason.value, "detail": bad.detail[:200]} | {
        name: value for name, value in where.items() if value is not None
    }
