"""``vitals.v1``: values of vital signs, many in one message."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from shared.contracts.records import BadBatch, BatchFault, RecordFormat, Table

VITAL = np.dtype(
    [
        ("t", "<i8"),  # us UTC: the end of the time that the value speaks of
        ("received", "<i8"),  # us UTC: the newest frame that it rests on
        ("device", "<i4"),
        ("patient", "<i4"),  # 0 while the device is assigned to nobody
        ("value", "<f4"),  # NaN when absent
        ("quality", "<f4"),  # 0 to 1
        ("measure", "<i2"),
        ("revision", "<i2"),
        ("validity", "i1"),
        ("method", "i1"),
        ("flags", "<u2"),
    ]
)
VITALS = RecordFormat(magic=b"VWV1", version=1, record=VITAL)
assert VITAL.itemsize == 40


@dataclass(frozen=True, slots=True, eq=False)
class VitalBatch:
    """Values as columns.

    Attributes
    ----------
    table : (values,) of `VITAL`
    """

    table: Table

    def __len__(self) -> int:
        return len(self.table)


def vital_table(rows: Iterable[tuple[int | float, ...]]) -> Table:
    """A table of `VITAL` from rows in the order of its fields."""
    return np.array(list(rows), dtype=VITAL)


def encode_vitals(table: Table) -> bytes:
    """The message that carries the values of `table` (of `VITAL`)."""
    return VITALS.head(len(table)) + np.ascontiguousarray(table, dtype=VITAL).tobytes()


def decode_vitals(body: bytes | memoryview) -> VitalBatch | BadBatch:
    """Read a batch of values without a copy."""
    split = VITALS.split(body)
    if isinstance(split, BadBatch):
        return split
    table, rest = split
    if len(rest):
        return BadBatch(BatchFault.BAD_EXTENT, f"{len(rest)} bytes behind the last value")
    return VitalBatch(table)
