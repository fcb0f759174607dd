"""The three forms of a Modbus frame: RTU, ASCII, and the text of a short message (GSM).

Each is a slave address and a PDU with a check behind it. Forms and sources in README.md.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from shared.codecs.modbus.pdus import FUNCTION_READ_FILE, FUNCTION_WRITE, PDU_MOST, text_starts
from shared.contracts.parking import Reason

BODY_MOST = 1 + PDU_MOST
LARGEST_BYTES = 2 * (BODY_MOST + 2) + 3
"""The ASCII form of the longest frame, with colon, check and end of line."""
_HEX = re.compile(rb"(?:[0-9A-F]{2})+")
_POLYNOMIAL = 0xA001
_COLON = ord(":")


class Form(StrEnum):
    """How a frame is written."""

    RTU = "rtu"
    ASCII = "ascii"
    GSM = "gsm"


class Frame(NamedTuple):
    """A frame whose check holds."""

    form: Form
    pdu: bytes


class BadFrame(NamedTuple):
    """Bytes that are no frame, or one whose check does not hold."""

    reason: Reason
    detail: str


def _table() -> tuple[int, ...]:
    values = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        values.append(value)
    return tuple(values)


_CRC = _table()


def crc16(data: bytes) -> int:
    """The check of Modbus RTU, 0 over anything with its own check behind it."""
    value = 0xFFFF
    for octet in data:
        value = value >> 8 ^ _CRC[(value ^ octet) & 0xFF]
    return value


def lrc(data: bytes) -> int:
    """The check of Modbus ASCII."""
    return -sum(data) & 0xFF


def write_frame(form: Form, address: int, pdu: bytes) -> bytes:
    """Give a frame in one of the forms."""
    body = bytes([address]) + pdu
    if form is Form.ASCII:
        return b":" + (body + bytes([lrc(body)])).hex().upper().encode() + b"\r\n"
    check = crc16(body).to_bytes(2, "little")
    if form is Form.RTU:
        return body + check
    at = text_starts(body)
    text = body[at:].rstrip(b"\0") if pdu[0] == FUNCTION_WRITE else body[at:]
    return body[:at].hex().upper().encode() + text + check.hex().upper().encode()


def read_frame(data: bytes, address: int) -> Frame | BadFrame:
    """Give the frame that the bytes are, in whichever form, to or from this slave address."""
    if len(data) > LARGEST_BYTES:
        return BadFrame(Reason.TOO_LARGE, f"{len(data)} bytes, at most {LARGEST_BYTES}")
    if len(data) < 4:
        return BadFrame(Reason.MALFORMED, "too short for a frame of Modbus")
    if data[0] == address and len(data) <= BODY_MOST + 2 and crc16(data) == 0:
        return Frame(Form.RTU, data[1:-2])
    if data[0] == _COLON:
        return _read_ascii(data, address)
    if data.startswith(b"%02X" % address):
        return _read_gsm(data, address)
    if data[0] == address:
        return BadFrame(Reason.BAD_CHECKSUM, "crc-16 differs")
    return BadFrame(Reason.MALFORMED, "not a frame of Modbus from this slave")


def _read_ascii(data: bytes, address: int) -> Frame | BadFrame:
    if not data.endswith(b"\r\n") or not _HEX.fullmatch(data, 1, len(data) - 2):
        return BadFrame(Reason.MALFORMED, "no hex digits between a colon and an end of line")
    body = bytes.fromhex(data[1:-2].decode("ascii"))
    if lrc(body) != 0:
        return BadFrame(Reason.BAD_CHECKSUM, "lrc differs")
    if body[0] != address or len(body) < 3:
        return BadFrame(Reason.MALFORMED, "not a frame of Modbus from this slave")
    return Frame(Form.ASCII, body[1:-1])


def _read_gsm(data: bytes, address: int) -> Frame | BadFrame:
    check = data[-4:]
    n_head = _gsm_head(data)
    if n_head < 4 or not _HEX.fullmatch(data, 0, n_head) or not _HEX.fullmatch(check):
        return BadFrame(Reason.MALFORMED, "no hex digits in head or check of a text frame")
    body = bytes.fromhex(data[:n_head].decode("ascii")) + data[n_head:-4]
    if body[1] == FUNCTION_WRITE and len(body) >= 7:
        body = body.ljust(7 + body[6], b"\0")  # a short message carries no NUL
    if crc16(body + bytes.fromhex(check.decode("ascii"))) != 0:
        return BadFrame(Reason.BAD_CHECKSUM, "crc-16 differs")
    assert body[0] == address
    return Frame(Form.GSM, body[1:])


def _gsm_head(data: bytes) -> int:
    """How many characters of hex digits stand before the text."""
    function = data[2:4]
    whole = len(data) - 4
    if function == b"%02X" % FUNCTION_WRITE and len(data) > 16:
        return 14
    if function == b"%02X" % FUNCTION_READ_FILE:
        # the number of bytes that follow is odd in a request, which is hex digits throughout
        is_piece = len(data) > 14 and data[5:6] in b"02468ACE" and data[5:6] != b""
        return 10 if is_piece else whole
    return whole
