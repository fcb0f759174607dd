"""What the writers of storage need of the world."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from services.storage.core.block_rows import BlockKey, BlockRow
from services.storage.core.compaction import StreamKey
from services.storage.core.erased import Erased
from services.storage.core.event_rows import EventRow
from services.storage.core.frame_rows import FrameRows, RefusedFrames, StoredFrames
from services.storage.core.known_messages import BootKey
from services.storage.core.partitions import Partitioned
from services.storage.core.positions import Advance, Position, StreamMessage
from services.storage.core.retention import DeviceTime, Erasure
from services.storage.core.rollup import MinuteOfPatient, RollupPosition
from services.storage.core.vital_rows import Emission
from shared.contracts.events import Event
from shared.contracts.frames import FrameBatch
from shared.contracts.identity import Shard
from shared.contracts.parking import Reason
from shared.contracts.receipts import Receipt
from shared.contracts.records import Table


class Discontinuity(Protocol):
    """What a reader found between two batches that do not follow each other."""

    @property
    def fault(self) -> str:
        """Name of what happened."""

    @property
    def expected(self) -> int:
        """Offset that should have come."""

    @property
    def found(self) -> int:
        """Offset that came."""


class StreamBatch(Protocol):
    """What was there to be read: at least one message."""

    @property
    def messages(self) -> Sequence[StreamMessage]:
        """In the order of the stream."""

    @property
    def discontinuity(self) -> Discontinuity | None:
        """What lies between the batch before and this one."""


class Source(Protocol):
    """One stream from an offset on."""

    def batches(self, *, until: asyncio.Event) -> AsyncIterator[StreamBatch]:
        """What comes, until the stop; what was given is done with when the next is asked for."""


class Streams(Protocol):
    """Opens streams."""

    def open(self, stream: str, *, start: int, most: int) -> AbstractAsyncContextManager[Source]:
        """The stream from an offset on, at most so many messages at once."""


class Positions(Protocol):
    """Positions of the streams of one incarnation."""

    async def claim(self, streams: Sequence[str]) -> list[Position]:
        """Take the streams over, all or none: whoever had them can commit no more."""


class Partitions(Protocol):
    """Partitions of the tables that are cut by time."""

    async def ensure(self, table: Partitioned, starts_us: Sequence[int]) -> None:
        """Make those that are missing. Remembers which are there."""

    def forget(self) -> None:
        """Look again: one that was there is not."""


class FrameTable(Protocol):
    """``signal.frame``, ``signal.received`` and ``signal.conflict``."""

    async def highest(self, boots: Sequence[BootKey]) -> list[tuple[BootKey, int]]:
        """The highest n that is stored of each boot, -1 where none is."""

    async def stored(self, rows: FrameRows) -> StoredFrames:
        """What is stored under the identities of these rows, whatever the time, hot or cold."""

    async def append(
        self, fresh: FrameRows, refused: Sequence[RefusedFrames], advance: Advance
    ) -> None:
        """Write all in one transaction, with the position.

        Raises
        ------
        Repeated : a fresh row was there; nothing is written
        LaneLost : the position belongs to another owner; nothing is written
        """


class HeldHour(Protocol):
    """One hour of frames in one transaction that keeps its writers out."""

    async def next_stream(self, after: StreamKey) -> StreamKey | None:
        """The next device and stream, None behind the last."""

    async def frames(self, key: StreamKey) -> FrameBatch:
        """All frames of one device and stream."""

    async def blocks(self, key: StreamKey) -> dict[BlockKey, bytes]:
        """The blocks that this hour of the device and stream has already."""

    async def put(self, fresh: Sequence[BlockRow], changed: Sequence[BlockRow]) -> None:
        """Write new blocks, and replace those that there are."""

    async def note_received(self, receipts: Sequence[Receipt]) -> None:
        """Remember which messages are in blocks."""

    async def empty(self) -> None:
        """Take the frames out; may be tried again in the same transaction."""


class FrameHours(Protocol):
    """Hours of ``signal.frame``."""

    async def starts(self) -> list[int]:
        """Where the hours that are there begin."""

    async def is_filled(self, start_us: int) -> bool:
        """Whether an hour holds a frame."""

    def hold(self, start_us: int) -> AbstractAsyncContextManager[HeldHour | None]:
        """The hour, committed at the end as a whole; None where another process has it."""

    async def drop(self, start_us: int) -> bool:
        """Remove an hour when it is empty; gives whether it was."""


class RollupStep(Protocol):
    """One transaction of rolling up."""

    async def make_minutes(self, start_us: int, end_us: int) -> None:
        """Compute the minutes of all patients in a time."""

    async def make_hours(self, start_us: int, end_us: int) -> None:
        """Compute the hours of all patients in a time from their minutes."""

    async def finish(self, start_us: int, end_us: int) -> None:
        """Say that this time is computed."""

    async def take_dirty(self, most: int) -> list[MinuteOfPatient]:
        """Minutes that changed, no longer noted when the transaction ends."""

    async def make_minutes_of(self, minutes: Sequence[MinuteOfPatient]) -> None:
        """Compute single minutes again."""

    async def make_hours_of(self, hours: Sequence[MinuteOfPatient]) -> None:
        """Compute single hours again, as far as their minutes are computed."""


class Rollups(Protocol):
    """Minutes and hours of vital signs."""

    async def position(self) -> RollupPosition:
        """How far minutes are closed and computed."""

    async def first_values(self) -> int | None:
        """Where the oldest partition of vital signs begins."""

    async def open(self, start_us: int) -> None:
        """Say where the first minutes begin; once."""

    async def close(self, to_us: int) -> None:
        """Close minutes, when the writers who do not know it have committed."""

    def step(self) -> AbstractAsyncContextManager[RollupStep | None]:
        """A transaction; None where another process is at it."""


class ErasingStep(Protocol):
    """One transaction that removes data."""

    async def erase_device(self, time: DeviceTime) -> dict[str, int]:
        """Remove the rows of a device in a time, but blocks; frames leave their identity."""

    async def erase_texts(self, time: DeviceTime, *, and_later_state: bool) -> dict[str, int]:
        """Remove what people wrote to a device in a time; also texts that it is to show now."""

    async def remove_blocks(self, time: DeviceTime) -> int:
        """Remove the blocks that lie in a time as a whole; gives how many."""

    async def blocks_at_ends(self, time: DeviceTime) -> list[tuple[BlockKey, bytes]]:
        """Blocks that lie in a time in part."""

    async def put_block(self, row: BlockRow) -> None:
        """Replace a block."""

    async def remove_block(self, key: BlockKey) -> None:
        """Remove a block."""

    async def erase_rows(self, patient: int, until_us: int) -> dict[str, int]:
        """Remove values, summaries and events of a patient before a time."""

    async def erase_records(self, request: int) -> dict[str, int]:
        """Remove every row that names the patient, and empty the patient's own."""

    async def save(self, request: int, removed: Mapping[str, int]) -> None:
        """Remember how far an erasure is."""

    async def finish(
        self, erasure: Erasure, removed: Mapping[str, int], text: str, digest: str, done_us: int
    ) -> None:
        """Certify an erasure and leave it in the audit trail."""


class Erasures(Protocol):
    """What is ordered to be erased, and what is not let in any more."""

    async def erased(self) -> Erased:
        """All that is not let in any more."""

    async def ordered(self) -> list[int]:
        """Erasures that nobody has begun."""

    async def begin(self, request: int) -> None:
        """Put the fence up."""

    async def under_way(self, fenced_s: float) -> list[Erasure]:
        """Erasures whose fence has stood for so long."""

    async def times(self, request: int) -> list[DeviceTime]:
        """When the patient wore which device."""

    async def oldest_us(self) -> int:
        """Before it there is nothing of a device."""

    async def first_of_patient(self, patient: int) -> int | None:
        """The oldest row of a patient."""

    def step(self) -> AbstractAsyncContextManager[ErasingStep | None]:
        """A transaction; None where another process is at it."""


class Removals(Protocol):
    """What has outlived its time."""

    async def starts(self, table: Partitioned) -> list[int]:
        """Where the partitions of a table begin."""

    async def drop(self, table: Partitioned, start_us: int) -> bool:
        """Remove a partition with all that is in it; gives whether it went."""

    async def drop_events(self, before_us: int) -> int:
        """Remove some events of before; gives how many."""

    async def drop_conflicts(self, before_us: int) -> int:
        """Remove some frames that were kept aside before; gives how many."""

    async def drop_commands(self, before_us: int) -> int:
        """Remove some commands of before; gives how many rows."""

    async def drop_files(self, before_us: int) -> int:
        """Remove some files that ended before, or were never whole; gives how many rows."""

    async def own(self, now_us: int) -> list[tuple[int, list[DeviceTime], int]]:
        """Patients with a retention of their own: times of devices, and the time, that go."""


class VitalTable(Protocol):
    """``signal.vital`` and ``signal.beat``."""

    async def append(self, emissions: Sequence[Emission], beats: Table, advance: Advance) -> None:
        """Write or correct all in one transaction, with the position; the highest revision wins.

        Raises
        ------
        LaneLost : the position belongs to another owner; nothing is written
        """


class EventTable(Protocol):
    """``signal.event``."""

    async def append(self, rows: Sequence[EventRow], advance: Advance) -> int:
        """Write those that are new in one transaction, with the position; gives how many.

        Raises
        ------
        LaneLost : the position belongs to another owner; nothing is written
        """

    async def shards(self, devices: Iterable[int]) -> dict[int, Shard]:
        """Give the shards of those of these devices that the registry knows."""


class Receipts(Protocol):
    """Tells the gateway what is stored."""

    async def send(self, receipts: Sequence[Receipt], headers: Mapping[str, str | int]) -> None:
        """Hand over the receipts of one commit; the next ones repair lost ones."""


class Parking(Protocol):
    """Keeps what could not be used."""

    async def park(
        self, message: StreamMessage, *, stream: str, reason: Reason, detail: str
    ) -> None:
        """Returns when it is safe there."""


class EventStream(Protocol):
    """The stream ``events``."""

    async def tell(self, events: Sequence[Event]) -> None:
        """Returns when they are safe there."""
