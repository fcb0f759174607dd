"""The server's side of a protocol that asks and answers: what to send, and what it means.

A dialogue is pure: words of the device, commands, receipts and the time come in, effects go out,
and the gateway carries them out. It is kept in memory only: after a restart a new one begins, so
everything in it must be safe to begin anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from shared.contracts.commands import Answer
from shared.contracts.decoding import Note, Word
from shared.contracts.identity import MessageId


class NativeCommand(NamedTuple):
    """A command as a dialogue is given it; ``unit`` is empty where it is for the sender itself.

    ``again``: it may have been sent before a restart of the gateway. A dialogue sends it then only
    if twice is harmless; else it gives nothing, and the command ends as unknown.
    """

    id: str
    name: str
    args: Mapping[str, Any]
    unit: str
    expires_us: int
    again: bool


class Send(NamedTuple):
    """These bytes go to the device, on ``down/command``."""

    data: bytes


class Finish(NamedTuple):
    """The device's own answer to a command: how it ended, or that it runs."""

    command: str
    outcome: Answer
    detail: str = ""


class Seen(NamedTuple):
    """A unit behind the hub is there, or not any more. ``kind`` is looked up in the model.

    Without a unit it is the sender itself, and ``reported`` is all that counts.
    """

    unit: str
    kind: str
    online: bool
    reported: Mapping[str, Any]


class Tell(NamedTuple):
    """An event for people, that comes from the dialogue and not from one message."""

    note: Note


class WantFile(NamedTuple):
    """The device has this file and it is not ours yet; data that came of it is in the words."""

    name: str
    n_bytes: int


class FilePart(NamedTuple):
    """A part of a file that the device was asked for; it is kept as one from ``up/file`` is."""

    name: str
    offset: int
    total: int
    data: bytes


Effect = Send | Finish | Seen | Tell | WantFile | FilePart


class Dialogue(Protocol):
    """The state of one conversation with one device (of a hub: with all its units)."""

    def heard(self, words: Sequence[Word], identity: MessageId, now_us: int) -> list[Effect]:
        """Take what the device said in the message of this identity; never raise."""
        ...

    def ask(self, command: NativeCommand, now_us: int) -> list[Effect]:
        """Begin a command; a refusal is a `Finish`. Its answer comes by `heard`."""
        ...

    def withdraw(self, command: str) -> None:
        """Forget a command whose time is over: it must not be sent any more."""
        ...

    def stored(self, boot: int, ranges: Sequence[tuple[int, int]], now_us: int) -> list[Effect]:
        """Take which messages of the device are durably stored, as inclusive ranges of n."""
        ...

    def tick(self, now_us: int) -> list[Effect]:
        """Do what is due by the clock, such as asking all units for their status."""
        ...

    def due_us(self) -> int | None:
        """When `tick` wants to be called, or None."""
        ...
