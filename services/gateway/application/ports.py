"""What the loops of the gateway need from outside, in their own words."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Protocol

from services.gateway.core.clock_map import Correction, Segment
from services.gateway.core.command_deadlines import OpenCommand
from services.gateway.core.file_parts import FileKey, FilePart
from services.gateway.core.file_pieces import FileContent
from services.gateway.core.files import FileEnd, FileRow, FileToRead
from services.gateway.core.messages import (
    BootKey,
    DesiredConfiguration,
    Device,
    DeviceCount,
    FinishedCommand,
    Incoming,
    ParkedMessage,
    RestRow,
    StoredClock,
    StoredMessages,
    StreamKey,
)
from services.gateway.core.presence import Presence
from shared.contracts import dialogue
from shared.contracts.commands import Command, CommandOutcome
from shared.contracts.events import Event
from shared.contracts.identity import DeviceId, DeviceKey, Lane


class DeviceSession(Protocol):
    """One network connection of a lane's MQTT session."""

    @property
    def session_present(self) -> bool:
        """Whether the broker still had the session, with its subscriptions and messages."""

    @property
    def is_caught_up(self) -> bool:
        """Whether messages come as they are sent, not out of the broker's queue."""

    async def take(self, gather_s: float, *, at_once: bool = False) -> list[Incoming]:
        """Wait for a message and so long for more, then give all; after `wake` it may be none.

        A full batch of them is given at once.

        Parameters
        ----------
        at_once : look for messages once, at the end of the time: each may have arrived earlier
            than it says by that much

        Raises
        ------
        SessionEnded : the connection is gone
        """

    def wake(self) -> None:
        """Make `take` return."""

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Send PUBACKs in this order; nothing if the connection is gone."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Send to a device with QoS 0; false where it could not leave (it will be repeated)."""

    async def close(self) -> None:
        """Leave the session to its next owner. Twice is harmless."""


class Confirmed(Protocol):
    """Hands messages over to RabbitMQ in order; the future is done when it has them."""

    async def send_frames(
        self, lane: Lane, body: bytes, *, late: bool, lane_bytes: int, t_us: int
    ) -> asyncio.Future[None]:
        """Publish a batch of frames; waits for room."""

    async def park(self, message: ParkedMessage) -> asyncio.Future[None]:
        """Park a message; waits for room."""

    async def tell(self, event: Event) -> asyncio.Future[None]:
        """Publish an event; waits for room."""


class ClockTable(Protocol):
    """Clock maps that outlive the process."""

    async def load(self, keys: Iterable[BootKey]) -> Mapping[BootKey, StoredClock]:
        """Give what is known of these boots.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """

    async def keep(
        self, segments: Sequence[tuple[BootKey, Segment]]
    ) -> Mapping[tuple[BootKey, int], Segment]:
        """Make segments durable; give what stands now, where another gateway was first.

        Keys are the boot and the first n.

        Raises
        ------
        Unavailable : PostgreSQL does not answer; nothing is kept
        """

    async def correct(self, corrections: Sequence[tuple[BootKey, Correction]]) -> None:
        """Record drift.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """


class RegistryTable(Protocol):
    """Devices as the api has registered them."""

    async def all_devices(self) -> list[Device]:
        """Give every device that is in use.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """

    async def devices(self, names: Iterable[DeviceId]) -> list[Device]:
        """Give those of the named devices that are in use.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """


class UnitTable(Protocol):
    """Units behind hubs, made known as they show themselves."""

    async def join_unit(
        self, hub: Device, name: DeviceId, *, kind: str, model: str
    ) -> DeviceKey | None:
        """Give the row of a unit behind a hub, made if it is new; None where it may not join.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """


class RestTable(Protocol):
    """Rests of byte streams that outlive the process. Every method raises Unavailable."""

    async def load(
        self, wanted: Iterable[tuple[StreamKey, int]]
    ) -> Mapping[tuple[StreamKey, int], bytes]:
        """Give the rests that these messages left, where there is a row."""

    async def keep(self, rows: Sequence[RestRow]) -> Mapping[tuple[StreamKey, int], bytes]:
        """Make rests durable; give what stands now, where another gateway was first."""

    async def forget(self, devices: Iterable[DeviceKey], *, but_newest: int) -> None:
        """Remove the rests of devices but so many of each."""

    async def forget_before(self, before_us: int) -> int:
        """Remove some of those that came before a time; give how many."""


class PresenceTable(Protocol):
    """The newest status of each device."""

    async def load(self, shards: range) -> Mapping[DeviceKey, Presence]:
        """Give the newest status of each device of these shards.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """

    async def keep(self, presences: Mapping[DeviceKey, Presence]) -> None:
        """Keep the newest status of these devices.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """


class ReceiptQueue(Protocol):
    """Receipts of storage for a lane."""

    def receipts(self, lane: Lane, *, until: asyncio.Event) -> AsyncIterator[StoredMessages]:
        """Give what storage committed; each is settled when the next one is asked for."""


class TakenCommand(Protocol):
    """A command from its queue, until it is settled."""

    @property
    def command(self) -> Command:
        """What is asked for."""

    async def settle(self) -> None:
        """Say that its row is durable."""

    async def reject(self) -> None:
        """Send it to the parking."""


class CommandQueue(Protocol):
    """Commands for the devices of a lane."""

    def commands(self, lane: Lane, *, until: asyncio.Event) -> AsyncIterator[TakenCommand]:
        """Give what is asked for; what is not settled comes again."""


class CommandTable(Protocol):
    """Commands that outlive the process. Every method raises Unavailable without PostgreSQL."""

    async def take(self, command: Command) -> OpenCommand | None:
        """Write the row of a command; give it as it stands, None if it has ended.

        Raises
        ------
        Conflict : there is no such device
        """

    async def load(self, shards: range) -> list[OpenCommand]:
        """Give the commands of these shards that have not ended, or ended unknown of late."""

    async def mark_sent(self, command: OpenCommand) -> OpenCommand | None:
        """Write that it is sent now; None if another was first, it has ended or its time is over.

        Only then may it be sent.
        """

    async def finish(
        self, command: str, device: DeviceKey, outcome: CommandOutcome, detail: str
    ) -> None:
        """Write how a command ended; an unknown end may still become known, no other changes."""

    async def untold(self, shards: range) -> list[FinishedCommand]:
        """Give commands that have ended and whose event may be missing."""

    async def mark_told(self, commands: Sequence[FinishedCommand]) -> None:
        """Write that their events are durable."""


class DeviceUnits(Protocol):
    """Units behind hubs."""

    async def see(self, hub: Device, seen: dialogue.Seen) -> None:
        """Take that a unit is there, or not any more; the same twice is harmless.

        Raises
        ------
        Unavailable : it cannot be taken now
        """


class FileTable(Protocol):
    """Files and their parts. Every method raises Unavailable without PostgreSQL."""

    async def find(self, key: FileKey) -> FileRow | None:
        """Give the newest file that the device has sent under this name, with its parts."""

    async def begin(self, key: FileKey, codec: str, total: int, *, most_open: int) -> bool:
        """Make the row of a file unless it is there; false where too many are not whole."""

    async def keep(self, file: str, parts: Sequence[FilePart]) -> bool:
        """Make parts durable; false where the file is not received any more."""

    async def complete(self, file: str) -> None:
        """Say that every byte is there."""

    async def unfinished(self, devices: Iterable[DeviceKey]) -> list[FileKey]:
        """Give the files of these devices that are not whole."""

    async def next_to_read(self, shards: range) -> FileToRead | None:
        """Give the file of these shards that waits longest to be read."""

    async def content(self, file: str) -> list[tuple[int, bytes]]:
        """Give its parts: offset and bytes, ascending."""

    async def attempt(self, file: str) -> int:
        """Count, durably, one more attempt to read it; give how many there were, with it."""

    async def mark_read(self, file: str, content: FileContent) -> None:
        """Write what is in it; from now on it is sent."""

    async def wear(self, file: str, content: FileContent) -> str:
        """Have the patient whom it is of wear the device then; give why that cannot be, or ""."""

    async def save_progress(self, file: str, n_stored: int) -> None:
        """Write how many of its pieces are stored."""

    async def finish(self, file: str, end: FileEnd) -> None:
        """Write how it ended, and drop its bytes."""


class DeviceFiles(Protocol):
    """Files that devices keep."""

    async def keep_part(self, device: Device, part: dialogue.FilePart) -> None:
        """Keep a part of a file that a device was asked for; the same twice is harmless.

        Raises
        ------
        Unavailable : it cannot be kept now
        """

    async def want(self, device: Device, file: dialogue.WantFile) -> None:
        """Take that a device has a file which is not ours yet; the same twice is harmless.

        Raises
        ------
        Unavailable : it cannot be taken now
        """


class ConfigurationTable(Protocol):
    """What is wished of devices, as the api has written it."""

    async def load(self, shards: range) -> list[DesiredConfiguration]:
        """Give all wishes of these shards.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """


class CounterTable(Protocol):
    """Counters of devices."""

    async def add(self, counts: Sequence[DeviceCount]) -> None:
        """Add to the counters.

        Raises
        ------
        Unavailable : PostgreSQL does not answer; nothing was added
        """
