"""Commands to devices, and what became of them."""

from enum import StrEnum
from typing import Any

import msgspec


class CommandOutcome(StrEnum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    """Its time was over before the device began: it has not run and never will."""
    UNKNOWN = "unknown"
    """It was sent, its time is over and the device has not answered: it may have run."""


class Answer(StrEnum):
    """What a device says of a command in ``up/result``."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    RUNNING = "running"
    """It has begun and is not finished; only in answer to a question."""
    UNSEEN = "unseen"
    """The device has never had it; only in answer to a question."""


ENDS: dict[Answer, CommandOutcome] = {
    Answer.DONE: CommandOutcome.DONE,
    Answer.REFUSED: CommandOutcome.REFUSED,
    Answer.FAILED: CommandOutcome.FAILED,
    Answer.EXPIRED: CommandOutcome.EXPIRED,
}
"""Answers that end a command."""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One command on ``commands.{lane}``; `expires` in us UTC, after which it must not run.

    ``id`` is a UUID as text.
    """

    id: str
    device: int
    name: str
    expires: int
    requested_by: int
    args: dict[str, Any] = {}


class DownCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command as a device hears it on ``down/command``.

    With ``ask`` the device shall not run it but say what became of it. A question carries no
    name, so that a device that knows no questions cannot take it for the command.
    """

    command: str
    name: str = ""
    args: dict[str, Any] = {}
    expires: int = 0
    ask: bool = False


class CommandResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device says of a command on ``up/result``."""

    command: str
    outcome: Answer
    detail: str = ""


class DownDesired(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration that is wished of a device, retained on ``down/desired``."""

    version: int
    configuration: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(Command)


def encode_command(command: Command) -> bytes:
    """The JSON message of a command."""
    return msgspec.json.encode(command)


def decode_command(body: bytes) -> Command:
    """Read a command.

    Raises
    ------
    msgspec.DecodeError : the bytes are no command
    """
    return _decoder.decode(body)
