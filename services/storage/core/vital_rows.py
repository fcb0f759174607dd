"""Values on their way to ``signal.vital``: which are kept, and how they share a row.

Live values come every second. Kept is the first of each five seconds, and every change of state;
of revised values (revision above 0) all are kept, because each must replace what it corrects.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.instants import SECOND
from shared.contracts.records import Table
from shared.contracts.vitals import VITAL

KEEP_EVERY_US = 5 * SECOND

COLUMNS = (
    "patient_id", "t", "device_id", "received",
    "measure", "method", "value", "quality", "validity", "flags", "revision",
)  # fmt: skip
"""Columns of ``signal.vital`` in the order in which rows are written."""

ARRAYS = COLUMNS[4:]
_INT2, _INT4, _FLOAT4 = 21, 23, 700  # object ids of the types in PostgreSQL's pg_type
_ELEMENTS: tuple[tuple[int, str, int], ...] = (
    (_INT2, "h", 2), (_INT2, "h", 2), (_FLOAT4, "f", 4), (_FLOAT4, "f", 4),
    (_INT2, "h", 2), (_INT4, "i", 4), (_INT2, "h", 2),
)  # fmt: skip
_ARRAY_HEAD_BYTES = 20


class Value(NamedTuple):
    """One value of an emission, as in ``vitals.v1``."""

    measure: int
    method: int
    value: float
    quality: float
    validity: int
    flags: int
    revision: int


class EmissionKey(NamedTuple):
    """Key of one row of ``signal.vital``."""

    patient: int
    t: int
    device: int


class Emission(NamedTuple):
    """One row of ``signal.vital``. `values` are sorted, each (measure, method) stands once."""

    key: EmissionKey
    received: int
    values: tuple[Value, ...]


class _Last(NamedTuple):
    t: int
    slot: int
    state: tuple[int, int]


class Thinning:
    """Decides which live values are kept; remembers the newest value of each kind.

    The decision depends on the values alone, in the order of the stream. After a restart the
    memory is rebuilt from the stream's last messages (see `warm`): five seconds of them suffice,
    because a value whose predecessor is older is kept in any case.

    Parameters
    ----------
    bound : kinds (patient, device, measure, method) remembered; the longest unused go first
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._last: dict[tuple[int, int, int, int], _Last] = {}

    def __len__(self) -> int:
        return len(self._last)

    def keep(self, table: Table) -> NDArray[np.bool_]:
        """Which values (of `VITAL`, in the order of the stream) are kept."""
        kept = np.ones(len(table), dtype=np.bool_)
        rows = zip(
            table["patient"].tolist(),
            table["device"].tolist(),
            table["measure"].tolist(),
            table["method"].tolist(),
            table["t"].tolist(),
            table["validity"].tolist(),
            table["flags"].tolist(),
            table["revision"].tolist(),
            strict=True,
        )
        last = self._last
        for index, (patient, device, measure, method, t, validity, flags, revision) in enumerate(
            rows
        ):
            if revision > 0:
                continue
            kind = (patient, device, measure, method)
            before = last.pop(kind, None)
            if before is not None and t <= before.t:
                last[kind] = before  # told again: it was decided the first time
                kept[index] = False
                continue
            state, slot = (validity, flags), t // KEEP_EVERY_US
            last[kind] = _Last(t, slot, state)
            kept[index] = before is None or slot != before.slot or state != before.state
        while len(last) > self.bound:
            del last[next(iter(last))]
        return kept

    def warm(self, table: Table) -> None:
        """Take in values that were decided before a restart."""
        self.keep(table)

    def forget(self) -> None:
        """Know nothing any more."""
        self._last.clear()


def emissions(table: Table) -> list[Emission]:
    """Rows of ``signal.vital`` for values in any order, sorted by key.

    Of one (measure, method) the highest revision counts, and of one revision the first.
    """
    order = np.lexsort((table["device"], table["t"], table["patient"]))
    table = table[order]
    found: dict[EmissionKey, tuple[int, list[Value]]] = {}
    keys = map(
        EmissionKey, table["patient"].tolist(), table["t"].tolist(), table["device"].tolist()
    )
    columns = (
        table[name].tolist()
        for name in ("measure", "method", "value", "quality", "validity", "flags", "revision")
    )
    for key, received, value in zip(
        keys, table["received"].tolist(), map(Value, *columns), strict=True
    ):
        newest, values = found.setdefault(key, (received, []))
        values.append(value)
        if received > newest:
            found[key] = (received, values)
    return [
        Emission(key, received, _highest_of_each(values))
        for key, (received, values) in found.items()
    ]


def merge(stored: Emission, fresh: Emission) -> Emission | None:
    """The row that holds both, or None where the stored one says it all already."""
    values = _highest_of_each((*stored.values, *fresh.values))
    if [_bits(value) for value in values] == [_bits(value) for value in stored.values]:
        return None
    return Emission(stored.key, max(stored.received, fresh.received), values)


def copy_payload(rows: Sequence[Emission]) -> bytes:
    """The rows in the binary form of PostgreSQL's COPY, columns in the order of `COLUMNS`."""
    parts = [b"PGCOPY\n\xff\r\n\0" + bytes(8)]
    for row in rows:
        count = len(row.values)
        flat: list[Any] = [len(COLUMNS), 4, row.key.patient, 8, row.key.t, 4, row.key.device]
        flat += [8, row.received]
        for (oid, _, size), column in zip(_ELEMENTS, zip(*row.values, strict=True), strict=True):
            flat += [_ARRAY_HEAD_BYTES + count * (4 + size), 1, 0, oid, count, 1]
            for item in column:
                flat += (size, item)
        parts.append(_row_struct(count).pack(*flat))
    parts.append(b"\xff\xff")
    return b"".join(parts)


@cache
def _row_struct(count: int) -> struct.Struct:
    arrays = "".join(f"iiiiii{f'i{code}' * count}" for _, code, _ in _ELEMENTS)
    return struct.Struct(f">hiiiqiiiq{arrays}")


def columns_of(rows: Sequence[Emission]) -> tuple[list[Any], ...]:
    """The rows as one list a column, in the order of `COLUMNS`; arrays as lists."""
    lists: tuple[list[Any], ...] = tuple([] for _ in COLUMNS)
    for row in rows:
        head = (row.key.patient, row.key.t, row.key.device, row.received)
        for column, item in zip(lists, (*head, *zip(*row.values, strict=True)), strict=True):
            column.append(item)
    return lists


def stored_emission(record: Sequence[Any]) -> Emission:
    """The row of ``signal.vital`` whose columns are in the order of `COLUMNS`."""
    patient, t, device, received, *arrays = record
    return Emission(EmissionKey(patient, t, device), received, tuple(map(Value, *arrays)))


def _highest_of_each(values: Iterable[Value]) -> tuple[Value, ...]:
    best: dict[tuple[int, int], Value] = {}
    for value in values:
        kind = (value.measure, value.method)
        known = best.get(kind)
        if known is None or value.revision > known.revision:
            best[kind] = value
    return tuple(best[kind] for kind in sorted(best))


def _bits(value: Value) -> bytes:
    """The value so that NaN equals itself."""
    return struct.pack("<hhffhih", *value)


assert VITAL.names is not None
assert {"patient", "device", "t", "measure", "method"} <= set(VITAL.names)
