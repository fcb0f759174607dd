"""The monitor's registers: what stands at which address, both ways. Table in README.md."""

import struct
from enum import IntFlag
from typing import Any, NamedTuple

from shared.codecs.modbus.pdus import WriteRegisters
from shared.contracts.telecare_card import CARD_NAME, CARD_NAME_BYTES, DEVICE_CODE

NEW_FILE = 0x0090
"""Written by the monitor: there is a new recording."""
FILE_WANTED = 0x00B0
"""Written by the server: the name of the file that function 0x14 shall read."""
FILE_INFO = 0x00C0
FILE_TAKEN = 0x00D0
"""Written by the server: the name of a file that is durably stored."""
STATUS = 0x0100

PHONE_BYTES = 14
CODE_BYTES = 16
NAME_REGISTERS = 13
_NOTICE = struct.Struct(f"{PHONE_BYTES}s{CODE_BYTES}s{CARD_NAME_BYTES}sx")
assert _NOTICE.size == 56
_INFO = struct.Struct(">II")
INFO_REGISTERS = _INFO.size // 2
MOST_UNTAKEN = 8
"""Names in the status: those announced first and not taken yet."""
_STATUS = struct.Struct(f">HHhH{CODE_BYTES}s")
STATUS_REGISTERS = _STATUS.size // 2 + MOST_UNTAKEN * NAME_REGISTERS
assert STATUS_REGISTERS <= 125


class StatusBit(IntFlag):
    """Bits of the first register of the status."""

    POSITION_WRONG = 1
    CARD_ERROR = 2
    FRONT_END_FAULT = 4
    IN_MOTION = 8
    BATTERY_LOW = 16
    RECORDING = 32
    LA_OFF = 64
    LL_OFF = 128
    RA_OFF = 256


_LEADS_OFF = {StatusBit.LA_OFF: "LA", StatusBit.LL_OFF: "LL", StatusBit.RA_OFF: "RA"}
_AS_IN_BLOCKS = (
    StatusBit.POSITION_WRONG, StatusBit.CARD_ERROR, StatusBit.FRONT_END_FAULT, StatusBit.IN_MOTION,
    StatusBit.BATTERY_LOW,
)  # fmt: skip


class Notice(NamedTuple):
    """A notice of a new recording. The phone number is personal and is not read."""

    device_code: str
    card_name: str


class FileInfo(NamedTuple):
    """Size and CRC-32 of the file that was named as wanted."""

    n_bytes: int
    crc32: int


class MonitorStatus(NamedTuple):
    """How the monitor is; ``untaken`` are names of files that were announced and not taken."""

    bits: StatusBit
    battery: int
    temperature_c: int
    n_untaken: int
    device_code: str
    untaken: tuple[str, ...]


def write_notice(notice: Notice, phone: str) -> WriteRegisters:
    """The request by which a monitor announces a recording.

    Raises
    ------
    ValueError : phone number, device code or name are longer than their fields
    """
    texts = [text.encode("ascii") for text in (phone, *notice)]
    sizes = (PHONE_BYTES, CODE_BYTES, CARD_NAME_BYTES)
    if any(len(text) > size for text, size in zip(texts, sizes, strict=True)):
        raise ValueError("a text of the notice is longer than its field")
    return WriteRegisters(NEW_FILE, _NOTICE.pack(*texts))


def read_notice(request: WriteRegisters) -> Notice | None:
    """The notice that a request of a monitor is, or None."""
    if request.address != NEW_FILE or len(request.data) != _NOTICE.size or request.data[-1]:
        return None
    _, code, name = _NOTICE.unpack(request.data)
    device_code, card_name = _text(code), _text(name)
    known = DEVICE_CODE.fullmatch(device_code) and CARD_NAME.fullmatch(card_name)
    return Notice(device_code, card_name) if known else None


def write_name(address: int, card_name: str) -> WriteRegisters:
    """The request that names a file at `FILE_WANTED` or `FILE_TAKEN`."""
    return WriteRegisters(address, _padded(card_name))


def read_name(request: WriteRegisters) -> str | None:
    """The file that a request names, or None."""
    if len(request.data) != 2 * NAME_REGISTERS:
        return None
    name = _text(request.data)
    return name if CARD_NAME.fullmatch(name) else None


def write_info(info: FileInfo) -> bytes:
    """Registers at `FILE_INFO`."""
    return _INFO.pack(*info)


def read_info(data: bytes) -> FileInfo | None:
    """What the registers at `FILE_INFO` say, or None."""
    return FileInfo(*_INFO.unpack(data)) if len(data) == _INFO.size else None


def write_status(status: MonitorStatus) -> bytes:
    """Registers at `STATUS`."""
    names = b"".join(map(_padded, status.untaken[:MOST_UNTAKEN]))
    head = _STATUS.pack(
        int(status.bits), status.battery, status.temperature_c, status.n_untaken,
        status.device_code.encode("ascii"),
    )  # fmt: skip
    return (head + names).ljust(2 * STATUS_REGISTERS, b"\0")


def read_status(data: bytes) -> MonitorStatus | None:
    """What the registers at `STATUS` say, or None."""
    if len(data) != 2 * STATUS_REGISTERS:
        return None
    bits, battery, temperature_c, n_untaken, code = _STATUS.unpack_from(data)
    size = 2 * NAME_REGISTERS
    found = (_text(data[at : at + size]) for at in range(_STATUS.size, len(data), size))
    untaken = tuple(name for name in found if CARD_NAME.fullmatch(name))
    device_code = _text(code)
    if not DEVICE_CODE.fullmatch(device_code):
        device_code = ""
    return MonitorStatus(
        StatusBit(bits & 0x1FF), battery, temperature_c, n_untaken, device_code, untaken
    )


def state_of(status: MonitorStatus) -> dict[str, Any]:
    """How the monitor is, in the words of its blocks."""
    return {
        "battery": status.battery,
        "leads_off": [name for bit, name in _LEADS_OFF.items() if bit in status.bits],
        "status": [(bit.name or "").lower() for bit in _AS_IN_BLOCKS if bit in status.bits],
    }


def in_words(status: MonitorStatus) -> str:
    """What people read of a status."""
    bits = [(bit.name or "").lower() for bit in StatusBit if bit in status.bits]
    told = [
        f"battery {status.battery} %",
        f"{status.temperature_c} degC",
        f"{status.n_untaken} recordings not taken",
    ]
    return ", ".join(told + bits)


def _padded(card_name: str) -> bytes:
    text = card_name.encode("ascii")
    if len(text) > 2 * NAME_REGISTERS:
        raise ValueError("the name of a file is longer than its registers")
    return text.ljust(2 * NAME_REGISTERS, b"\0")


def _text(field: bytes) -> str:
    """A field of text without its padding; bytes that are no ASCII fit no name."""
    return field.rstrip(b"\0").decode("ascii", "replace")
