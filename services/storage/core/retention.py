"""What is kept how long, and what an erasure has removed."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np

from services.storage.core.block_rows import BlockKey, BlockRow, block_row, read_block
from services.storage.core.partitions import WIDTH_US, Partitioned, outlived
from shared.contracts.frames import FrameBatch
from shared.contracts.instants import DAY, MINUTE, to_text

STEP_US = DAY
"""Rows of a patient are removed day by day: each step is a short transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How long each table keeps what is in it, in microseconds."""

    partitions: Mapping[Partitioned, int]
    events_us: int
    conflicts_us: int
    commands_us: int

    def is_outlived(self, table: Partitioned, starts_us: list[int], now_us: int) -> list[int]:
        """Partitions of a table that go; hours of frames never do, compaction empties them."""
        keep_us = self.partitions.get(table)
        if keep_us is None:
            return []
        return outlived(table, starts_us, now_us=now_us, keep_us=keep_us)


class DeviceTime(NamedTuple):
    """What a device sent in a time, [start, end)."""

    device: int
    start_us: int
    end_us: int


class Erasure(NamedTuple):
    """An erasure that is under way."""

    request: int
    patient: int
    patient_key: str
    reason: str
    requested_by: str
    requested_us: int
    fenced_us: int
    removed: dict[str, int]


def steps(start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
    """A time cut into days."""
    while start_us < end_us:
        end = min(end_us, (start_us // STEP_US + 1) * STEP_US)
        yield start_us, end
        start_us = end


def is_inside(key: BlockKey, time: DeviceTime) -> bool:
    """Whether a block lies in that time as a whole, whatever frames it holds."""
    return time.start_us <= key.t0 and key.t0 + MINUTE <= time.end_us


def without(key: BlockKey, content: bytes, time: DeviceTime) -> BlockRow | None:
    """The block without the frames that begin in that time; None when nothing is left.

    Raises
    ------
    Invalid : the block cannot be read
    """
    batch = read_block(key, content)
    t0 = batch.table["t0"]
    stays = (t0 < time.start_us) | (t0 >= time.end_us)
    if not stays.any():
        return None
    return block_row(key, _only(batch, np.flatnonzero(stays).tolist()))


def _only(batch: FrameBatch, places: list[int]) -> FrameBatch:
    table = batch.table[places]
    samples = b"".join(bytes(batch.sample_bytes(place)) for place in places)
    ends = np.cumsum(table["size"], dtype=np.int64)
    table["start"] = ends - table["size"]
    return FrameBatch(table, memoryview(samples))


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Counts of both, by table."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}


def certificate(erasure: Erasure, *, done_us: int) -> tuple[str, str]:
    """The text that certifies an erasure, and its SHA-256 in hex.

    The text is JSON with sorted keys, so that anybody can compute the hash again. It names the
    patient by the opaque key alone.
    """
    said = {
        "certificate": "erasure",
        "request": erasure.request,
        "patient": erasure.patient_key,
        "reason": erasure.reason,
        "requested_by": erasure.requested_by,
        "requested_at": to_text(erasure.requested_us),
        "nothing_let_in_since": to_text(erasure.fenced_us),
        "done_at": to_text(done_us),
        "removed_rows": erasure.removed,
        "not_covered": [
            "backups and write-ahead log made before",
            "messages in the streams until their retention in bytes has passed",
            "texts that a device itself shows until it is configured anew",
            "the audit trail, which holds no data of the patient",
        ],
    }
    text = msgspec.json.encode(said, order="sorted").decode()
    return text, hashlib.sha256(text.encode()).hexdigest()


assert set(WIDTH_US) == set(Partitioned)
