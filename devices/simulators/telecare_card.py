"""The Modbus of a simulated Telecare-ECG monitor: its notices, its card, its answers. Pure."""

import zlib
from collections.abc import Callable

from shared.codecs.modbus.frames import BadFrame, Form, read_frame, write_frame
from shared.codecs.modbus.pdus import (
    FILE_REGISTERS,
    FUNCTION_READ,
    FUNCTION_READ_FILE,
    FUNCTION_TAKE_ECG,
    FUNCTION_WRITE,
    Answer,
    Excepted,
    Failure,
    FileRecord,
    ReadFileRecord,
    ReadRegisters,
    Registers,
    Request,
    TakeEcg,
    WriteRegisters,
    Written,
    read_answer,
    read_request,
    write_pdu,
)
from shared.codecs.modbus.registers import (
    FILE_INFO,
    FILE_TAKEN,
    FILE_WANTED,
    INFO_REGISTERS,
    NEW_FILE,
    STATUS,
    STATUS_REGISTERS,
    FileInfo,
    MonitorStatus,
    Notice,
    StatusBit,
    read_name,
    write_info,
    write_notice,
    write_status,
)

SLAVE_ADDRESS = 95
NOTICE_EVERY_S = 300.0
"""A notice that was not answered is repeated after this."""


class MonitorCard:
    """The card of one monitor, and what it says over Modbus.

    Attributes
    ----------
    files : on the card, by their names
    untaken : announced and not taken yet, the first first
    unanswered : announced, and the notice was not answered yet
    refuses : why an ECG cannot be taken now, if it cannot
    taken_ecg : called when an ECG is to be taken; it is announced when it is there
    """

    def __init__(self, device_code: str, *, form: Form = Form.RTU, phone: str = "") -> None:
        self.files: dict[str, bytes] = {}
        self.untaken: list[str] = []
        self.unanswered: list[str] = []
        self.bits = StatusBit(0)
        self.battery = 100
        self.temperature_c = 28
        self.refuses: Failure | None = None
        self.taken_ecg: Callable[[], None] = lambda: None
        self._device_code = device_code
        self._form = form
        self._phone = phone
        self._wanted: bytes | None = None

    def keep(self, name: str, data: bytes) -> bytes:
        """Keep a new recording; give the notice of it."""
        self.files[name] = data
        self.untaken.append(name)
        self.unanswered.append(name)
        return self._notice(name)

    def reminder(self) -> bytes | None:
        """The notice that is due again, if one was not answered."""
        return self._notice(self.unanswered[0]) if self.unanswered else None

    def restart(self) -> None:
        """Forget what is only in memory."""
        self._wanted = None

    def hear(self, data: bytes) -> bytes | None:
        """Give the answer to a request of the server; None to all else."""
        frame = read_frame(data, SLAVE_ADDRESS)
        if isinstance(frame, BadFrame):
            return None
        answered = read_answer(frame.pdu)
        if isinstance(answered, Written) and answered.address == NEW_FILE:
            del self.unanswered[:1]
            return None
        request = read_request(frame.pdu)
        if request is None:
            return self._frame(Excepted(frame.pdu[0] & 0x7F, Failure.ILLEGAL_FUNCTION))
        return self._frame(self._answer(request))

    def _answer(self, request: Request) -> Answer:
        match request:
            case ReadRegisters(address, n_registers):
                return self._read(address, n_registers)
            case WriteRegisters(address, _):
                return self._write(address, request)
            case ReadFileRecord():
                return self._read_file(request)
            case TakeEcg():
                if self.refuses is not None:
                    return Excepted(FUNCTION_TAKE_ECG, self.refuses)
                self.taken_ecg()
                return request

    def _read(self, address: int, n_registers: int) -> Answer:
        if (address, n_registers) == (STATUS, STATUS_REGISTERS):
            status = MonitorStatus(
                self.bits, self.battery, self.temperature_c, len(self.untaken), self._device_code,
                tuple(self.untaken),
            )  # fmt: skip
            return Registers(write_status(status))
        if (address, n_registers) == (FILE_INFO, INFO_REGISTERS) and self._wanted is not None:
            return Registers(write_info(FileInfo(len(self._wanted), zlib.crc32(self._wanted))))
        return Excepted(FUNCTION_READ, Failure.ILLEGAL_ADDRESS)

    def _write(self, address: int, request: WriteRegisters) -> Answer:
        name = read_name(request)
        if address not in {FILE_WANTED, FILE_TAKEN} or name is None:
            return Excepted(FUNCTION_WRITE, Failure.ILLEGAL_ADDRESS)
        if name not in self.files:
            return Excepted(FUNCTION_WRITE, Failure.ILLEGAL_VALUE)
        if address == FILE_WANTED:
            self._wanted = self.files[name]
        elif name in self.untaken:
            self.untaken.remove(name)
        return Written(address, len(request.data) // 2)

    def _read_file(self, request: ReadFileRecord) -> Answer:
        start = 2 * ((request.number - 1) * FILE_REGISTERS + request.record)
        if self._wanted is None or start >= len(self._wanted):
            return Excepted(FUNCTION_READ_FILE, Failure.ILLEGAL_ADDRESS)
        piece = self._wanted[start : start + 2 * request.n_registers]
        return FileRecord(piece.ljust(len(piece) + len(piece) % 2, b"\0"))

    def _notice(self, name: str) -> bytes:
        return self._frame(write_notice(Notice(self._device_code, name), self._phone))

    def _frame(self, pdu: Request | Answer) -> bytes:
        return write_frame(self._form, SLAVE_ADDRESS, write_pdu(pdu))
