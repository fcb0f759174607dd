"""Files that devices keep and people bring: bytes to frames, whole or not at all.

The identity of what stands in a file comes from the file: the same file gives the same messages,
so that taking it in twice changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from shared.contracts.decoding import DecodedFrame, Note
from shared.contracts.parking import Reason

LARGEST_FILE_BYTES = 64 << 20
"""A day of three leads at 250 Hz as EDF+ is 130 MB; longer recordings come in several files."""


class FileState(StrEnum):
    """How far a file is."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    READING = "reading"
    STORED = "stored"
    REFUSED = "refused"


class FilePiece(NamedTuple):
    """Some frames of a file that go into one message: at most 48 KiB of samples.

    ``t_us`` is UTC; a frame's first sample was taken ``dt_us`` after it.
    """

    t_us: int
    frames: list[DecodedFrame]
    notes: tuple[Note, ...] = ()


def _none() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A file that was read and is whole.

    Parameters
    ----------
    key : what the file is, in words of its content (recording time, device code): two uploads
        of one recording have the same
    maker_id : the device that the file names, as it stands there; empty where it names none
    pieces : in order of time, the same at each call
    n_pieces : how many there are
    personal : what it says of the patient; kept encrypted or dropped, never logged
    """

    key: str
    maker_id: str
    pieces: Callable[[], Iterator[FilePiece]]
    n_pieces: int
    personal: Mapping[str, str] = field(default_factory=_none)


class BadFile(NamedTuple):
    """A file of which nothing is taken in; ``line`` (from 1) or ``offset`` say where, if known."""

    reason: Reason
    detail: str
    line: int | None = None
    offset: int | None = None


FileReader = Callable[[bytes, Mapping[str, Any]], ReadFile | BadFile]
"""Reads a file by options of its format (a mapping of columns, a time zone); never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """A format that is read from files only; one folder or module of ``shared/recordings``.

    Parameters
    ----------
    name : as in ``up/file/{name}``
    suffixes : of file names, in lower case with the dot, by which a program may guess it
    """

    name: str
    suffixes: tuple[str, ...]
    read: FileReader
