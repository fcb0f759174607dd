"""Reading one file from the card of a monitor, a request at a time.

It is named, its size and checksum are asked for, then it comes in pieces. What came is kept while
the monitor is silent, so that reading goes on where it stopped.
"""

import zlib
from enum import Enum

from shared.codecs.modbus.pdus import (
    FILE_REGISTERS,
    FUNCTION_READ,
    FUNCTION_READ_FILE,
    FUNCTION_WRITE,
    MOST_FILE_REGISTERS,
    Answer,
    Excepted,
    Failure,
    FileRecord,
    ReadFileRecord,
    ReadRegisters,
    Registers,
    Request,
    Written,
    failure_name,
)
from shared.codecs.modbus.registers import (
    FILE_INFO,
    FILE_WANTED,
    INFO_REGISTERS,
    NAME_REGISTERS,
    FileInfo,
    read_info,
    write_name,
)

MOST_BYTES = 2 << 20
"""The longest file that codec ``telecare_file`` takes; it is in memory until it is whole."""
MOST_RESTARTS = 2
_LENGTHS = 8


class Progress(Enum):
    """What an answer did."""

    NOT_MINE = "not_mine"
    GOES_ON = "goes_on"
    WHOLE = "whole"
    FAILED = "failed"


class _Step(Enum):
    NAME = FUNCTION_WRITE
    INFO = FUNCTION_READ
    PIECES = FUNCTION_READ_FILE


class CardReading:
    """The reading of one file.

    Attributes
    ----------
    info : size and checksum, once they are known
    data : what has come; all of it when it is whole
    detail : why it failed
    """

    def __init__(self, card_name: str) -> None:
        self.card_name = card_name
        self.info: FileInfo | None = None
        self.data = bytearray()
        self.detail = ""
        self._step = _Step.NAME
        self._restarts = 0
        self._was_named_again = False
        self._turn = 0
        self._expected = 0

    def resume(self) -> None:
        """Name the file again before going on: the monitor may have been started anew."""
        self._step = _Step.NAME

    def request(self) -> Request:
        """What to ask now.

        An answer does not say to which piece it belongs. Pieces asked for behind one another are of
        different lengths, so that one that comes late is not taken for the next.
        """
        if self._step is _Step.NAME:
            return write_name(FILE_WANTED, self.card_name)
        if self._step is _Step.INFO or self.info is None:
            return ReadRegisters(FILE_INFO, INFO_REGISTERS)
        number, record = divmod(len(self.data) // 2, FILE_REGISTERS)
        left = -(-(self.info.n_bytes - len(self.data)) // 2)
        longest = MOST_FILE_REGISTERS - self._turn % _LENGTHS
        self._turn += 1
        count = min(longest, left, FILE_REGISTERS - record)
        self._expected = 2 * count
        return ReadFileRecord(number + 1, record, count)

    def take(self, answer: Answer) -> Progress:
        """Take an answer of the monitor."""
        match self._step, answer:
            case step, Excepted(function, code) if function == step.value:
                return self._except(code)
            case _Step.NAME, Written(address, count):
                if (address, count) != (FILE_WANTED, NAME_REGISTERS):
                    return Progress.NOT_MINE
                self._step = _Step.INFO
                return Progress.GOES_ON
            case _Step.INFO, Registers(data):
                info = read_info(data)
                return Progress.NOT_MINE if info is None else self._begin(info)
            case _Step.PIECES, FileRecord(data):
                if len(data) != self._expected:
                    return Progress.NOT_MINE
                self.data += data
                self._was_named_again = False
                return self._check()
            case _:
                return Progress.NOT_MINE

    def _except(self, code: int) -> Progress:
        if code in {Failure.BUSY, Failure.ACKNOWLEDGED}:
            return Progress.NOT_MINE  # asked again when its time is over
        if self._step is _Step.PIECES and not self._was_named_again:
            # Started anew, it does not know any more which file was wanted.
            self._was_named_again = True
            self.resume()
            return Progress.GOES_ON
        return self._fail(failure_name(code))

    def _begin(self, info: FileInfo) -> Progress:
        if not 0 < info.n_bytes <= MOST_BYTES:
            return self._fail(f"a file of {info.n_bytes} bytes")
        if info != self.info:
            self.info = info
            self.data.clear()
        self._step = _Step.PIECES
        return Progress.GOES_ON

    def _check(self) -> Progress:
        assert self.info is not None
        if len(self.data) < self.info.n_bytes:
            return Progress.GOES_ON
        del self.data[self.info.n_bytes :]
        if zlib.crc32(self.data) == self.info.crc32:
            return Progress.WHOLE
        if self._restarts == MOST_RESTARTS:
            return self._fail("bad_checksum")
        self._restarts += 1
        self.info = None
        self.data.clear()
        self._step = _Step.NAME
        return Progress.GOES_ON

    def _fail(self, detail: str) -> Progress:
        self.detail = detail
        self.data.clear()
        return Progress.FAILED
