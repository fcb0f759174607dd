"""Frames of codec `modbus`, in its three forms."""

from shared.codecs.modbus.frames import Form, crc16, lrc, write_frame
from shared.codecs.modbus.pdus import (
    FUNCTION_TAKE_ECG,
    Answer,
    Excepted,
    Failure,
    FileRecord,
    Registers,
    Request,
    TakeEcg,
    Written,
    write_pdu,
)
from shared.codecs.modbus.registers import (
    FILE_TAKEN,
    FILE_WANTED,
    FileInfo,
    MonitorStatus,
    Notice,
    StatusBit,
    write_info,
    write_notice,
    write_status,
)
from shared.contracts.decoding import Decoded, Note, Word
from shared.contracts.events import EventKind
from tests.harness.codecs import ENVELOPE, CodecSamples

_FILE = "M0:\\20180920\\16M54S29.txt"
_NOTICE = Notice("018417EA190000B0", _FILE)
_STATUS = write_status(MonitorStatus(StatusBit.IN_MOTION, 80, -2, 1, "018417EA190000B0", (_FILE,)))
_INFO = write_info(FileInfo(12, 0x1234_5678))


def _frame(form: Form, pdu: Request | Answer) -> bytes:
    return write_frame(form, 95, write_pdu(pdu))


def _told(word: Word, *notes: Note) -> Decoded:
    return Decoded(*ENVELOPE, 0, [], notes, (word,))


_MADE = Note(EventKind.RECORDING_MADE, data={"file": _FILE})
_CASES = (
    *(
        (
            _frame(form, write_notice(_NOTICE, "+3960144676375")),
            _told(
                Word(
                    "new_file",
                    data={"file": _FILE, "device_code": "018417EA190000B0", "form": form.value},
                ),
                _MADE,
            ),
        )
        for form in Form
    ),
    (
        _frame(Form.RTU, Written(FILE_WANTED, 13)),
        _told(Word("written", data={"form": "rtu", "address": FILE_WANTED, "n_registers": 13})),
    ),
    (
        _frame(Form.GSM, Written(FILE_TAKEN, 13)),
        _told(Word("written", data={"form": "gsm", "address": FILE_TAKEN, "n_registers": 13})),
    ),
    (
        _frame(Form.RTU, Registers(_STATUS)),
        _told(Word("registers", data={"form": "rtu", "data": _STATUS})),
    ),
    (
        _frame(Form.ASCII, Registers(_INFO)),
        _told(Word("registers", data={"form": "ascii", "data": _INFO})),
    ),
    (
        _frame(Form.GSM, FileRecord(b"0000 FE60 FD20\r\n")),
        _told(Word("piece", data={"form": "gsm", "data": b"0000 FE60 FD20\r\n"})),
    ),
    (
        _frame(Form.RTU, FileRecord(b"0000 FE60\r\n\0")),
        _told(Word("piece", data={"form": "rtu", "data": b"0000 FE60\r\n\0"})),
    ),
    (_frame(Form.RTU, TakeEcg()), _told(Word("taking", data={"form": "rtu"}))),
    (
        _frame(Form.RTU, Excepted(FUNCTION_TAKE_ECG, Failure.LEAD_OFF)),
        _told(
            Word("exception", data={"form": "rtu", "function": FUNCTION_TAKE_ECG, "code": 0x41}),
            Note(EventKind.LEAD_OFF, data={"reason": "lead_off"}),
        ),
    ),
)


def _seal(data: bytes) -> bytes:
    if data.startswith(b":"):
        try:
            body = bytes.fromhex(data[1:-4].decode("ascii"))
        except ValueError:
            return data
        return b":" + (body + bytes([lrc(body)])).hex().upper().encode() + b"\r\n"
    if data.startswith(b"5F"):
        return data  # what stands in its text is not all that the check is of
    return data[:-2] + crc16(data[:-2]).to_bytes(2, "little")


SAMPLES = CodecSamples(
    messages=tuple(data for data, _ in _CASES),
    told=tuple(told for _, told in _CASES),
    checksummed=True,
    tokens=(b"\x5f\x10\x00\x90", b"\x5f\x14", b":5F", b"5F10", b"5F14", b"\r\n"),
    seal=_seal,
)
