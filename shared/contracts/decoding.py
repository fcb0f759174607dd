"""What every codec gives: messages with their frames, or a refusal with a named reason.

Frames are ``NamedTuple``: this is the hot path of the gateway (benchmark: ``make bench``).
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.contracts.events import EventKind
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
    microseconds of the device clock after the time of its message. ``unit`` names what measured
    it behind a hub (`identity.unit_id`); empty where that is the sender itself.
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
    unit: str = ""


class Note(NamedTuple):
    """Something that a device told and that people should know: it becomes an event.

    ``dt_us`` as in `DecodedFrame`; ``data`` goes into the event, and is never personal.
    """

    kind: EventKind
    dt_us: int = 0
    unit: str = ""
    data: Mapping[str, Any] = MappingProxyType({})


class Word(NamedTuple):
    """Something that a device said of its protocol, for its `Dialogue`: no sample, no event."""

    name: str
    unit: str = ""
    data: Mapping[str, Any] = MappingProxyType({})


class Decoded(NamedTuple):
    """One message of a device: identity, device time, `MessageFlag` bits, frames by part.

    What holds notes or words may be without frames; so may what a stream decoder gives of bytes
    that end no message yet.
    """

    boot: int
    n: int
    t_us: int
    flags: int
    frames: list[DecodedFrame]
    notes: Sequence[Note] = ()
    words: Sequence[Word] = ()


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
        """Give the messages that end in ``data``; never raise, whatever the bytes.

        With `Framing.STREAM` that is one `Decoded` with the identity of the envelope (its frames
        are whatever ended in these bytes, its ``t_us`` that of the envelope), and beside it a
        `Refused` for each stretch of garbage that was passed over.
        """
        ...

    def remainder(self) -> bytes:
        """Give the bytes taken in that no message has used yet: with them alone, given to
        `resume` of a new decoder, it goes on as this one would. Bounded by ``largest_rest``.
        """
        ...

    def resume(self, rest: bytes) -> None:
        """Take the place of the decoder that left ``rest``; forgets what was taken in before."""
        ...
