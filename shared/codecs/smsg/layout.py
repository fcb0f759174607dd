"""SMSG messages to the byte: what they may be, and how each is written. README.md has the tables.

Big-endian throughout. The same messages travel both ways; a simulator reads with `split` what
the server sent.
"""

import struct
from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

HEADER = b"SMSG"
HEAD = struct.Struct(">4sHBBII")
"""header, length (bytes behind this field), device type, message type, originator, destination"""
COUNTED_FROM = 6
"""Header and length themselves are not counted in the length."""
LARGEST_PAYLOAD = 1_024
"""The field would hold 65,525; the longest published payload is 20. It bounds what is waited for
behind a false header, and holds two seconds of ECG."""
LARGEST_MESSAGE = HEAD.size + LARGEST_PAYLOAD
LARGEST_TEXT = 64
SERVER = 1
CORE = 2
MOST_UNITS = 8
"""At one core, by the source."""
NOTHING_16 = 0xFFFF
"""A 16-bit value of a result that the unit did not measure."""


class DeviceType(IntEnum):
    """Whose table the message type is looked up in."""

    SERVER = 1
    CORE = 2
    ECG = 21
    OXIMETER = 22
    SPIROMETER = 23


IDENTIFIER = 1
"""Message type of every device: who is there; from the server without a payload: who is there?"""


class Ecg(IntEnum):
    """Message types of an ECG unit."""

    DATA = 2
    START = 3
    STOP = 4


class Oximeter(IntEnum):
    """Message types of an oximeter unit."""

    SPO2 = 2
    PULSE = 3
    ERROR = 4
    START = 5
    STOP = 6


class Spirometer(IntEnum):
    """Message types of a spirometer unit."""

    RESULT = 2
    RESULT_HEADER = 3
    CLEAR = 4


UNIT_KINDS: Mapping[int, str] = MappingProxyType(
    {DeviceType.ECG: "ecg", DeviceType.OXIMETER: "oximeter", DeviceType.SPIROMETER: "spirometer"}
)
"""What the units are called in device models (``ModelUnit.kind``)."""

RESULT = struct.Struct(">HHBBBBBB7H")
"""index, year, month, day, hour, minute, second, mode, PEF, FVC, FEV1, FEF75, FEF50, FEF25,
FEF75-25; l/min for PEF, ml for volumes, ml/s for the others"""
ANNOUNCED = struct.Struct(">HI")
"""number of results, and the ask that this answers (or the clearing is for)"""
ASK = struct.Struct(">I")

_TEXT = range(LARGEST_TEXT + 1)
_NONE = range(1)
_EVEN = range(2, LARGEST_PAYLOAD + 1, 2)
PAYLOADS: Mapping[tuple[int, int], range | tuple[int, ...]] = MappingProxyType(
    {
        (DeviceType.SERVER, IDENTIFIER): _NONE,
        (DeviceType.CORE, IDENTIFIER): _TEXT,
        (DeviceType.ECG, IDENTIFIER): _TEXT,
        (DeviceType.ECG, Ecg.DATA): _EVEN,
        (DeviceType.ECG, Ecg.START): _NONE,
        (DeviceType.ECG, Ecg.STOP): _NONE,
        (DeviceType.OXIMETER, IDENTIFIER): _TEXT,
        (DeviceType.OXIMETER, Oximeter.SPO2): (1,),
        (DeviceType.OXIMETER, Oximeter.PULSE): (2,),
        (DeviceType.OXIMETER, Oximeter.ERROR): (2,),
        (DeviceType.OXIMETER, Oximeter.START): _NONE,
        (DeviceType.OXIMETER, Oximeter.STOP): _NONE,
        (DeviceType.SPIROMETER, IDENTIFIER): _TEXT,
        (DeviceType.SPIROMETER, Spirometer.RESULT): (RESULT.size,),
        (DeviceType.SPIROMETER, Spirometer.RESULT_HEADER): (ASK.size, 2, ANNOUNCED.size),
        (DeviceType.SPIROMETER, Spirometer.CLEAR): (ANNOUNCED.size,),
    }
)
"""Every message that there is, with the lengths that its payload may have."""


class Message(NamedTuple):
    """One SMSG message."""

    device_type: int
    message_type: int
    originator: int
    destination: int
    payload: bytes = b""


class Result(NamedTuple):
    """One blow into the spirometer, in the counts of the message; None where not measured."""

    number: int
    """From 0, in the order of the memory."""
    taken: datetime
    """Local time, without a zone."""
    mode: int = 0
    pef_l_min: int | None = None
    fvc_ml: int | None = None
    fev1_ml: int | None = None
    fef75_ml_s: int | None = None
    fef50_ml_s: int | None = None
    fef25_ml_s: int | None = None
    fef75_25_ml_s: int | None = None


@lru_cache(maxsize=256)
def unit_name(originator: int) -> str:
    """What a unit is called in device ids: eight hexadecimal digits."""
    return f"{originator:08x}"


def size_at(data: bytes, at: int) -> int:
    """Bytes of the message whose header stands at ``at``; 0: it is no message; -1: too few bytes.

    A header that stood in the data by chance is told by what follows it: the length must be one
    that this message type has, and one of the two ids that of the core or of the server.
    """
    if len(data) - at < HEAD.size:
        head = data[at + COUNTED_FROM : at + COUNTED_FROM + 2]
        known = any(bytes(key[: len(head)]) == head for key in PAYLOADS)
        return -1 if known else 0
    _, length, device_type, message_type, originator, destination = HEAD.unpack_from(data, at)
    lengths = PAYLOADS.get((device_type, message_type), ())
    if length - (HEAD.size - COUNTED_FROM) not in lengths:
        return 0
    if not (originator in {SERVER, CORE} or destination in {SERVER, CORE}):
        return 0
    return int(length) + COUNTED_FROM


def encode(message: Message) -> bytes:
    """Give the bytes of ``message``.

    Raises
    ------
    ValueError : there is no such message, or a field is out of range
    """
    device_type, message_type, originator, destination, payload = message
    length = HEAD.size - COUNTED_FROM + len(payload)
    try:
        head = HEAD.pack(HEADER, length, device_type, message_type, originator, destination)
    except struct.error as error:
        raise ValueError(f"a field does not fit an SMSG message: {error}") from error
    if size_at(head + payload, 0) != len(head) + len(payload):
        raise ValueError("there is no such SMSG message")
    return head + payload


def split(data: bytes) -> list[Message]:
    """Give the messages of bytes that hold whole ones only, as a unit hears them.

    Raises
    ------
    ValueError : the bytes are something else
    """
    found: list[Message] = []
    at = 0
    while at < len(data):
        size = size_at(data, at) if data.startswith(HEADER, at) else 0
        if size <= 0 or at + size > len(data):
            raise ValueError(f"no SMSG message at byte {at}")
        _, _, device_type, message_type, originator, destination = HEAD.unpack_from(data, at)
        payload = data[at + HEAD.size : at + size]
        found.append(Message(device_type, message_type, originator, destination, payload))
        at += size
    return found


def encode_identifier(device_type: int, unit: int, text: str = "") -> bytes:
    """A unit, or the core, says that it is there; ``text`` is what it says of its firmware."""
    return encode(Message(device_type, IDENTIFIER, unit, CORE, text.encode("ascii")))


def encode_ecg(unit: int, counts: bytes) -> bytes:
    """ECG samples as the ADC counted them: unsigned 16-bit words, big-endian."""
    return encode(Message(DeviceType.ECG, Ecg.DATA, unit, SERVER, counts))


def encode_spo2(unit: int, percent: int) -> bytes:
    """One SpO2 reading, 0 to 100; 0 where there is none."""
    payload = struct.pack(">B", percent)
    return encode(Message(DeviceType.OXIMETER, Oximeter.SPO2, unit, SERVER, payload))


def encode_pulse(unit: int, per_min: int) -> bytes:
    """One pulse rate, 0 to 300; 0 where there is none."""
    payload = struct.pack(">H", per_min)
    return encode(Message(DeviceType.OXIMETER, Oximeter.PULSE, unit, SERVER, payload))


def encode_error(unit: int, status: int) -> bytes:
    """The status word of an oximeter."""
    payload = struct.pack(">H", status)
    return encode(Message(DeviceType.OXIMETER, Oximeter.ERROR, unit, SERVER, payload))


def encode_result_header(unit: int, count: int, ask: int | None = None) -> bytes:
    """So many results are in memory; ``ask`` is the number of the question that this answers."""
    payload = struct.pack(">H", count) if ask is None else ANNOUNCED.pack(count, ask)
    return encode(Message(DeviceType.SPIROMETER, Spirometer.RESULT_HEADER, unit, SERVER, payload))


def encode_result(unit: int, result: Result) -> bytes:
    """One result of a spirometer.

    Raises
    ------
    ValueError : a number does not fit its field
    """
    taken = result.taken
    values = [NOTHING_16 if value is None else value for value in result[3:]]
    try:
        payload = RESULT.pack(
            result.number, taken.year, taken.month, taken.day, taken.hour, taken.minute,
            taken.second, result.mode, *values,
        )  # fmt: skip
    except struct.error as error:
        raise ValueError(f"a result does not fit its message: {error}") from error
    return encode(Message(DeviceType.SPIROMETER, Spirometer.RESULT, unit, SERVER, payload))
