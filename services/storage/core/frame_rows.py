"""Frames on their way to ``signal.frame``: sorted by identity, repeats told from conflicts.

Hot path (benchmark: tests/performance): works on whole columns; the only work a frame is one
slice of its sample bytes and one of its row.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.frames import FRAME, FrameBatch
from shared.contracts.parking import Reason
from shared.contracts.quality import FrameFlag
from shared.contracts.records import Table
from shared.errors import VitalwireError

CONTENT_FLAGS = int(FrameFlag.LEAD_OFF | FrameFlag.SENSOR_FAULT)
"""What the device itself says of a frame; the other flags tell how and when it arrived."""

COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # PostgreSQL: COPY, binary format, no flags
COPY_TAIL = b"\xff\xff"

_COLUMNS: tuple[tuple[str, str], ...] = (
    ("device_id", ">i4"),
    ("boot", ">i8"),
    ("n", ">i8"),
    ("part", ">i2"),
    ("stream", ">i2"),
    ("t0", ">i8"),
    ("interval_ns", ">i8"),
    ("received", ">i8"),
    ("flags", ">i4"),
    ("channels", ">i2"),
    ("format", ">i2"),
    ("place", ">i2"),
    ("scale", ">f4"),
    ("add_offset", ">f4"),
)
COLUMNS = (*(name for name, _ in _COLUMNS), "samples")
"""Columns of ``signal.frame`` in the order in which rows are written."""

_FIELD_OF = {"device_id": "device", "add_offset": "offset"}


def _copy_dtype() -> np.dtype[Any]:
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in _COLUMNS:
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype([*fields, ("samples_length", ">i4")])


_COPY_ROW = _copy_dtype()


class FrameKey(NamedTuple):
    """Identity of one frame."""

    device: int
    boot: int
    n: int
    part: int


class FrameContent(NamedTuple):
    """What makes two frames of one identity the same: all but arrival."""

    t0: int
    stream: int
    interval_ns: int
    channels: int
    format: int
    place: int
    scale: bytes
    add_offset: bytes
    flags: int
    samples: bytes

    def digest(self) -> bytes:
        """SHA-256 of the content."""
        told = hashlib.sha256(repr(self[:9]).encode())
        told.update(self.samples)
        return told.digest()


@dataclass(frozen=True, slots=True, eq=False)
class FrameRows:
    """Frames as columns, with their sample bytes.

    Attributes
    ----------
    table : (frames,) of `FRAME`
    samples : the bytes of each frame
    """

    table: Table
    samples: list[bytes]

    def __len__(self) -> int:
        return len(self.table)

    def take(self, mask: NDArray[np.bool_]) -> "FrameRows":
        """The rows where the mask is set, in their order."""
        if bool(mask.all()):
            return self
        return FrameRows(self.table[mask], [self.samples[i] for i in np.flatnonzero(mask).tolist()])

    def keys(self) -> list[FrameKey]:
        """Identity of each row."""
        columns = (self.table[name].tolist() for name in ("device", "boot", "n", "part"))
        return list(map(FrameKey, *columns))

    def contents(self) -> list[FrameContent]:
        """Content of each row."""
        table = self.table
        names = ("t0", "stream", "interval_ns", "channels", "format", "place")
        columns: list[list[Any]] = [table[name].tolist() for name in names]
        columns += [_bits(table["scale"]), _bits(table["offset"])]
        columns += [(table["flags"] & CONTENT_FLAGS).tolist(), self.samples]
        return list(map(FrameContent._make, zip(*columns, strict=True)))


class RefusedFrames(NamedTuple):
    """Frames that are kept aside, with the reason."""

    rows: FrameRows
    reason: Reason


@dataclass(frozen=True, slots=True)
class StoredFrames:
    """What is known of some identities.

    Attributes
    ----------
    contents : those whose content is at hand
    removed : those that were stored and removed since: nobody can tell what they held
    elsewhere : those that are stored under another time, stream or place
    """

    contents: dict[FrameKey, FrameContent]
    removed: set[FrameKey]
    elsewhere: set[FrameKey]

    def holds(self, key: FrameKey) -> bool:
        """Whether the identity is taken."""
        return key in self.contents or key in self.removed or key in self.elsewhere


class Repeated(VitalwireError):
    """A row that was taken for new is in the table already."""


def stored_content(row: Sequence[Any]) -> FrameContent:
    """Content of a row of ``signal.frame`` as look-up gives it, in the order of `FrameContent`."""
    t0, stream, interval_ns, channels, form, place, scale, add_offset, flags, samples = row
    bits = _bits(np.array([scale, add_offset], dtype="<f4"))
    told = flags & CONTENT_FLAGS
    return FrameContent(
        t0, stream, interval_ns, channels, form, place, bits[0], bits[1], told, bytes(samples)
    )


def contents_of(batch: FrameBatch) -> dict[FrameKey, FrameContent]:
    """Contents of all frames of a batch by identity."""
    rows = gather([batch])
    return dict(zip(rows.keys(), rows.contents(), strict=True))


def gather(batches: Sequence[FrameBatch]) -> FrameRows:
    """All frames of some batches, sorted by identity; of one identity the first to come is first.

    Writers that write in the order of keys do not deadlock.
    """
    samples: list[bytes] = []
    for batch in batches:
        whole = bytes(batch.samples)
        starts = batch.table["start"].tolist()
        ends = (batch.table["start"] + batch.table["size"]).tolist()
        samples += [whole[start:end] for start, end in zip(starts, ends, strict=True)]
    table = (
        batches[0].table
        if len(batches) == 1
        else np.concatenate([np.empty(0, FRAME), *(batch.table for batch in batches)])
    )
    order = np.lexsort((table["part"], table["n"], table["boot"], table["device"]))
    return FrameRows(table[order], [samples[i] for i in order.tolist()])


def first_of_each(rows: FrameRows) -> NDArray[np.bool_]:
    """Which rows (sorted by identity) are the first of theirs."""
    table = rows.table
    first = np.ones(len(table), dtype=np.bool_)
    if len(table) > 1:
        before, after = table[:-1], table[1:]
        same = before["n"] == after["n"]
        for name in ("device", "boot", "part"):
            same &= before[name] == after[name]
        first[1:] = ~same
    return first


def copy_payload(rows: FrameRows) -> bytes:
    """The rows in the binary form of PostgreSQL's COPY, columns in the order of `COLUMNS`."""
    table = rows.table
    out = np.empty(len(table), dtype=_COPY_ROW)
    out["fields"] = len(COLUMNS)
    for name, kind in _COLUMNS:
        out[f"{name}_length"] = np.dtype(kind).itemsize
        out[name] = table[_FIELD_OF.get(name, name)].astype(kind, casting="unsafe")
    out["samples_length"] = np.fromiter(map(len, rows.samples), np.int64, len(rows))
    heads, size = out.tobytes(), _COPY_ROW.itemsize
    parts = [COPY_HEAD]
    for index, samples in enumerate(rows.samples):
        parts += (heads[index * size : (index + 1) * size], samples)
    parts.append(COPY_TAIL)
    return b"".join(parts)


def _bits(values: NDArray[np.float32]) -> list[bytes]:
    """The four bytes of each number, so that NaN equals itself and 0 does not equal -0."""
    raw = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return [raw[i : i + 4] for i in range(0, len(raw), 4)]
