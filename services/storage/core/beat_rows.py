"""Beats on their way to ``signal.beat``: each once, in its highest revision."""

import numpy as np

from shared.contracts.beats import BeatClass
from shared.contracts.records import Table

COLUMNS = ("device_id", "t", "kind", "class", "revision", "rr_ms", "quality")
"""Columns of ``signal.beat`` in the order in which rows are written."""

_KINDS = (">i4", ">i8", ">i2", ">i2", ">i2", ">f4", ">f4")
_FIELD_OF = {"device_id": "device"}
_COPY_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(
            field
            for name, kind in zip(COLUMNS, _KINDS, strict=True)
            for field in ((f"{name}_length", ">i4"), (name, kind))
        ),
    ]
)


def beat_rows(table: Table) -> Table:
    """The beats (of `BEAT`, in any order) sorted by key, each in its highest revision.

    Of one revision told twice the one with a class counts: it is judged later than it is seen.
    """
    unjudged = table["class"] == BeatClass.UNCLASSIFIED
    table = table[np.lexsort((unjudged, -table["revision"].astype(np.int64), *_keys(table)))]
    first = np.ones(len(table), dtype=np.bool_)
    if len(table) > 1:
        same = [column[1:] == column[:-1] for column in _keys(table)]
        first[1:] = ~np.logical_and.reduce(same)
    rows: Table = table[first]
    return rows


def copy_payload(table: Table) -> bytes:
    """The beats in the binary form of PostgreSQL's COPY, columns in the order of `COLUMNS`."""
    out = np.empty(len(table), dtype=_COPY_ROW)
    out["fields"] = len(COLUMNS)
    for name, kind in zip(COLUMNS, _KINDS, strict=True):
        out[f"{name}_length"] = np.dtype(kind).itemsize
        out[name] = table[_FIELD_OF.get(name, name)]
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + out.tobytes() + b"\xff\xff"


def _keys(table: Table) -> tuple[Table, ...]:
    """Columns of the key, the most significant last, as lexsort wants them."""
    return table["kind"], table["t"], table["device"]
