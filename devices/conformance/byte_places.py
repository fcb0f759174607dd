"""Where in the bytes a refused message is wrong: offset, what should stand there, what does."""

import zlib
from typing import NamedTuple

from shared.codecs.modbus.frames import crc16
from shared.codecs.smsg import layout as smsg


class BytePlace(NamedTuple):
    """One place in a payload."""

    offset: int
    expected: str
    found: str


class _Framed(NamedTuple):
    """A codec whose messages have a mark, a version behind it and a CRC-32 at the end."""

    magic: bytes
    head: int
    little_endian: bool


_FRAMED = {
    "packed": _Framed(b"VW", 21, little_endian=True),
    "ppg_terminal": _Framed(b"PF", 14, little_endian=False),
    "radar_iq": _Framed(b"IQ", 24, little_endian=False),
    "telecare_file": _Framed(b"TB", 18, little_endian=False),
}
VERSION = 1


def find_place(codec: str, data: bytes) -> BytePlace | None:
    """The first byte that is wrong, as far as the format says; None where only the codec knows."""
    framed = _FRAMED.get(codec)
    if framed is not None and not (codec == "ppg_terminal" and data[:1] == b"{"):
        return _in_framed(framed, data)
    if codec == "modbus" and data[:1] == b"\x5f" and len(data) > 4:
        return _differs(len(data) - 2, crc16(data[:-2]).to_bytes(2, "little"), data[-2:])
    if codec == "smsg":
        return _in_smsg(data)
    return None


def _in_framed(framed: _Framed, data: bytes) -> BytePlace | None:
    magic, head, little_endian = framed
    if not data.startswith(magic):
        at = next((k for k, octet in enumerate(magic) if data[k : k + 1] != bytes([octet])), 0)
        return BytePlace(at, magic[at : at + 1].hex(), data[at : at + 1].hex() or "the end")
    if len(data) < head + 4:
        return BytePlace(len(data), f"at least {head + 4} bytes", f"{len(data)}")
    if data[2] != VERSION:
        return BytePlace(2, f"{VERSION:02x}", f"{data[2]:02x}")
    checksum = zlib.crc32(data[:-4]).to_bytes(4, "little" if little_endian else "big")
    return _differs(len(data) - 4, checksum, data[-4:])


def _in_smsg(data: bytes) -> BytePlace | None:
    at = 0
    while at < len(data):
        size = smsg.size_at(data, at) if data.startswith(smsg.HEADER, at) else 0
        if size < 0 or at + size > len(data):
            return None  # goes on in the next piece
        if size == 0:
            follow = data.find(smsg.HEADER, at + 1)
            if at == 0 and follow > 0:
                at = follow  # the end of a message that began in the last piece
                continue
            return BytePlace(at, smsg.HEADER.hex(), data[at : at + 4].hex())
        at += size
    return None


def _differs(offset: int, expected: bytes, found: bytes) -> BytePlace | None:
    return None if expected == found else BytePlace(offset, expected.hex(), found.hex())
