"""Binary messages of the live socket: blocks of samples, one or several in a message.

A block is ``0x01 | header length u16 | JSON header, space-padded | int16 samples``; the samples
begin at a multiple of four bytes from the block's first byte and are interleaved by channel.
Several blocks travel as ``0x02 | count u16 | zero | (length u32 | block, zero-padded to four)``.
All little-endian; golden bytes in ``tests/contract/api``. Hot path: one call a block and client.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

BLOCK_KIND = 0x01
BUNDLE_KIND = 0x02
MISSING = -32768  # the int16 that stands for a missing sample

_BLOCK_HEAD = struct.Struct("<BH")
_BUNDLE_HEAD = struct.Struct("<BHB")
_LENGTH = struct.Struct("<I")
_MAX_HEADER_BYTES = 65_535
_MAX_BLOCKS = 65_535


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaveformHeader:
    """What stays the same from block to block of one stream; sent once a handle.

    Parameters
    ----------
    number : of this header among all of this process; one object a header
    """

    patient: str
    device: str
    stream: str
    place: str
    hz: float
    channels: tuple[str, ...]
    scale: float
    offset: float
    unit: str
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaveformBlock:
    """Consecutive samples of one stream; ``samples`` are int16 bytes interleaved by channel.

    Its short form is the same for all clients that know it by the same handle, and made once.
    """

    header: WaveformHeader
    t0_us: int
    end_us: int
    n: int
    samples: bytes
    _short_forms: dict[int, bytes] = field(default_factory=dict)

    def short_form(self, handle: int) -> bytes:
        """Its framed bytes for who knows the header by this handle."""
        known = self._short_forms.get(handle)
        if known is None:
            known = frame_block(encode_next_block(self, handle=handle))
            self._short_forms[handle] = known
        return known


def encode_first_block(block: WaveformBlock, *, subscription: str, handle: int) -> bytes:
    """The bytes of a block that introduces ``handle`` with the whole header."""
    return _block({"id": subscription, "s": handle, **block_fields(block)}, block.samples)


def block_fields(block: WaveformBlock) -> dict[str, Any]:
    """What a client is told of a block whose header it does not know yet."""
    header = block.header
    return {
        "patient": header.patient,
        "device": header.device,
        "stream": header.stream,
        "place": header.place,
        "t0": block.t0_us,
        "hz": short_number(header.hz),
        "channels": header.channels,
        "scale": short_number(header.scale),
        "offset": short_number(header.offset),
        "unit": header.unit,
        "n": block.n,
    }


def encode_next_block(block: WaveformBlock, *, handle: int) -> bytes:
    """The bytes of a block of a handle that was introduced before."""
    return _block({"s": handle, "t0": block.t0_us, "n": block.n}, block.samples)


def frame_block(block: bytes) -> bytes:
    """A block as it stands in a bundle."""
    return b"".join((_LENGTH.pack(len(block)), block, bytes(-len(block) % 4)))


def bundle(framed: Sequence[bytes]) -> bytes:
    """One message of several framed blocks; a single block travels as it is.

    Raises
    ------
    ValueError : no block, or more than a u16 counts
    """
    if not 0 < len(framed) <= _MAX_BLOCKS:
        raise ValueError(f"a message carries 1 to {_MAX_BLOCKS} blocks, not {len(framed)}")
    if len(framed) == 1:
        (length,) = _LENGTH.unpack_from(framed[0])
        return framed[0][_LENGTH.size : _LENGTH.size + length]
    return _BUNDLE_HEAD.pack(BUNDLE_KIND, len(framed), 0) + b"".join(framed)


def short_number(value: float) -> int | float:
    """The number as JSON writes it shortest: 250, not 250.0."""
    return int(value) if value.is_integer() else value


def _block(header: dict[str, object], samples: bytes) -> bytes:
    text = orjson.dumps(header)
    text += b" " * (-(_BLOCK_HEAD.size + len(text)) % 4)
    if len(text) > _MAX_HEADER_BYTES:
        raise ValueError("the header of a waveform block is too long")
    return _BLOCK_HEAD.pack(BLOCK_KIND, len(text)) + text + samples
