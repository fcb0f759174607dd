"""Lines of a table as text and numbers, read some at a time.

numpy's reader lets nobody else run, and live data is moved beside it: hence the blocks.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.parking import Reason

BLOCK_BYTES = 65_536
"""Read at once: a few milliseconds."""
STEP_ROWS = 4_096
MOST_COLUMNS = 200
MOST_ROWS = 8_000_000
_HEADING = re.compile(r"(?P<label>.*?)\s*(?:[\[(](?P<unit>[^\])]*)[\])])?\s*")
_ROW = re.compile(r"at row (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """One column: its name without the unit."""

    index: int
    label: str
    unit: str


class Table(NamedTuple):
    """The bytes of a table, without its first line."""

    separator: str
    headings: list[Heading]
    body: bytes


class BadLineError(ValueError):
    """A line cannot be read; ``line`` counts from 1."""

    def __init__(self, line: int, text: str, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(text)
        self.line = line
        self.reason = reason


def table_of(data: bytes, options: Mapping[str, Any]) -> Table:
    """The table that these bytes are; its separator is told, or the most frequent of the names.

    Raises
    ------
    BadLineError : it has too many columns or lines
    """
    first, _, body = data.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    line = first.decode("utf-8", "replace").rstrip("\r")
    separator = str(options.get("separator") or "")
    separator = {"tab": "\t", "semicolon": ";", "comma": ","}.get(separator, separator)
    if not separator:
        separator = max(";\t,", key=line.count)
    if len(separator) != 1 or separator in '"\r\n':
        raise BadLineError(1, "the separator is one character")
    headings = []
    for index, cell in enumerate(line.split(separator)[: MOST_COLUMNS + 1]):
        match = _HEADING.fullmatch(cell.strip().strip('"'))
        assert match is not None, "the pattern takes any text"
        headings.append(
            Heading(index=index, label=match["label"].strip(), unit=(match["unit"] or "").strip())
        )
    if len(headings) > MOST_COLUMNS:
        raise BadLineError(1, f"more than {MOST_COLUMNS} columns")
    if body.count(b"\n") > MOST_ROWS:
        raise BadLineError(MOST_ROWS, f"more than {MOST_ROWS} lines", Reason.TOO_LARGE)
    return Table(separator, headings, body)


def numbers_of(
    table: Table, columns: Sequence[int], options: Mapping[str, Any]
) -> NDArray[np.float64]:
    """(lines, columns), NaN where a cell is empty."""
    has_decimal_comma = str(options.get("decimal") or ".") == ","
    if has_decimal_comma and table.separator == ",":
        raise BadLineError(1, "a comma cannot be decimal and separator")
    separator = re.escape(table.separator.encode())
    # An empty cell is no number to numpy: it is written out.
    inner = re.compile(
        rb"(?<=" + separator + rb")(?=[ ]*(?:" + separator + rb"|\r?$))", re.MULTILINE
    )
    first = re.compile(rb"^(?=" + separator + rb")", re.MULTILINE)

    def written_out(block: bytes) -> bytes:
        block = block.replace(b",", b".") if has_decimal_comma else block
        return first.sub(b"nan", inner.sub(b"nan", block))

    return cells_of(table, columns, np.dtype(np.float64), written_out)


def cells_of(
    table: Table,
    columns: Sequence[int],
    dtype: np.dtype[Any],
    prepare: Callable[[bytes], bytes] = bytes,
) -> NDArray[Any]:
    """The cells of these columns: (lines, columns).

    Block by block: numpy's reader lets nobody else run, and live data is moved beside it.
    """
    found = [np.empty((0, len(columns)), dtype)]
    n_lines = 0
    for block in _blocks(table.body):
        if block.strip():
            try:
                rows = np.loadtxt(
                    io.BytesIO(prepare(block)), dtype=dtype, delimiter=table.separator,
                    usecols=columns, ndmin=2, comments=None, quotechar='"', encoding="latin-1",
                )  # fmt: skip
            except ValueError as error:
                text = str(error)
                row = _ROW.search(text)
                # numpy counts lines from 0, or from 1 where one is too short, without empty ones.
                at = 0 if row is None else int(row[1]) - ("invalid column" in text)
                line = n_lines + line_of(block, at)
                raise BadLineError(line, text.split(" at row", maxsplit=1)[0][:200]) from error
            found.append(rows)
        n_lines += block.count(b"\n")
    return np.concatenate(found)


def _blocks(body: bytes) -> Iterator[bytes]:
    """The lines of a table, some at a time."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start + BLOCK_BYTES) + 1
        end = end or len(body)
        yield body[start:end]
        start = end


def line_of(body: bytes, row: int) -> int:
    """The line of the file in which a row stands: empty lines are none."""
    for number, line in enumerate(body.split(b"\n")):
        if line.strip():
            if row == 0:
                return number + 2
            row -= 1
    return body.count(b"\n") + 2


def in_steps(
    cells: NDArray[np.bytes_], change: Callable[[NDArray[np.bytes_]], NDArray[Any]]
) -> NDArray[Any]:
    """The cells changed, some at a time, as lines are read."""
    return np.concatenate(
        [change(cells[at : at + STEP_ROWS]) for at in range(0, len(cells), STEP_ROWS)]
    )
