"""The common shape of binary batches: a head of 16 bytes, a table of fixed records, a rest.

``magic[4] | version u16 | reserved u16 | count u32 | reserved u32``, then `count` records,
then whatever the format keeps behind them. All little-endian. The head has 16 bytes, so that
every column of the table is aligned.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEAD = struct.Struct("<4sHHII")
HEAD_BYTES = HEAD.size
Table = NDArray[np.void]


class BatchFault(StrEnum):
    """Why the bytes of a batch were refused."""

    TRUNCATED = "truncated"
    WRONG_MAGIC = "wrong_magic"
    UNSUPPORTED_VERSION = "unsupported_version"
    WRONG_COUNT = "wrong_count"
    BAD_EXTENT = "bad_extent"


@dataclass(frozen=True, slots=True)
class BadBatch:
    """A batch that cannot be read, with the reason."""

    fault: BatchFault
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFormat:
    """One binary format: its magic, the one version that is written, its record."""

    magic: bytes
    version: int
    record: np.dtype[Any]

    def head(self, count: int) -> bytes:
        """The 16 bytes before `count` records."""
        return HEAD.pack(self.magic, self.version, 0, count, 0)

    def split(self, body: bytes | memoryview) -> tuple[Table, memoryview] | BadBatch:
        """The records of a batch, without a copy, and the bytes behind them."""
        view = memoryview(body)
        if len(view) < HEAD_BYTES:
            return BadBatch(BatchFault.TRUNCATED, f"{len(view)} bytes are less than a head")
        magic, version, _, count, _ = HEAD.unpack_from(view)
        if magic != self.magic:
            return BadBatch(BatchFault.WRONG_MAGIC, f"magic {magic!r}, not {self.magic!r}")
        if version != self.version:
            return BadBatch(
                BatchFault.UNSUPPORTED_VERSION, f"version {version}, not {self.version}"
            )
        end = HEAD_BYTES + count * self.record.itemsize
        if end > len(view):
            return BadBatch(
                BatchFault.TRUNCATED, f"{count} records need {end} bytes, there are {len(view)}"
            )
        return np.frombuffer(view[HEAD_BYTES:end], dtype=self.record), view[end:]
