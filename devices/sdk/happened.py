"""What a device is told about its messages and by its server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from devices.sdk.unsent import Key
from shared.contracts.commands import CommandOutcome


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection stands; what is not stored is being sent again."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost or could not be made; another try follows by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The server has committed these messages to its database; they left the journal."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The server will never take this message; it left the journal."""

    key: Key
    reason: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """The broker forbids this message or drops the connection for it. It is kept, tried rarely."""

    key: Key
    reason: str


@dataclass(frozen=True, slots=True)
class Command:
    """The server asks for something. Without ``on_command``, answer with ``Device.answer``."""

    id: str
    name: str
    args: dict[str, Any]
    expires_us: int


@dataclass(frozen=True, slots=True)
class Desired:
    """The configuration that the server wishes, with its version."""

    configuration: Mapping[str, Any]
    version: int


@dataclass(frozen=True, slots=True)
class ServerTime:
    """UTC by the server, in microseconds."""

    utc_us: int


Happened = Connected | Disconnected | Stored | Refused | SetAside | Command | Desired | ServerTime
Listener = Callable[[Happened], None]
CommandAnswer = CommandOutcome | tuple[CommandOutcome, str] | None
"""What became of a command, with a few words where they help; None is done."""

NativeListener = Callable[[bytes], None]
"""Called with what came on ``down/command`` in the device's own bytes; must not block."""
