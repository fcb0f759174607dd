"""Where a stream stands: messages, the position of their writer, and who may move it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from shared.errors import VitalwireError


class StreamMessage(Protocol):
    """One message of a stream."""

    @property
    def offset(self) -> int:
        """Its place in the stream."""

    @property
    def type(self) -> str:
        """Name of its format."""

    @property
    def headers(self) -> Mapping[str, Any]:
        """As published."""

    @property
    def body(self) -> bytes:
        """The bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Up to where a stream is stored, and by which owner (`epoch`)."""

    incarnation: int
    stream: str
    epoch: int
    last_offset: int


class Advance(NamedTuple):
    """A step of the position, made in the transaction that writes the rows.

    Messages up to `decided_to` were written by an earlier owner; they are read again only where
    a writer has to remember them.
    """

    position: Position
    to_offset: int
    decided_to: int

    @property
    def is_warming(self) -> bool:
        """Whether there is nothing to write: the position stays."""
        return self.to_offset <= self.decided_to


class LaneLost(VitalwireError):
    """Another process has taken over what this one was writing: stop, and ask again."""
