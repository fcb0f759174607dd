"""ChipOx packets to the byte: flags, escapes, checksum. README.md has the table."""

import math
import re
import struct
from binascii import crc_hqx
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple, Self

from shared.contracts.codec import Constant

CHANNEL = 127
_FLAGS = "decided: the source names the flags and does not print them"
_THESIS = "A. John, MSc thesis, UTA 2012"
CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "start_flag": Constant(0xA8, "octet", _FLAGS),
        "end_flag": Constant(0xA8, "octet", _FLAGS),
        "escape": Constant(0xA9, "octet", "decided: before a flag or itself within a packet"),
        "checksum_start": Constant(0xFFFF, "", "decided: CRC-16 of polynomial 0x1021"),
        "channel": Constant(CHANNEL, "", f"{_THESIS}: channel 127"),
        "reading_rate_hz": Constant(1.0, "Hz", "decided: of the readings in one MQTT message"),
        "realtime_rate_hz": Constant(100.0, "Hz", "decided: of the plethysmogram"),
    }
)  # fmt: skip
ESCAPED = 0x20
"""What an escaped octet differs by."""
LARGEST_VALUE = 64
LARGEST_PACKET = 2 * (2 + LARGEST_VALUE + 2)
"""Between the flags, if every octet is escaped."""
SMALLEST_PACKET = 2 + 2


class MessageId(IntEnum):
    """What a packet says."""

    SPO2 = 0x01
    PULSE = 0x02
    STATUS = 0x08
    REALTIME = 0x51
    UNKNOWN_MESSAGE = 0x72


class Framing(NamedTuple):
    """The constants of the packets, as they are used."""

    start: bytes
    end: bytes
    escape: bytes
    checksum_start: int
    channel: int
    escaped: re.Pattern[bytes]
    to_escape: re.Pattern[bytes]

    @classmethod
    def of(cls, constants: Mapping[str, float]) -> Self:
        """Give them.

        Raises
        ------
        ValueError : one of them is no octet, or flags and escape cannot be told apart
        """
        if not all(math.isfinite(value) for value in constants.values()):
            raise ValueError("a constant of chipox is not finite")
        names = ("start_flag", "end_flag", "escape", "channel")
        octets = [int(constants[name]) for name in names]
        if any(not 0 <= octet <= 0xFF for octet in octets):
            raise ValueError("flags, escape and channel of chipox are octets")
        checksum_start = int(constants["checksum_start"])
        if not 0 <= checksum_start <= 0xFFFF:
            raise ValueError("checksum_start of chipox has 16 bits")
        start, end, escape, channel = octets
        special = {start, end, escape}
        if escape in {start, end} or special & {octet ^ ESCAPED for octet in special}:
            raise ValueError("flags and escape of chipox cannot be told apart")
        mark = bytes([escape])
        pattern = b"[" + b"".join(re.escape(bytes([octet])) for octet in sorted(special)) + b"]"
        return cls(
            bytes([start]), bytes([end]), mark, checksum_start, channel,
            re.compile(re.escape(mark) + b"(.)", re.DOTALL), re.compile(pattern),
        )  # fmt: skip


DEFAULT = Framing.of({name: constant.value for name, constant in CONSTANTS.items()})


class Packet(NamedTuple):
    """What stands between two flags, once its checksum has been found right."""

    channel: int
    message: int
    value: bytes


def read_packet(octets: bytes, framing: Framing) -> Packet | None:
    """Give the packet that stood between two flags, or None if its checksum is wrong."""
    if framing.escape in octets:
        if octets.endswith(framing.escape):
            return None
        octets = framing.escaped.sub(_unescape, octets)
    if len(octets) < SMALLEST_PACKET:
        return None
    if crc_hqx(octets, framing.checksum_start):  # over the checksum too: nothing is left
        return None
    return Packet(octets[0], octets[1], octets[2:-2])


def encode(message: int, value: bytes, framing: Framing = DEFAULT) -> bytes:
    """Give the bytes of one packet.

    Raises
    ------
    ValueError : the value is too long, or the id is no octet
    """
    if len(value) > LARGEST_VALUE:
        raise ValueError(f"a value has at most {LARGEST_VALUE} bytes")
    body = bytes([framing.channel, message]) + value
    body += struct.pack(">H", crc_hqx(body, framing.checksum_start))
    escaped = framing.to_escape.sub(
        lambda found: framing.escape + bytes([found.group()[0] ^ ESCAPED]), body
    )
    return framing.start + escaped + framing.end


def encode_spo2(percent: int) -> bytes:
    """One SpO2 reading, 0 to 100; 0 where there is none."""
    return encode(MessageId.SPO2, struct.pack(">B", percent))


def encode_pulse(per_min: int) -> bytes:
    """One pulse rate, 0 to 300; 0 where there is none."""
    return encode(MessageId.PULSE, struct.pack(">H", per_min))


def encode_status(status: int) -> bytes:
    """The status word."""
    return encode(MessageId.STATUS, struct.pack(">H", status))


def encode_realtime(samples: bytes) -> bytes:
    """Some samples of the plethysmogram, an octet each."""
    return encode(MessageId.REALTIME, samples)


def _unescape(found: re.Match[bytes]) -> bytes:
    return bytes([found.group(1)[0] ^ ESCAPED])
