"""What the gateway knows of files: those that devices send, and those that are read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from services.gateway.core.file_parts import Coverage, FilePart, PartMark
from services.gateway.core.messages import Device
from shared.contracts.file_reading import BadFile, FileState
from shared.contracts.parking import Reason


class FileRow(NamedTuple):
    """The newest file of a device under one name, with the parts that came.

    ``crc32`` of the whole file, once it was read.
    """

    id: str
    format: str
    total: int
    state: FileState
    reason: str
    marks: list[PartMark]
    crc32: int | None = None


class FileToRead(NamedTuple):
    """A file that is whole."""

    id: str
    device: Device
    name: str
    format: str
    total: int
    options: Mapping[str, Any]


class FileEnd(NamedTuple):
    """How a file ended: stored, or refused as bad; and the CRC-32 of it, where it was whole."""

    bad: BadFile | None
    crc32: int | None = None

    @property
    def state(self) -> FileState:
        """Its state from now on."""
        return FileState.STORED if self.bad is None else FileState.REFUSED


@dataclass(slots=True, eq=False)
class KnownFile:
    """A file as it is held while its parts come."""

    row: FileRow
    coverage: Coverage = field(init=False)
    _crcs: dict[tuple[int, int], int] = field(init=False)

    def __post_init__(self) -> None:
        self.coverage = Coverage()
        self._crcs = {}
        self.note(self.row.marks)

    def note(self, marks: Iterable[PartMark]) -> None:
        """Take parts that are durable."""
        for mark in marks:
            self._crcs[mark.starts, mark.size] = mark.crc32
            self.coverage.add(mark.starts, mark.starts + mark.size)

    def holds(self, part: FilePart) -> bool:
        """Whether the same part came before."""
        return self._crcs.get((part.starts, len(part.data))) == part.crc32

    @property
    def n_parts(self) -> int:
        """Parts that came."""
        return len(self._crcs)

    @property
    def is_received(self) -> bool:
        """Whether parts of it are still taken."""
        return self.row.state is FileState.RECEIVING

    @property
    def has_ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.row.state in (FileState.STORED, FileState.REFUSED)

    def is_followed_by(self, part: FilePart) -> bool:
        """Whether a part is of another file under the same name: the device has used it again."""
        if part.is_question:  # it may tell the CRC-32 of the whole
            return self.has_ended and part.crc32 not in (0, self.row.crc32)
        return self.has_ended and not self.holds(part)

    def refuse(self, part: FilePart, most_parts: int) -> tuple[Reason, str] | None:
        """Give why a part cannot be of this file, or None."""
        if (part.total, part.format) != (self.row.total, self.row.format):
            before = f"{self.row.format} of {self.row.total} bytes"
            return Reason.CONFLICT, f"{part.format} of {part.total} bytes, before {before}"
        if not self.is_received or self.holds(part):
            return None
        if (part.starts, len(part.data)) in self._crcs:
            return Reason.CONFLICT, f"other bytes at {part.starts} than before"
        if self.n_parts >= most_parts:
            return Reason.TOO_LARGE, f"more than {most_parts} parts of one file"
        return None
