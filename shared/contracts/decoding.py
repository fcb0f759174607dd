"""What every codec gives: messages with their frames, or a refusal with a named reason.

A codec is a folder of ``shared/codecs``; its module ``codec`` holds one ``CODEC`` of the type here.
Frames are ``NamedTuple``: this is the hot path of the gateway (benchmark: ``make bench``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.contracts.parking import Reason
from shared.contracts.records import Table


class Envelope(NamedTuple):
    """The identity and device time that travel beside native bytes, as MQTT user properties."""

    boot: int
    n: int
    t_us: int


class DecodedFrame(NamedTuple):
    """One stretch of equally spaced samples as the device counted them, little-endian.

    ``data`` holds ``samples`` times ``channels`` numbers of ``format`` (one that a batch may
    hold: ``SAMPLE_DTYPES``), interleaved by channel. The first sample was taken ``dt_us``
    microseconds of the device clock after the time of its message.
    """

    stream: int
    place: int
    channels: int
    samples: int
    interval_ns: int
    dt_us: int
    format: int
    scale: float
    offset: float
    data: bytes


class Decoded(NamedTuple):
    """One message of a device: identity, device time, `MessageFlag` bits, frames by part."""

    boot: int
    n: int
    t_us: int
    flags: int
    frames: list[DecodedFrame]


class Refused(NamedTuple):
    """A message that no try will make better; with its identity where that could still be read."""

    reason: Reason
    detail: str
    boot: int | None = None
    n: int | None = None


class PlainMessages(NamedTuple):
    """Messages as columns, of those that are one frame of samples that a batch may hold.

    ``heads`` has the fields boot, n, t_us, flags and those of `DecodedFrame` before ``data``. Where
    ``is_plain`` is false, a message is something else, or nothing: its other columns say nothing.
    """

    is_plain: NDArray[np.bool_]
    heads: Table
    data: list[bytes]


PlainReader = Callable[[Sequence[bytes]], PlainMessages]
"""Reads many messages at once, for the hot path; gives of each plain one what a decoder would."""


class Decoder(Protocol):
    """Turns the bytes of one device into messages; keeps what is unfinished."""

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give the messages that end in ``data``; never raise, whatever the bytes."""
        ...

    def remainder(self) -> bytes:
        """Give the bytes taken in that no message has used yet, so that they can be kept."""
        ...


class Framing(Enum):
    """How the messages of a codec are cut out of what MQTT delivers."""

    MESSAGE = "message"
    """Each MQTT message stands alone: one decoder may serve every device."""
    STREAM = "stream"
    """Messages run across MQTT messages: a decoder per device, whose remainder is state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A codec as the register lists it."""

    name: str
    framing: Framing
    largest_bytes: int
    """The longest MQTT payload that is looked at; anything longer is refused unread."""
    new_decoder: Callable[[], Decoder]
    read_plain: PlainReader | None = None
