"""Frames of an old hour on their way to ``signal.block``: cut into minutes, encoded, described.

Runs in a thread beside the event loop: nothing here knows of the database.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.frames import (
    FRAME,
    SAMPLE_DTYPES,
    FrameBatch,
    physical,
)
from shared.contracts.records import BadBatch, Table
from shared.contracts.sample_block import (
    BLOCK_US,
    decode_block,
    encode_block,
    in_order,
    join_frames,
)
from shared.errors import Invalid


class BlockKey(NamedTuple):
    """Key of one row of ``signal.block``; `t0` is the start of the minute."""

    device: int
    stream: int
    place: int
    t0: int


class BlockRow(NamedTuple):
    """One row of ``signal.block``, in the order of `COLUMNS`."""

    device_id: int
    stream: int
    place: int
    t0: int
    first_us: int
    end_us: int
    n_frames: int
    n_samples: int
    interval_ns: int
    channels: int
    flags: int
    low: list[float | None]
    high: list[float | None]
    content: bytes


COLUMNS = BlockRow._fields


class Encoded(NamedTuple):
    """Blocks of some frames: those of new minutes, and those that replace one."""

    fresh: list[BlockRow]
    changed: list[BlockRow]
    n_bytes_before: int


def encode_rows(batch: FrameBatch, there: Mapping[BlockKey, bytes]) -> Encoded:
    """The blocks that hold the frames of one device, joined with the blocks that are there.

    Parameters
    ----------
    there : content of the blocks of these minutes

    Raises
    ------
    Invalid : a block that is there cannot be read
    """
    fresh: list[BlockRow] = []
    changed: list[BlockRow] = []
    for key, minute in minutes(batch):
        content = there.get(key)
        if content is None:
            fresh.append(block_row(key, minute))
        else:
            joined = join_frames([read_block(key, content), minute])
            assert joined is not None, "a minute has frames"
            changed.append(block_row(key, joined))
    return Encoded(fresh, changed, len(batch.samples) + len(batch) * FRAME.itemsize)


def minutes(batch: FrameBatch) -> list[tuple[BlockKey, FrameBatch]]:
    """The frames by the block that they belong to."""
    table = batch.table
    t0 = table["t0"] // BLOCK_US * BLOCK_US
    order = np.lexsort(
        [table[name] for name in ("part", "n", "boot", "t0", "place", "stream", "device")]
    )
    table, t0 = table[order], t0[order]
    changes = (t0[1:] != t0[:-1]) | (table["device"][1:] != table["device"][:-1])
    for name in ("stream", "place"):
        changes |= table[name][1:] != table[name][:-1]
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()]
    found = []
    for start, end in zip(starts, [*starts[1:], len(table)], strict=True):
        first = table[start]
        key = BlockKey(
            int(first["device"]), int(first["stream"]), int(first["place"]), int(t0[start])
        )
        found.append((key, in_order(FrameBatch(table[start:end].copy(), batch.samples))))
    return found


def block_row(key: BlockKey, minute: FrameBatch) -> BlockRow:
    """The row that holds these frames."""
    table = minute.table
    widths = np.array([SAMPLE_DTYPES[int(one)].itemsize for one in table["format"]])
    counts = table["size"] // (widths * table["channels"])
    ends = table["t0"] + (counts * table["interval_ns"] + 999) // 1_000
    low, high = extent(minute)
    interval_ns, channels = _most(table, counts)
    return BlockRow(
        *key,
        first_us=int(table["t0"].min()),
        end_us=int(ends.max()),
        n_frames=len(table),
        n_samples=int(counts.sum()),
        interval_ns=interval_ns,
        channels=channels,
        flags=int(np.bitwise_or.reduce(table["flags"].view("<i4"))),
        low=low,
        high=high,
        content=encode_block(minute),
    )


def extent(batch: FrameBatch) -> tuple[list[float | None], list[float | None]]:
    """The least and the greatest value of each channel, in the unit of the stream.

    None where a channel has no sample that is a finite number.
    """
    n_channels = int(batch.table["channels"].max())
    low, high = np.full(n_channels, np.inf), np.full(n_channels, -np.inf)
    for form, channels, scale, offset, raw in _alike(batch):
        values = np.frombuffer(raw, dtype=SAMPLE_DTYPES[form]).reshape(-1, channels)
        if not len(values):
            continue
        real = physical(values, scale=scale, offset=offset)
        is_there = np.isfinite(real)
        least = np.where(is_there, real, np.inf).min(axis=0)
        greatest = np.where(is_there, real, -np.inf).max(axis=0)
        low[:channels] = np.minimum(low[:channels], least)
        high[:channels] = np.maximum(high[:channels], greatest)
    there = np.isfinite(low).tolist()
    return (
        [value if known else None for value, known in zip(low.tolist(), there, strict=True)],
        [value if known else None for value, known in zip(high.tolist(), there, strict=True)],
    )


def read_block(key: BlockKey, content: bytes) -> FrameBatch:
    """The frames of a stored block.

    Raises
    ------
    Invalid : the block cannot be read
    """
    read = decode_block(content)
    if isinstance(read, BadBatch):
        raise Invalid(f"block of {key}: {read.fault}: {read.detail}")
    return read


def _alike(batch: FrameBatch) -> list[tuple[int, int, float, float, bytes]]:
    """Stretches of frames with the same format, channels, scale and offset, in their order."""
    table = batch.table
    changes = np.zeros(max(len(table) - 1, 0), dtype=np.bool_)
    for name in ("format", "channels"):
        changes |= table[name][1:] != table[name][:-1]
    for name in ("scale", "offset"):
        bits = table[name].view("<u4")
        changes |= bits[1:] != bits[:-1]
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()]
    ends = [*starts[1:], len(table)]
    out = []
    for start, end in zip(starts, ends, strict=True):
        first, last = table[start], table[end - 1]
        raw = batch.samples[int(first["start"]) : int(last["start"]) + int(last["size"])]
        out.append(
            (
                int(first["format"]),
                int(first["channels"]),
                float(first["scale"]),
                float(first["offset"]),
                bytes(raw),
            )
        )
    return out


def _most(table: Table, counts: NDArray[np.int64]) -> tuple[int, int]:
    """Interval and channels of most samples; of as many the shorter interval."""
    kinds: dict[tuple[int, int], int] = {}
    columns = zip(
        table["interval_ns"].tolist(), table["channels"].tolist(), counts.tolist(), strict=True
    )
    for interval_ns, channels, count in columns:
        kinds[interval_ns, channels] = kinds.get((interval_ns, channels), 0) + count
    return min(kinds, key=lambda kind: (-kinds[kind], kind))


def identities(batches: Sequence[Table]) -> tuple[NDArray[np.int64], ...]:
    """Device, boot and n of all frames of some tables, as columns."""
    return tuple(
        np.concatenate([table[name].astype(np.int64) for table in batches])
        for name in ("device", "boot", "n")
    )
