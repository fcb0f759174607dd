"""One minute of one device's stream, compressed: ``content`` of ``signal.block``.

A block gives back exactly the frames it was made of, header and identity included, so that
whoever reads frames reads blocks too. ``n`` and ``received`` of sixty frames cost some 200 bytes.

Layout (little-endian)::

    'VWS1' | version u16 = 1 | reserved u16 | frames u32 | reserved u32      (16 bytes)
    crc32 u32 of all behind it
    size u32, chunk      the headers
    size u32, chunk      the samples of each (format, channels) that occurs, in ascending order

A chunk is a blosc2 chunk (bitshuffle, zstd). The headers are a matrix of int64, one row a field
of `FRAME` in its order, without `start`, floats as their bits: each row as differences from
frame to frame. Samples are planar: all of the first channel in the order of the frames, then the
second; each channel as differences from sample to sample, in integers of the sample's width
that wrap (of floats: of their bits). Frames stand in the order of (t0, boot, n, part).

How to read an interval [start, end) of a stream whose older hours are in blocks
--------------------------------------------------------------------------------
An identity (device, boot, n, part) stands in ``signal.frame`` or in a block, never in both: one
transaction moves it. A reader under ``read committed`` (the default) that asks both tables in
*one statement* (``union all``) therefore meets every frame once. One that asks in two statements
asks **``signal.frame`` first and ``signal.block`` second**: what is moved in between is met
twice, never missed, and `join_frames` drops the second. Under ``repeatable read`` the transaction
begins with ``lock table signal.frame in access share mode``: an hour is emptied by truncation,
which older snapshots see.

A frame belongs to the minute of its t0 and is not cut at its end; so is a block. Ask for frames
with ``t0 >= start - LONGEST_FRAME_US`` and for blocks with
``t0 >= block_start(start - LONGEST_FRAME_US)``, then drop the samples outside of the interval.
(``first_us`` and ``end_us`` of a block tell without decoding.)

`blosc2` is imported at the first use: it costs a second and 57 MB, which a process that meets no
block does not pay. Warm it up off the event loop (`warm_up`).
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contracts.frames import FRAME, MAX_BATCH_FRAMES, SAMPLE_DTYPES, FrameBatch
from shared.contracts.instants import MINUTE
from shared.contracts.records import HEAD_BYTES, BadBatch, BatchFault, RecordFormat, Table

BLOCK = RecordFormat(magic=b"VWS1", version=1, record=FRAME)
BLOCK_US = MINUTE
LONGEST_FRAME_US = MINUTE
"""How far the samples of a frame may reach behind its t0: readers look back so far."""

LEVEL = 5  # of zstd: 9 costs eighty times as much for a tenth fewer bytes (docs/decisions/0012)
BLOSC_BLOCK_BYTES = 16_384  # an eighth fewer bytes than blosc2's own choice for a minute of ECG
LARGEST_CHUNK_BYTES = 1 << 30
_NAMES = tuple(name for name in FRAME.names or () if name != "start")
_FLOATS = ("scale", "offset")
_U32 = struct.Struct("<I")
_KEY = ("part", "n", "boot", "device")


def block_start(t0: int) -> int:
    """Start (us UTC) of the minute whose block holds a frame that begins at `t0`."""
    return t0 // BLOCK_US * BLOCK_US


def warm_up() -> None:
    """Load the compressor."""
    _unpack(_pack(np.zeros(8, dtype="<i2")), 16)


def encode_block(batch: FrameBatch) -> bytes:
    """The block that holds these frames, in the order of time whatever theirs is.

    Raises
    ------
    ValueError : there is none, or too many
    """
    if not 0 < len(batch) <= MAX_BATCH_FRAMES:
        raise ValueError(f"{len(batch)} frames make no block")
    batch = in_order(batch)
    table = batch.table
    fields = np.empty((len(_NAMES), len(table)), dtype="<i8")
    for row, name in enumerate(_NAMES):
        fields[row] = table[name].view("<u4") if name in _FLOATS else table[name]
    parts = [_chunk(_differences(fields))]
    for form, channels, mask in _sections(table):
        dtype = SAMPLE_DTYPES[form]
        raw = _bytes_of(batch, mask)
        planar = np.frombuffer(raw, dtype=f"<i{dtype.itemsize}").reshape(-1, channels).T
        parts.append(_chunk(_differences(planar)))
    rest = b"".join(parts)
    return BLOCK.head(len(table)) + _U32.pack(zlib.crc32(rest)) + rest


def decode_block(content: bytes | memoryview) -> FrameBatch | BadBatch:
    """The frames of a block in the order of (t0, boot, n, part), their samples without a hole."""
    view = memoryview(content)
    if len(view) < HEAD_BYTES + 4:
        return BadBatch(BatchFault.TRUNCATED, f"{len(view)} bytes are less than a head")
    head = BLOCK.split(bytes(view[:8]) + bytes(8))  # the records are compressed: check the rest
    if isinstance(head, BadBatch):
        return head
    (count,) = _U32.unpack_from(view, 8)
    if not 0 < count <= MAX_BATCH_FRAMES:
        return BadBatch(BatchFault.WRONG_COUNT, f"{count} frames")
    rest = view[HEAD_BYTES + 4 :]
    if zlib.crc32(rest) != _U32.unpack_from(view, HEAD_BYTES)[0]:
        return BadBatch(BatchFault.BAD_EXTENT, "the bytes are not those that were written")
    try:
        return _decoded(rest, count)
    except (struct.error, RuntimeError, ValueError, KeyError) as error:
        return BadBatch(BatchFault.BAD_EXTENT, str(error))


def join_frames(batches: Sequence[FrameBatch]) -> FrameBatch | None:
    """All frames of some batches, each identity once (its first), in the order of time.

    For the border of hot frames and cold blocks, and for a minute that gets more frames.
    """
    filled = [batch for batch in batches if len(batch)]
    if not filled:
        return None
    if len(filled) == 1:
        table, samples = filled[0].table.copy(), bytes(filled[0].samples)
    else:
        table = np.concatenate([batch.table for batch in filled])
        shift = np.cumsum([0, *(len(batch.samples) for batch in filled[:-1])])
        table["start"] += np.repeat(shift, [len(batch) for batch in filled]).astype("<u4")
        samples = b"".join(batch.samples for batch in filled)
    order = np.lexsort([table[name] for name in _KEY])  # stable: the first of each stays first
    sorted_table = table[order]
    first = np.ones(len(table), dtype=np.bool_)
    same = np.ones(len(table) - 1, dtype=np.bool_)
    for name in _KEY:
        same &= sorted_table[name][1:] == sorted_table[name][:-1]
    first[1:] = ~same
    return in_order(FrameBatch(table[order[first]], memoryview(samples)))


def in_order(batch: FrameBatch) -> FrameBatch:
    """The same frames in the order of (t0, boot, n, part), their samples one behind the other."""
    table = batch.table
    order = np.lexsort([table[name] for name in ("part", "n", "boot", "t0")])
    is_sorted = bool((order[1:] > order[:-1]).all())
    ends = table["start"].astype(np.int64) + table["size"]
    if is_sorted and int(table["start"][0]) == 0 and bool((table["start"][1:] == ends[:-1]).all()):
        return FrameBatch(table, batch.samples[: int(ends[-1])])
    table = table[order]
    samples = _bytes_of(FrameBatch(table, batch.samples), np.ones(len(table), dtype=np.bool_))
    table["start"] = _starts(table["size"])
    return FrameBatch(table, memoryview(samples))


def _decoded(rest: memoryview, count: int) -> FrameBatch:
    chunks = _Chunks(rest)
    fields = np.frombuffer(chunks.take(len(_NAMES) * count * 8), dtype="<i8")
    fields = np.cumsum(fields.reshape(len(_NAMES), count), axis=1, dtype=np.int64)
    table = np.zeros(count, dtype=FRAME)
    for row, name in enumerate(_NAMES):
        if name in _FLOATS:
            table[name] = fields[row].astype("<u4").view("<f4")
        else:
            table[name] = fields[row]
    table["start"] = _starts(table["size"])
    sections = _sections(table)
    samples = bytearray(int(table["size"].sum(dtype=np.int64))) if len(sections) > 1 else None
    whole = b""
    for form, channels, mask in sections:
        width = SAMPLE_DTYPES[form].itemsize
        size = int(table["size"][mask].sum(dtype=np.int64))
        if size % (width * channels):
            raise ValueError("a frame holds no whole number of samples")
        planar = np.frombuffer(chunks.take(size), dtype=f"<u{width}").reshape(channels, -1)
        whole = np.cumsum(planar, axis=1, dtype=f"<u{width}").T.tobytes()
        if samples is not None:
            _scatter(whole, samples, table[mask])
    chunks.end()
    return FrameBatch(table, memoryview(whole if samples is None else bytes(samples)))


class _Chunks:
    """Chunks one behind the other, each unpacked to the size that it must have."""

    def __init__(self, rest: memoryview) -> None:
        self._rest = rest

    def take(self, size: int) -> bytes:
        (packed,) = _U32.unpack_from(self._rest)
        if not 0 < packed <= len(self._rest) - 4 or not size <= LARGEST_CHUNK_BYTES:
            raise ValueError("a chunk reaches beyond its block")
        chunk = self._rest[4 : 4 + packed]
        self._rest = self._rest[4 + packed :]
        return _unpack(bytes(chunk), size)

    def end(self) -> None:
        if len(self._rest):
            raise ValueError(f"{len(self._rest)} bytes behind the last chunk")


def _sections(table: Table) -> list[tuple[int, int, NDArray[np.bool_]]]:
    """Each (format, channels) that occurs, ascending, with the frames that have it."""
    key = table["format"].astype(np.int64) << 16 | table["channels"].astype(np.int64)
    kinds = [int(key[0])] if bool((key == key[0]).all()) else np.unique(key).tolist()
    if any(kind & 0xFFFF == 0 or kind < 0 for kind in kinds):
        raise ValueError("a frame has no channel")
    return [(kind >> 16, kind & 0xFFFF, key == kind) for kind in kinds]


def _bytes_of(batch: FrameBatch, mask: NDArray[np.bool_]) -> bytes:
    """Sample bytes of some frames, one behind the other."""
    table, samples = batch.table, batch.samples
    if bool(mask.all()):
        starts = table["start"].astype(np.int64)
        ends = starts + table["size"]
        if bool((starts[1:] == ends[:-1]).all()):
            return bytes(samples[int(starts[0]) : int(ends[-1])])
    table = table[mask]
    pairs = zip(table["start"].tolist(), table["size"].tolist(), strict=True)
    return b"".join(samples[start : start + size] for start, size in pairs)


def _scatter(whole: bytes, samples: bytearray, table: Table) -> None:
    """Lay sample bytes that stand one behind the other where the frames want them."""
    taken = 0
    for start, size in zip(table["start"].tolist(), table["size"].tolist(), strict=True):
        samples[start : start + size] = whole[taken : taken + size]
        taken += size


def _starts(sizes: NDArray[Any]) -> NDArray[np.int64]:
    ends = np.cumsum(sizes, dtype=np.int64)
    starts: NDArray[np.int64] = ends - sizes
    return starts


def _differences(rows: NDArray[Any]) -> NDArray[Any]:
    """Each row as its first value and the differences behind it; integers wrap."""
    unsigned = np.ascontiguousarray(rows).view(f"<u{rows.dtype.itemsize}")
    out = unsigned.copy()
    out[:, 1:] -= unsigned[:, :-1]
    return out


def _chunk(values: NDArray[Any]) -> bytes:
    packed = _pack(values)
    return _U32.pack(len(packed)) + packed


def _pack(values: NDArray[Any]) -> bytes:
    import blosc2

    packed: bytes = blosc2.compress2(
        values.tobytes(),
        codec=blosc2.Codec.ZSTD,
        clevel=LEVEL,
        typesize=values.dtype.itemsize,
        blocksize=BLOSC_BLOCK_BYTES,
        nthreads=1,
        filters=[blosc2.Filter.BITSHUFFLE],
    )
    return packed


def _unpack(chunk: bytes, size: int) -> bytes:
    import blosc2

    unpacked: bytes = blosc2.decompress2(chunk, nthreads=1)
    if len(unpacked) != size:
        raise ValueError(f"a chunk holds {len(unpacked)} bytes instead of {size}")
    return unpacked
