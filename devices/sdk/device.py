"""The public class: a device that publishes frames and never loses one before it is stored."""

import asyncio
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, final

from devices.sdk.command_desk import CommandDesk, CommandHandler
from devices.sdk.configuration_keeper import ConfigurationKeeper, Configure
from devices.sdk.frame import Frame
from devices.sdk.happened import Happened, Listener, NativeListener
from devices.sdk.journal import Entry, Journal, JournalFullError, write_through
from devices.sdk.link import Address, Link, MakeLink
from devices.sdk.session import Session
from devices.sdk.unsent import RESEND_AFTER_US, Key, Unsent
from shared.codecs.json_frames import codec as json_frames
from shared.codecs.packed import codec as packed
from shared.contracts.commands import CommandOutcome
from shared.contracts.decoding import Decoded
from shared.contracts.identity import parse_device_id
from shared.contracts.quality import MessageFlag

RECEIPT_WANTED_FILL = 0.5  # of the journal: from here on each message asks for its receipt at once
SYNC_EACH_S = 1.0


class WhenFull(Enum):
    """What ``publish`` does when the journal has no room."""

    WAIT = "wait"
    """Wait until the server has stored older messages."""
    RAISE = "raise"
    """Raise `JournalFullError`: the maker decides what to drop."""


class Durability(Enum):
    """What a loss of power may cost. The death of the process never costs anything."""

    PROCESS = "process"
    """What the system had not written yet, up to half a minute: nothing is written through."""
    SECOND = "second"
    """At most the last second: written through to the disk once a second."""
    MESSAGE = "message"
    """Nothing that ``publish`` returned for: written through each time (some ms, wears flash)."""


def _unheard(happened: Happened) -> None:
    """Nobody listens."""


@final
class Device:
    """One device; an asynchronous context manager that is connected while it is open.

    Parameters
    ----------
    device_id : ``[a-z0-9-]{3,40}``, also the user name at the broker
    secret : its password at the broker
    journal : folder of its own, on a disk that survives a restart; one process at a time
    codec : ``packed`` (small) or ``json`` (readable)
    clock : the device's time in microseconds; the machine's UTC if left out
    simulated : marks all data as not from a living person
    resend_after_s : a message that is not stored so long after the broker took it is sent again
    on_happened : told what becomes of messages, and what the server asks; must not block
    on_command : runs a command, at most once each and never after its time; what it gives (or
        raises: failed) is the answer. Without it, `Command` is told to ``on_happened`` once
    on_configuration : applies a configuration as a whole, at the start that of the last time;
        gives what is in force where that differs. Without it, `Desired` is only told
    on_native : told of commands in the device's own bytes, for a model with a dialogue; answers
        go by `publish_native`. Must not block
    make_link : makes the connections: for simulators of bad networks

    Raises
    ------
    ValueError : the device id is none, or the journal is too small
    JournalLockedError, OSError : on entering, when the folder cannot be used
    """

    def __init__(  # noqa: PLR0913 - all by keyword, most left out
        self,
        device_id: str,
        *,
        host: str,
        port: int = 1883,
        secret: str,
        journal: Path | str,
        journal_bytes: int = 64 << 20,
        codec: Literal["packed", "json"] = "packed",
        when_full: WhenFull = WhenFull.WAIT,
        durability: Durability = Durability.SECOND,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], int] | None = None,
        firmware: str = "",
        simulated: bool = False,
        resend_after_s: float = RESEND_AFTER_US / 1e6,
        on_happened: Listener = _unheard,
        on_command: CommandHandler | None = None,
        on_configuration: Configure | None = None,
        on_native: NativeListener | None = None,
        make_link: MakeLink = Link,
    ) -> None:
        known = parse_device_id(device_id)
        if known is None:
            raise ValueError(f"{device_id!r} is no device id: [a-z0-9-], 3 to 40 of them")
        self.device_id = known
        self.boot = secrets.randbits(32)
        self.reported: dict[str, Any] = {}
        self.battery_percent: float | None = None
        self.rssi_dbm: float | None = None
        self._address = Address(device=known, host=host, port=port, secret=secret, tls=tls)
        self._folder, self._journal_bytes = Path(journal), journal_bytes
        self._codec: Literal["packed", "json"] = codec
        self._encode = packed.encode if codec == "packed" else json_frames.encode
        self._when_full, self._durability = when_full, durability
        self._clock = clock or _utc_us
        self._firmware = firmware
        self._flags = MessageFlag.SIMULATED if simulated else MessageFlag(0)
        self._listener = on_happened
        self._on_command, self._on_configuration = on_command, on_configuration
        self._on_native, self._make_link = on_native, make_link
        self._desk: CommandDesk | None = None
        self._n = 0
        self._unsent = Unsent(resend_after_us=round(resend_after_s * 1e6))
        self._journal: Journal | None = None
        self._session: Session | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._journal = Journal(self._folder, max_bytes=self._journal_bytes)
        for key in self._journal:
            self._unsent.add(key)
        desk = self._desk = CommandDesk(
            self._folder,
            handler=self._on_command,
            tell=self._listener,
            send=lambda *result: self._open_session().answer(*result),
        )
        keeper = None
        if self._on_configuration is not None:
            keeper = ConfigurationKeeper(
                self._folder, configure=self._on_configuration, report=self._report_all
            )
        self._session = Session(
            desk=desk,
            keeper=keeper,
            address=self._address,
            boot=self.boot,
            unsent=self._unsent,
            journal=self._journal,
            status=self._status,
            listener=self._listener,
            on_native=self._on_native,
            make_link=self._make_link,
        )
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._running = [
            self._tasks.create_task(self._session.run()),
            self._tasks.create_task(desk.run()),
        ]
        if keeper is not None:
            self._running.append(self._tasks.create_task(keeper.run()))
        if self._durability is not Durability.PROCESS:
            syncing = self._sync_each_second(self._journal)
            self._running.append(self._tasks.create_task(syncing))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._tasks is not None
        assert self._journal is not None
        self._open_session().end()
        for task in self._running:
            task.cancel()
        # An error of the caller's own comes out as it is, not wrapped in a group.
        own = error is not None and not isinstance(error, asyncio.CancelledError)
        try:
            await self._tasks.__aexit__(*((None, None, None) if own else (kind, error, trace)))
        finally:
            self._journal.close()

    @property
    def unstored(self) -> int:
        """Messages that the server has not said to have stored."""
        return len(self._unsent)

    @property
    def is_connected(self) -> bool:
        """Whether a connection to the broker stands."""
        return self._open_session().is_connected

    async def publish(
        self, frames: Sequence[Frame], *, lead_off: bool = False, sensor_fault: bool = False
    ) -> Key:
        """Take one message; when this returns, the death of the process cannot lose it.

        It is sent at once if there is a connection, and again until the server has stored it.
        Cancel-safe: a message whose ``publish`` did not return may or may not have been taken.

        Parameters
        ----------
        frames : all that belongs to one moment, usually a second of each stream: one message is
            cheaper than many
        lead_off, sensor_fault : of all frames of this message

        Raises
        ------
        JournalFullError : no room, and the device was made with `WhenFull.RAISE`
        ValueError : the frames do not fit the format, or are more than 64 KiB
        """
        flags = self._flags
        flags |= MessageFlag.LEAD_OFF if lead_off else MessageFlag(0)
        flags |= MessageFlag.SENSOR_FAULT if sensor_fault else MessageFlag(0)
        t_us = self._clock()
        wire = [frame.to_wire(t_us) for frame in frames]

        def body(n: int) -> bytes:
            asked = flags
            if self._open_journal().fill >= RECEIPT_WANTED_FILL:
                asked |= MessageFlag.RECEIPT_WANTED
            return self._encode(Decoded(self.boot, n, t_us, int(asked), wire))

        return await self._take(self._codec, t_us, body)

    async def publish_native(self, codec: str, body: bytes, *, t_us: int | None = None) -> Key:
        """Take bytes of another codec; identity and time travel beside them. Else as `publish`.

        Parameters
        ----------
        t_us : the time of the message by the device's clock, as the codec means it (often: of its
            first sample); now if left out
        """
        return await self._take(codec, self._clock() if t_us is None else t_us, lambda _: body)

    async def until_stored(self) -> None:
        """Wait until nothing is unstored. Cancel-safe: holds nothing."""
        while self._unsent:
            await self._open_session().settled()

    def report(self, **reported: Any) -> None:
        """Tell the server facts about the device (in ``up/status``); None takes one back."""
        self._report_all(reported)

    def _report_all(self, reported: Mapping[str, Any]) -> None:
        self.reported.update(reported)
        for name in [name for name, value in self.reported.items() if value is None]:
            del self.reported[name]
        self._open_session().want_status()

    def answer(self, command: str, outcome: CommandOutcome, detail: str = "") -> bool:
        """Tell what became of a command that the listener was told of.

        False if there is no connection now: the server asks for it later.
        """
        self._open_session()
        assert self._desk is not None
        return self._desk.answer(command, outcome, detail)

    def interrupt(self) -> None:
        """Lose the network, for tests and simulators; `publish` goes on into the journal."""
        self._open_session().interrupt()

    def resume(self) -> None:
        """Have the network back."""
        self._open_session().resume()

    async def _take(self, codec: str, t_us: int, body: Callable[[int], bytes]) -> Key:
        journal, session = self._open_journal(), self._open_session()
        while True:
            key = Key(self.boot, self._n)
            try:
                journal.append(Entry(key, t_us, codec, body(self._n)))
            except JournalFullError:
                if self._when_full is WhenFull.RAISE:
                    raise
                await session.settled()
                continue
            self._n += 1
            self._unsent.add(key)
            session.wake()
            if self._durability is Durability.MESSAGE:
                await _sync(journal)
            else:
                # A maker's loop that publishes without a pause must not starve the session.
                await asyncio.sleep(0)  # noqa: TID251 - the SDK has no clock of the server side
            return key

    def _status(self) -> dict[str, Any]:
        fields = {
            "boot": self.boot,
            "t": self._clock(),
            "firmware": self._firmware,
            "battery": self.battery_percent,
            "rssi": self.rssi_dbm,
            "buffered": len(self._unsent),
            "reported": self.reported | {"set_aside": len(self._unsent.aside)},
        }
        return {name: value for name, value in fields.items() if value is not None}

    async def _sync_each_second(self, journal: Journal) -> None:
        while True:
            await asyncio.sleep(SYNC_EACH_S)  # noqa: TID251 - the SDK has no clock of the server side
            await _sync(journal)

    def _open_journal(self) -> Journal:
        if self._journal is None:
            raise RuntimeError("the device is not open: use it as `async with Device(...)`")
        return self._journal

    def _open_session(self) -> Session:
        if self._session is None:
            raise RuntimeError("the device is not open: use it as `async with Device(...)`")
        return self._session


async def _sync(journal: Journal) -> None:
    file = journal.take_unsynced()
    if file is not None:
        await asyncio.to_thread(write_through, file)


def _utc_us() -> int:
    return time.time_ns() // 1000  # noqa: TID251 - the device's own clock
