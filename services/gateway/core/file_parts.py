"""Parts of files as devices send them: what a part says, and what of a file is there.

Any order, repeats and overlaps are harmless; what is missing is asked for in few ranges.
"""

import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.contracts.decoding import Envelope, Refused
from shared.contracts.file_reading import LARGEST_FILE_BYTES
from shared.contracts.identity import DeviceKey
from shared.contracts.parking import Reason

LARGEST_PART_BYTES = 65_536
"""Small enough that a part between two live messages is not felt on a slow link."""
MOST_PARTS = 20_000
"""Of one file: 64 MiB in parts of 3.3 KiB. Smaller parts are for smaller files."""
TOLD_RANGES = 64
"""Missing ranges told at once; when they came, the next ones are told."""
_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,120}")
_NUMBER = re.compile(r"\d{1,10}")
_CRC32 = re.compile(r"[0-9a-fA-F]{8}")


class FilePart(NamedTuple):
    """One part of a file. Without ``data`` it is a question: what is missing?

    ``crc32`` is what the device says of the part, which may be wrong; of a question, that of the
    whole file, or 0 where the device does not say.
    """

    name: str
    format: str
    total: int
    starts: int
    crc32: int
    data: bytes
    envelope: Envelope | None

    @property
    def is_question(self) -> bool:
        """Whether the device only asks how far its file is."""
        return not self.data

    @property
    def is_sound(self) -> bool:
        """Whether the bytes are those that the device has sent."""
        return zlib.crc32(self.data) == self.crc32

    @property
    def mark(self) -> "PartMark":
        """What a repeat of the part has again."""
        return PartMark(self.starts, len(self.data), self.crc32)


class PartMark(NamedTuple):
    """A part without its bytes."""

    starts: int
    size: int
    crc32: int


class FileKey(NamedTuple):
    """What a device calls a file of its own."""

    device: DeviceKey
    name: str


def read_part(
    properties: Sequence[tuple[str, str]], payload: bytes, codec: str, envelope: Envelope | None
) -> FilePart | Refused:
    """Give the part that a message on ``up/file`` is.

    Parameters
    ----------
    properties : file, total, offset and crc32 (8 hex digits); a question needs the first two
    """
    boot, n = (envelope.boot, envelope.n) if envelope is not None else (None, None)

    def refuse(reason: Reason, detail: str) -> Refused:
        return Refused(reason, detail, boot, n)

    said = dict(properties)
    name = said.get("file", "")
    if not _NAME.fullmatch(name) or not name.isprintable():
        return refuse(Reason.MALFORMED, "property file is no name of 1 to 120 characters")
    numbers = [said.get("total", ""), said.get("offset", "0" if not payload else "")]
    if not all(_NUMBER.fullmatch(text) for text in numbers):
        return refuse(Reason.MALFORMED, "properties total and offset must be whole numbers")
    total, starts = map(int, numbers)
    if not 0 < total <= LARGEST_FILE_BYTES:
        return refuse(
            Reason.TOO_LARGE, f"a file of {total} bytes; 1 to {LARGEST_FILE_BYTES} may be"
        )
    if starts + len(payload) > total:
        return refuse(Reason.MALFORMED, f"{len(payload)} bytes at {starts} pass the end {total}")
    crc32 = said.get("crc32", "" if payload else "00000000")
    if not _CRC32.fullmatch(crc32):
        return refuse(Reason.MALFORMED, "property crc32 is not 8 hex digits")
    return FilePart(name, codec, total, starts, int(crc32, 16), payload, envelope)


class Coverage:
    """Which bytes of a file are there: half-open ranges, disjoint, not adjacent, ascending."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in ranges:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Say that [start, end) is there."""
        if end <= start:
            return
        low = bisect_right(self._starts, start) - 1
        if low < 0 or self._ends[low] < start:
            low += 1
        high = low
        while high < len(self._starts) and self._starts[high] <= end:
            start = min(start, self._starts[high])
            end = max(end, self._ends[high])
            high += 1
        self._starts[low:high] = [start]
        self._ends[low:high] = [end]

    def missing(self, total: int, at_most: int = TOLD_RANGES) -> list[tuple[int, int]]:
        """Give the first ranges that are not there, half-open."""
        starts = [0, *self._ends]
        ends = [*self._starts, total]
        holes = ((a, b) for a, b in zip(starts, ends, strict=True) if a < b)
        return [hole for hole, _ in zip(holes, range(at_most), strict=False)]

    def is_whole(self, total: int) -> bool:
        """Whether every byte is there."""
        return self._starts == [0] and self._ends == [total]

    @property
    def n_there(self) -> int:
        """How much is there."""
        return sum(self._ends) - sum(self._starts)


def joined(parts: Iterable[tuple[int, bytes]], total: int) -> bytes | int:
    """Give the whole file, or the offset at which two parts that overlap contradict each other.

    Parameters
    ----------
    parts : (offset, bytes), ascending, without holes
    """
    whole = bytearray()
    for starts, data in parts:
        overlap = min(len(whole) - starts, len(data))
        if overlap > 0 and whole[starts : starts + overlap] != data[:overlap]:
            return starts
        if overlap < len(data):
            whole += data[max(0, overlap) :]
    if len(whole) != total:
        return len(whole)
    return bytes(whole)
