"""Tables as CSV by RFC 4180, a piece at a time.

A text that a spreadsheet would take for a formula (it begins with =, +, -, @, a tab or a line end)
gets an apostrophe before it: OWASP, CSV injection. Numbers are written as numbers.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MEDIA_TYPE = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_QUOTED = frozenset(',"\r\n')
_END = "\r\n"


class Kind(Enum):
    """What stands in a column."""

    TIME = "time"
    """Microseconds since 1970, written as ISO 8601 with offset"""
    NUMBER = "number"
    INTEGER = "integer"
    TEXT = "text"


class Column(NamedTuple):
    """A column by its name, with the unit of its numbers."""

    name: str
    kind: Kind
    unit: str = ""


Values = Sequence[Any] | NDArray[Any]


def csv_head(columns: Sequence[Column]) -> bytes:
    """The first line: names, with units in brackets."""
    names = [f"{one.name} [{one.unit}]" if one.unit else one.name for one in columns]
    return (",".join(map(csv_text, names)) + _END).encode()


def csv_rows(columns: Sequence[Column], values: Mapping[str, Values]) -> bytes:
    """The lines of these values, a sequence a column; None and NaN are empty."""
    cells = [_cells(column.kind, values[column.name]) for column in columns]
    lines = [",".join(row) for row in zip(*cells, strict=True)]
    return (_END.join(lines) + _END).encode() if lines else b""


def csv_text(text: str) -> str:
    """A text as one cell."""
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    if _QUOTED.isdisjoint(safe):
        return safe
    return '"' + safe.replace('"', '""') + '"'


def _cells(kind: Kind, values: Values) -> list[str]:
    match kind:
        case Kind.TIME:
            times = np.asarray(values, dtype=np.int64).astype("datetime64[us]")
            return [f"{text}+00:00" for text in np.datetime_as_string(times).tolist()]
        case Kind.NUMBER:
            numbers: list[float] = np.asarray(values, dtype=np.float64).tolist()
            return [f"{number:.10g}" if number == number else "" for number in numbers]  # noqa: PLR0124
        case Kind.INTEGER:
            return ["" if number is None else str(int(number)) for number in values]
        case Kind.TEXT:
            return ["" if text is None else csv_text(text) for text in values]
