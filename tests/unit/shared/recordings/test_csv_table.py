import csv
import io
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.recordings.csv_table import Column, Kind, csv_head, csv_rows, csv_text

COLUMNS = (
    Column("time", Kind.TIME),
    Column("value", Kind.NUMBER, "/min"),
    Column("n", Kind.INTEGER),
    Column("note", Kind.TEXT),
)


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


def test_a_table_is_written_with_units_times_and_empty_cells() -> None:
    data = csv_head(COLUMNS) + csv_rows(
        COLUMNS,
        {
            "time": [0, 1_795_262_400_123_456],
            "value": np.array([math.nan, -61.5]),
            "n": [None, 3],
            "note": [None, 'says "hm, so"'],
        },
    )
    assert data.endswith(b"\r\n")
    assert read(data) == [
        ["time", "value [/min]", "n", "note"],
        ["1970-01-01T00:00:00.000000+00:00", "", "", ""],
        ["2026-11-21T12:00:00.123456+00:00", "-61.5", "3", 'says "hm, so"'],
    ]
    assert csv_rows(COLUMNS, {"time": [], "value": [], "n": [], "note": []}) == b""


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_no_text_is_a_formula_and_every_text_comes_back(text: str) -> None:
    ((first, last),) = read(f"{csv_text(text)},x\r\n".encode())
    assert last == "x"
    assert not first.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert first.removeprefix("'") == text.removeprefix("'")


@given(st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=20))
def test_counts_come_back_from_their_values(counts: list[int]) -> None:
    scale = float(np.float32(0.001))
    data = csv_rows(COLUMNS[1:2], {"value": np.array(counts) * scale})
    assert [round(float(row[0]) / scale) for row in read(data)] == counts
