"""``frames.v1``: many frames of one lane, one message.

The numpy dtype below is the definition of the record; a new field is a new version.
A frame is what a device sent of one stream: samples interleaved by channel, as the device
counted them. ``value = samples * scale + offset`` in the unit of the stream. The gateway widens
without loss (24 bits to 32, delta to 16 bits), so that a reader meets three formats only.
A missing sample is the most negative integer, or NaN.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.records import HEAD_BYTES, BadBatch, BatchFault, RecordFormat, Table

FRAME = np.dtype(
    [
        ("device", "<i4"),
        ("boot", "<u4"),
        ("n", "<u4"),
        ("part", "<i2"),
        ("stream", "<i2"),
        ("t0", "<i8"),  # us UTC of the first sample
        ("interval_ns", "<i8"),  # between samples; 0 for a single reading
        ("received", "<i8"),  # us UTC at the gateway
        ("flags", "<u4"),
        ("channels", "<i2"),
        ("format", "i1"),
        ("place", "i1"),
        ("scale", "<f4"),
        ("offset", "<f4"),
        ("start", "<u4"),  # of the sample bytes, counted from their beginning
        ("size", "<u4"),  # of the sample bytes
    ]
)
FRAMES = RecordFormat(magic=b"VWF1", version=1, record=FRAME)
RECORD = struct.Struct("<iIIhhqqqIhbbffII")
assert RECORD.size == FRAME.itemsize == 64

MAX_BATCH_FRAMES = 65_536


class SampleFormat(IntEnum):
    """How samples are laid out; 2 and 5 occur in codec `packed` only, never in a batch."""

    INT16 = 1
    INT24 = 2
    INT32 = 3
    FLOAT32 = 4
    INT16_DELTA = 5


RawSamples = NDArray[np.integer[Any] | np.floating[Any]]
SAMPLE_DTYPES: dict[int, np.dtype[Any]] = {
    SampleFormat.INT16: np.dtype("<i2"),
    SampleFormat.INT32: np.dtype("<i4"),
    SampleFormat.FLOAT32: np.dtype("<f4"),
}
MISSING_INT16 = -32_768
MISSING_INT32 = -2_147_483_648
MISSING = {2: MISSING_INT16, 4: MISSING_INT32}  # by the bytes of an integer sample


class Frame(NamedTuple):
    """One frame on its way into a batch, its fields as in the record. (Hot path: a plain tuple.)"""

    device: int
    boot: int
    n: int
    part: int
    stream: int
    t0: int
    interval_ns: int
    received: int
    flags: int
    channels: int
    format: int
    place: int
    scale: float
    offset: float
    samples: bytes


@dataclass(frozen=True, slots=True, eq=False)
class FrameBatch:
    """A batch as it is read: every header field a column, the samples behind it.

    Attributes
    ----------
    table : (frames,) of `FRAME`, a view into the message
    samples : bytes of all frames, a view into the message
    """

    table: Table
    samples: memoryview

    def __len__(self) -> int:
        return len(self.table)

    def sample_bytes(self, index: int) -> memoryview:
        """The sample bytes of one frame, without a copy."""
        record = self.table[index]
        start = int(record["start"])
        return self.samples[start : start + int(record["size"])]

    def values(self, index: int) -> NDArray[np.float64]:
        """Samples of one frame in its stream's unit, NaN where missing: (channels, samples)."""
        record = self.table[index]
        dtype = SAMPLE_DTYPES[int(record["format"])]
        raw = np.frombuffer(self.sample_bytes(index), dtype=dtype)
        return physical(
            raw.reshape(-1, int(record["channels"])).T,
            scale=float(record["scale"]),
            offset=float(record["offset"]),
        )


def physical(raw: RawSamples, *, scale: float, offset: float) -> NDArray[np.float64]:
    """Samples in the unit of their stream; the most negative integer becomes NaN."""
    values = raw.astype(np.float64) * scale + offset
    missing = MISSING.get(raw.dtype.itemsize) if raw.dtype.kind == "i" else None
    if missing is not None:
        values[raw == missing] = np.nan
    return values


def encode_frames(frames: Sequence[Frame]) -> bytes:
    """The message that carries `frames`, in their order."""
    pack = RECORD.pack
    parts = [FRAMES.head(len(frames))]
    start = 0
    for frame in frames:
        size = len(frame[14])
        parts.append(pack(*frame[:14], start, size))
        start += size
    parts += [frame[14] for frame in frames]
    return b"".join(parts)


def decode_frames(body: bytes | memoryview) -> FrameBatch | BadBatch:
    """Read a batch without a copy; every extent is checked, so that no later access can fail."""
    split = FRAMES.split(body)
    if isinstance(split, BadBatch):
        return split
    table, samples = split
    if not 0 < len(table) <= MAX_BATCH_FRAMES:
        return BadBatch(BatchFault.WRONG_COUNT, f"{len(table)} frames")
    start, size = table["start"].astype(np.int64), table["size"].astype(np.int64)
    if bool((start + size > len(samples)).any()) or int(size.sum()) != len(samples):
        return BadBatch(BatchFault.BAD_EXTENT, "sample bytes and records do not fit together")
    width = _sample_bytes(table["format"]) * table["channels"].astype(np.int64)
    if bool((width <= 0).any()) or bool((size % np.maximum(width, 1) != 0).any()):
        return BadBatch(BatchFault.BAD_EXTENT, "a frame holds no whole number of samples")
    return FrameBatch(table, samples)


def _sample_bytes(formats: NDArray[np.int8]) -> NDArray[np.int64]:
    """Bytes of one sample for each format, 0 where a batch may not hold it."""
    widths = np.zeros(256, dtype=np.int64)
    for number, dtype in SAMPLE_DTYPES.items():
        widths[number] = dtype.itemsize
    found: NDArray[np.int64] = widths[formats.astype(np.int64) & 0xFF]
    return found


assert HEAD_BYTES == 16
