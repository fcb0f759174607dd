"""``beats.v1``: heart beats and pulses, many in one message, on ``vitals.{lane}``."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from shared.contracts.records import BadBatch, BatchFault, RecordFormat, Table

BEAT = np.dtype(
    [
        ("t", "<i8"),  # us UTC of the R peak or the pulse foot
        ("device", "<i4"),
        ("rr_ms", "<f4"),  # to the beat before; NaN after a gap
        ("quality", "<f4"),  # 0 to 1
        ("revision", "<i2"),
        ("kind", "i1"),
        ("class", "i1"),
    ]
)
BEATS = RecordFormat(magic=b"VWB1", version=1, record=BEAT)
assert BEAT.itemsize == 24


class BeatKind(IntEnum):
    """What was seen: an R peak in the ECG, or a pulse foot in the photoplethysmogram."""

    R_PEAK = 1
    PULSE_FOOT = 2


class BeatClass(IntEnum):
    """Classes of ANSI/AAMI EC57; 0 where nobody judged."""

    UNCLASSIFIED = 0
    N = 1
    S = 2
    V = 3
    F = 4
    Q = 5


@dataclass(frozen=True, slots=True, eq=False)
class BeatBatch:
    """Beats as columns.

    Attributes
    ----------
    table : (beats,) of `BEAT`
    """

    table: Table

    def __len__(self) -> int:
        return len(self.table)


def encode_beats(table: Table) -> bytes:
    """The message that carries the beats of `table` (of `BEAT`)."""
    return BEATS.head(len(table)) + np.ascontiguousarray(table, dtype=BEAT).tobytes()


def decode_beats(body: bytes | memoryview) -> BeatBatch | BadBatch:
    """Read a batch of beats without a copy."""
    split = BEATS.split(body)
    if isinstance(split, BadBatch):
        return split
    table, rest = split
    if len(rest):
        return BadBatch(BatchFault.BAD_EXTENT, f"{len(rest)} bytes behind the last beat")
    return BeatBatch(table)
