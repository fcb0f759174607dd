"""Messages on disk until the server has stored them: append-only segments with checksums.

What ``append`` returned for survives the death of the process at any moment: the bytes are in the
kernel by then. Against the loss of power they are written through to the disk by ``sync``, which
the device calls each second (or before each return, if asked): at most that second is lost then.

A segment is ``VWJ1`` and records: ``crc32 u32 | kind u8 | codec length u8 | body length u32 |
boot u32 | n u32 | t i64 | codec | body``, little-endian, the checksum over all after itself.
Kind 1 is a message; kind 2 says that messages are settled, its body is (boot, from, to) in u32,
inclusive. A torn end (the machine lost power while writing) is cut off when it is opened again.
"""

import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self, final

from devices.sdk.unsent import Key

MAGIC = b"VWJ1"
HEAD = struct.Struct("<IBBIIIq")
SETTLED = struct.Struct("<III")
KIND_MESSAGE, KIND_SETTLED = 1, 2
LARGEST_BODY = 1 << 24
SMALLEST_JOURNAL = 1 << 18
N_SEGMENTS = 16  # a full journal has about this many: what one receipt can free at once

log = logging.getLogger("vitalwire.sdk.journal")


class JournalFullError(Exception):
    """There is no room for another message until the server has stored older ones."""


class JournalLockedError(Exception):
    """Another process has this journal open."""


class Entry(NamedTuple):
    """One message as it was given."""

    key: Key
    t_us: int
    codec: str
    body: bytes


class _Place(NamedTuple):
    segment: int
    offset: int
    size: int


@dataclass(slots=True)
class _Segment:
    number: int
    file: int  # descriptor
    size: int
    live: int = 0  # messages in it that are not settled


@final
class Journal:
    """The unsettled messages of one device, in one folder.

    Parameters
    ----------
    folder : made if it is not there; one process at a time
    max_bytes : bound of what stands on disk, at least 256 KiB

    Raises
    ------
    JournalLockedError : another process uses the folder
    OSError : the folder cannot be used
    """

    def __init__(self, folder: Path, *, max_bytes: int = 64 << 20) -> None:
        if max_bytes < SMALLEST_JOURNAL:
            raise ValueError(f"a journal of {max_bytes} bytes is too small")
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = max_bytes // N_SEGMENTS
        self._places: dict[Key, _Place] = {}
        self._segments: dict[int, _Segment] = {}
        self._current: _Segment | None = None
        self._dirty = False
        self._bytes = 0
        self.damaged_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise JournalLockedError(f"another process uses the journal {folder}") from error
        for path in sorted(folder.glob("*.segment")):
            self._recover(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Key]:
        """Unsettled messages, oldest first."""
        return iter(self._places)

    @property
    def size_bytes(self) -> int:
        """What stands on disk."""
        return self._bytes

    @property
    def fill(self) -> float:
        """Share of the bound that is used, 0 to 1 and a little above."""
        return self._bytes / self._max_bytes

    def append(self, entry: Entry) -> None:
        """Keep a message; when this returns, the death of the process cannot lose it.

        Raises
        ------
        JournalFullError : the bound is met, or the disk is full; nothing was kept
        ValueError : it is already there
        """
        if entry.key in self._places:
            raise ValueError(f"message {entry.key} is already in the journal")
        record = _record(KIND_MESSAGE, entry)
        if self._bytes + len(record) + len(MAGIC) > self._max_bytes:
            raise JournalFullError(f"{len(self)} messages, {self._bytes} bytes")
        segment = self._writable(len(record))
        offset = segment.size
        self._write(segment, record)
        segment.live += 1
        self._places[entry.key] = _Place(segment.number, offset, len(record))

    def read(self, key: Key) -> Entry:
        """Give a message again.

        Raises
        ------
        KeyError : it is settled or was never there
        OSError : the disk does not give back what was written
        """
        place = self._places[key]
        record = os.pread(self._segments[place.segment].file, place.size, place.offset)
        parsed = _parse(record, 0)
        if parsed is None or parsed[1].key != key:
            raise OSError(f"the journal {self._folder} is damaged at message {key}")
        return parsed[1]

    def settle(self, keys: Iterable[Key]) -> None:
        """Forget messages; segments without any are deleted."""
        gone = [key for key in keys if key in self._places]
        if not gone:
            return
        touched = set()
        for key in gone:
            number = self._places.pop(key).segment
            self._segments[number].live -= 1
            touched.add(number)
        for number in touched:
            if self._segments[number].live == 0:
                self._delete(self._segments[number])
        if self._segments:
            # May go beyond the bound by some bytes. If its own segment is deleted before an older
            # one, older messages are sent again after a restart, and known as duplicates.
            body = b"".join(SETTLED.pack(*each) for each in _ranges(gone))
            record = _record(KIND_SETTLED, Entry(Key(0, 0), 0, "", body))
            try:
                self._write(self._writable(len(record)), record)
            except JournalFullError:
                log.warning("journal_note_lost: full disk; settled messages may be sent again")

    def take_unsynced(self) -> int | None:
        """Give a descriptor for `write_through`, or None where all is on the disk already."""
        if not self._dirty or self._current is None:
            return None
        self._dirty = False
        return os.dup(self._current.file)  # stays valid if the segment is deleted meanwhile

    def sync(self) -> None:
        """Write through to the disk what was appended; blocks for some milliseconds."""
        file = self.take_unsynced()
        if file is not None:
            write_through(file)

    def close(self) -> None:
        """Write through and let go of the folder."""
        self.sync()
        for segment in self._segments.values():
            os.close(segment.file)
        self._segments.clear()
        self._current = None
        os.close(self._lock)

    def _writable(self, n_bytes: int) -> _Segment:
        current = self._current
        if current is not None and current.size + n_bytes <= self._segment_bytes:
            return current
        self.sync()
        number = max(self._segments, default=0) + 1
        path = self._path(number)
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        segment = _Segment(number, file, 0)
        self._segments[number] = segment
        self._current = segment
        self._write(segment, MAGIC)
        return segment

    def _write(self, segment: _Segment, data: bytes) -> None:
        try:
            written = os.pwrite(segment.file, data, segment.size)
        except OSError as error:
            raise JournalFullError(f"the disk under {self._folder} takes no more") from error
        if written != len(data):
            # What is cut off here was never promised to anybody.
            os.ftruncate(segment.file, segment.size)
            raise JournalFullError(f"the disk under {self._folder} is full")
        segment.size += written
        self._bytes += written
        self._dirty = True

    def _delete(self, segment: _Segment) -> None:
        os.close(segment.file)
        self._path(segment.number).unlink()
        self._bytes -= segment.size
        del self._segments[segment.number]
        if segment is self._current:
            self._current = None

    def _recover(self, path: Path) -> None:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        content = os.pread(file, os.fstat(file).st_size, 0)
        segment = _Segment(int(path.stem), file, len(MAGIC))
        self._segments[segment.number] = segment
        settled: list[tuple[int, int, int]] = []
        while content.startswith(MAGIC) and (parsed := _parse(content, segment.size)):
            kind, entry, size = parsed
            if kind == KIND_MESSAGE and entry.key not in self._places:
                self._places[entry.key] = _Place(segment.number, segment.size, size)
                segment.live += 1
            elif kind == KIND_SETTLED:
                settled += SETTLED.iter_unpack(entry.body)
            segment.size += size
        damaged = max(0, len(content) - segment.size)
        if damaged:
            log.warning("journal_damaged: %d bytes at the end of %s", damaged, path.name)
            self.damaged_bytes += damaged
            os.ftruncate(file, segment.size)
        self._bytes += segment.size
        self._current = None
        self._forget(settled)
        if segment.live == 0:
            self._delete(segment)

    def _forget(self, settled: list[tuple[int, int, int]]) -> None:
        for boot, first, last in settled:
            for n in range(first, last + 1):
                place = self._places.pop(Key(boot, n), None)
                if place is not None:
                    other = self._segments[place.segment]
                    other.live -= 1
                    if other.live == 0 and other.number != max(self._segments):
                        self._delete(other)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}.segment"


def write_through(file: int) -> None:
    """Sync a descriptor of `Journal.take_unsynced` and close it. Blocks: call it in a thread."""
    try:
        os.fdatasync(file)
    finally:
        os.close(file)


def _record(kind: int, entry: Entry) -> bytes:
    codec = entry.codec.encode("ascii")
    if len(entry.body) > LARGEST_BODY:
        raise ValueError(f"a message of {len(entry.body)} bytes is too long")
    head = HEAD.pack(0, kind, len(codec), len(entry.body), entry.key.boot, entry.key.n, entry.t_us)
    rest = head[4:] + codec + entry.body
    return zlib.crc32(rest).to_bytes(4, "little") + rest


def _parse(content: bytes, at: int) -> tuple[int, Entry, int] | None:
    if at + HEAD.size > len(content):
        return None
    crc, kind, n_codec, n_body, boot, n, t_us = HEAD.unpack_from(content, at)
    end = at + HEAD.size + n_codec + n_body
    if end > len(content) or zlib.crc32(memoryview(content)[at + 4 : end]) != crc:
        return None
    codec_end = at + HEAD.size + n_codec
    codec = content[at + HEAD.size : codec_end].decode("ascii")
    return kind, Entry(Key(boot, n), t_us, codec, content[codec_end:end]), end - at


def _ranges(keys: Iterable[Key]) -> Iterator[tuple[int, int, int]]:
    """(boot, from, to), inclusive, that cover exactly these keys."""
    first = last = None
    for key in sorted(keys):
        if last is not None and first is not None:
            if key.boot == last.boot and key.n == last.n + 1:
                last = key
                continue
            yield first.boot, first.n, last.n
        first = last = key
    if first is not None and last is not None:
        yield first.boot, first.n, last.n
