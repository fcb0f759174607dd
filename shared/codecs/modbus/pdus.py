"""Requests and answers of Modbus, as far as the monitor has them. Bytes in README.md.

Each stands without slave address and check; both directions, since a simulated monitor is here too.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

FUNCTION_READ = 0x03
FUNCTION_WRITE = 0x10
FUNCTION_READ_FILE = 0x14
FUNCTION_TAKE_ECG = 0x2A
EXCEPTION = 0x80

MOST_READ = 125
"""Registers; Modbus Application Protocol V1.1b3, 6.3."""
MOST_WRITTEN = 123
MOST_FILE_REGISTERS = 120
"""240 bytes of a file: an answer then holds 249 of the 256 bytes that a frame may have."""
FILE_REGISTERS = 10_000
"""Record numbers of one file number, 0 to 9999 (6.14); a longer file goes on in the next one."""
_REFERENCE = 6  # the only type there is
_FOUR = struct.Struct(">BHH")
_FILE_REQUEST = struct.Struct(">BBBHHH")
_WRITE_HEAD = struct.Struct(">BHHB")
PDU_MOST = 253


class Failure(IntEnum):
    """Codes of an exception answer: 1 to 11 are Modbus's, from 0x40 on the monitor's, decided."""

    ILLEGAL_FUNCTION = 0x01
    ILLEGAL_ADDRESS = 0x02
    ILLEGAL_VALUE = 0x03
    DEVICE_FAILURE = 0x04
    ACKNOWLEDGED = 0x05
    BUSY = 0x06
    MEMORY_PARITY = 0x08
    NO_GATEWAY_PATH = 0x0A
    NO_GATEWAY_ANSWER = 0x0B
    POSITION_WRONG = 0x40
    LEAD_OFF = 0x41
    CARD_ERROR = 0x42
    FRONT_END_FAULT = 0x43
    BATTERY_LOW = 0x44


_FAILURE_NAMES = {int(one): one.name.lower() for one in Failure}


def failure_name(code: int) -> str:
    """The name of an exception code."""
    return _FAILURE_NAMES.get(code, f"code_{code}")


_REFUSALS = frozenset(
    {
        Failure.ILLEGAL_FUNCTION, Failure.ILLEGAL_ADDRESS, Failure.ILLEGAL_VALUE, Failure.BUSY,
        Failure.POSITION_WRONG, Failure.LEAD_OFF, Failure.BATTERY_LOW,
    }
)  # fmt: skip


def is_refusal(code: int) -> bool:
    """Whether a monitor refuses by this exception code; by the others it failed."""
    return code in _REFUSALS


class ReadRegisters(NamedTuple):
    """Ask for registers."""

    address: int
    n_registers: int


class WriteRegisters(NamedTuple):
    """Write registers; ``data`` is of an even number of bytes."""

    address: int
    data: bytes


class ReadFileRecord(NamedTuple):
    """Ask for registers of a file: ``number`` counts from 1 for each 20,000 bytes."""

    number: int
    record: int
    n_registers: int


class TakeEcg(NamedTuple):
    """Ask for an ECG now; the same as an answer: it has begun."""


class Registers(NamedTuple):
    """Registers that were asked for."""

    data: bytes


class Written(NamedTuple):
    """Registers were written."""

    address: int
    n_registers: int


class FileRecord(NamedTuple):
    """Registers of a file."""

    data: bytes


class Excepted(NamedTuple):
    """A request that could not be met."""

    function: int
    code: int


Request = ReadRegisters | WriteRegisters | ReadFileRecord | TakeEcg
Answer = Registers | Written | FileRecord | TakeEcg | Excepted


def write_pdu(pdu: Request | Answer) -> bytes:
    """Give the bytes of a request or an answer.

    Raises
    ------
    ValueError : a number does not fit its field
    """
    try:
        return _write(pdu)
    except struct.error as error:
        raise ValueError(f"a field is out of the range of the format: {error}") from error


def _write(pdu: Request | Answer) -> bytes:
    match pdu:
        case ReadRegisters(address, count):
            return _FOUR.pack(FUNCTION_READ, address, count)
        case WriteRegisters(address, data):
            if len(data) % 2 or not 0 < len(data) <= 2 * MOST_WRITTEN:
                raise ValueError(f"{len(data)} bytes fill no registers of one request")
            return _WRITE_HEAD.pack(FUNCTION_WRITE, address, len(data) // 2, len(data)) + data
        case ReadFileRecord(number, record, count):
            return _FILE_REQUEST.pack(FUNCTION_READ_FILE, 7, _REFERENCE, number, record, count)
        case Registers(data):
            return struct.pack(">BB", FUNCTION_READ, len(data)) + data
        case Written(address, count):
            return _FOUR.pack(FUNCTION_WRITE, address, count)
        case FileRecord(data):
            head = struct.pack(
                ">BBBB", FUNCTION_READ_FILE, len(data) + 2, len(data) + 1, _REFERENCE
            )
            return head + data
        case TakeEcg():
            return bytes([FUNCTION_TAKE_ECG])
        case Excepted(function, code):
            return struct.pack(">BB", function | EXCEPTION, code)


def read_request(pdu: bytes) -> Request | None:
    """Give the request that the bytes are, as a slave hears it, or None."""
    size = len(pdu)
    if size > PDU_MOST or not pdu:
        return None
    function = pdu[0]
    if function == FUNCTION_TAKE_ECG and size == 1:
        return TakeEcg()
    if function == FUNCTION_READ and size == _FOUR.size:
        _, address, count = _FOUR.unpack(pdu)
        return ReadRegisters(address, count) if 0 < count <= MOST_READ else None
    if function == FUNCTION_READ_FILE and size == _FILE_REQUEST.size:
        _, n_bytes, reference, number, record, count = _FILE_REQUEST.unpack(pdu)
        known = n_bytes == 7 and reference == _REFERENCE and 0 < count <= MOST_FILE_REGISTERS
        return ReadFileRecord(number, record, count) if known and number else None
    if function == FUNCTION_WRITE and size > _WRITE_HEAD.size:
        _, address, count, n_bytes = _WRITE_HEAD.unpack_from(pdu)
        if n_bytes == 2 * count == size - _WRITE_HEAD.size and 0 < count <= MOST_WRITTEN:
            return WriteRegisters(address, pdu[_WRITE_HEAD.size :])
    return None


def read_answer(pdu: bytes) -> Answer | None:
    """Give the answer that the bytes are, as a master hears it, or None."""
    size = len(pdu)
    if size > PDU_MOST or not pdu:
        return None
    function = pdu[0]
    if function & EXCEPTION and size == 2:
        return Excepted(function & ~EXCEPTION, pdu[1])
    if function == FUNCTION_TAKE_ECG and size == 1:
        return TakeEcg()
    if function == FUNCTION_WRITE and size == _FOUR.size:
        _, address, count = _FOUR.unpack(pdu)
        return Written(address, count)
    if function == FUNCTION_READ and size > 2:
        is_whole = pdu[1] == size - 2 and pdu[1] % 2 == 0
        return Registers(pdu[2:]) if is_whole else None
    if function == FUNCTION_READ_FILE and size > 4:
        is_whole = pdu[1] == size - 2 and pdu[2] == size - 3 and pdu[3] == _REFERENCE
        return FileRecord(pdu[4:]) if is_whole and size % 2 == 0 else None
    return None


def text_starts(body: bytes) -> int:
    """Where the registers begin that the GSM form carries as text, in address and PDU together.

    Those of a written request and of a piece of a file are text; what else there is, is numbers.
    """
    pdu = body[1:]
    if pdu[:1] == bytes([FUNCTION_WRITE]) and len(pdu) > _FOUR.size:
        return 1 + _WRITE_HEAD.size
    if pdu[:1] == bytes([FUNCTION_READ_FILE]) and len(pdu) > 4 and pdu[1] % 2 == 0:
        return 5
    return len(body)
