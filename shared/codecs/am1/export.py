"""The blocks of an AM1's export to the byte: eleven lines, a column a result. See README.md."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

ENQUIRY, ACKNOWLEDGE = b"\x05", b"\x06"
"""The meter and its reader synchronise with these."""
EXPORT, CLEAR = b"B01\r", b"L\r"
"""What the meter is told; by whoever reads it, for it has no link of its own."""
LINE_END = b"\r\n"
LONGEST_LINE = 999
MOST_RESULTS = 400
"""In the meter's memory, by the source."""
N_LINES = 11
LARGEST_BLOCK = N_LINES * LONGEST_LINE
N_VALUES = 7
CODES: tuple[tuple[bytes, ...], ...] = (
    (b"PEF ",),
    (b"FVC ", b"PEF "),  # printed as PEF a second time
    (b"FEV1",),
    (b"FE75",),
    (b"FE50",),
    (b"FE25",),
    (b"FEFM",),
    (b"DATE",),
    (b"TIME",),
    (b"MODE",),
    (b"END ",),
)
"""What may stand in front of each line, in their order; the first is what we write."""
DATE_LINE, TIME_LINE, MODE_LINE = 7, 8, 9
_HEAD = 3 + 4
_VALUE = re.compile(rb"\d{0,5}")
_DATE = re.compile(rb"(\d\d)\.(\d\d)\.(\d{4}|\d\d)")
_TIME = re.compile(rb"(\d\d)\.(\d\d)(?:\.(\d\d))?")
_MODE = re.compile(rb"[ -9;-~]{0,16}")


class Result(NamedTuple):
    """One blow: local time, mode, and the values in the order of the lines; None: not measured."""

    taken: datetime
    mode: str
    values: tuple[int | None, ...]


class BadLine(NamedTuple):
    """Why an export is none; ``line`` from 1."""

    line: int
    detail: str


def read_block(data: bytes, at: int = 0, line: int = 1) -> tuple[list[Result], int] | BadLine:
    """Give the results of the block that begins at ``at``, and where it ends."""
    columns: list[list[bytes]] = []
    for codes in CODES:
        number = line + len(columns)
        length = data[at : at + 3]
        if not (len(length) == 3 and length.isdigit()):
            return BadLine(number, "a line begins with its length, three digits")
        end = at + int(length)
        if data.find(LINE_END, at) + 2 != end:
            return BadLine(number, f"the line has not the {int(length)} bytes that it tells")
        if data[at + 3 : at + _HEAD] not in codes:
            return BadLine(number, f"{codes[0].decode()!r} is expected here")
        columns.append(data[at + _HEAD : end - 2].split(b":"))
        at = end
    if columns.pop() != [b""]:
        return BadLine(line + N_LINES - 1, "nothing stands in the last line")
    for index, column in enumerate(columns):
        if len(column) != len(columns[0]):
            return BadLine(line + index, f"{len(column)} results, and {len(columns[0])} of PEF")
    results: list[Result] = []
    for number in range(len(columns[0])):
        result = _read_result([column[number] for column in columns], line)
        if isinstance(result, BadLine):
            return result
        results.append(result)
    return results, at


def encode_block(results: Sequence[Result]) -> bytes:
    """Give the block of these results.

    Raises
    ------
    ValueError : they do not fit: too many, too large, or none
    """
    columns: list[list[str]] = [[] for _ in range(N_LINES - 1)]
    for taken, mode, values in results:
        for index, value in enumerate(values):
            columns[index].append("" if value is None else str(value))
        columns[DATE_LINE].append(f"{taken:%d.%m.%Y}")
        columns[TIME_LINE].append(f"{taken:%H.%M.%S}")
        columns[MODE_LINE].append(mode)
    lines = [":".join(column).encode("ascii") for column in columns] + [b""]
    block = b""
    for codes, text in zip(CODES, lines, strict=True):
        length = _HEAD + len(text) + len(LINE_END)
        if length > LONGEST_LINE:
            raise ValueError(f"a line has at most {LONGEST_LINE} bytes")
        block += b"%03d%s%s%s" % (length, codes[0], text, LINE_END)
    read = read_block(block)
    if isinstance(read, BadLine) or read[0] != [Result(*result) for result in results]:
        raise ValueError("these results do not fit an export")
    return block


def _read_result(cells: Sequence[bytes], line: int) -> Result | BadLine:
    """Give one result of the cells of its column, in the order of the lines."""
    values: list[int | None] = []
    for index, cell in enumerate(cells[:N_VALUES]):
        if not _VALUE.fullmatch(cell):
            return BadLine(line + index, "a value is a whole number of at most five digits")
        values.append(int(cell) if cell else None)
    date = _DATE.fullmatch(cells[DATE_LINE])
    if date is None:
        return BadLine(line + DATE_LINE, "a date is written 31.12.2026")
    time = _TIME.fullmatch(cells[TIME_LINE])
    if time is None:
        return BadLine(line + TIME_LINE, "a time is written 23.59.59")
    day, month, year = (int(part) for part in date.groups())
    hour, minute, second = (int(part or 0) for part in time.groups())
    try:
        taken = datetime(year if year > 99 else 2_000 + year, month, day)  # noqa: DTZ001 - local
    except ValueError:
        return BadLine(line + DATE_LINE, "there is no such day")
    try:
        taken = taken.replace(hour=hour, minute=minute, second=second)
    except ValueError:
        return BadLine(line + TIME_LINE, "there is no such time of day")
    mode = cells[MODE_LINE]
    if not _MODE.fullmatch(mode):
        return BadLine(line + MODE_LINE, "a mode is at most 16 printable characters")
    return Result(taken, mode.decode("ascii"), tuple(values))
