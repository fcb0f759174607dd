"""Makes the table of GLI-2012 for the api from the look-up workbook that goes with the paper.

    python -m tests.accuracy.make_lung_function_table GLI-2012.xlsx OTHER.csv

The workbook ships with the package spiref 1.0.4 (MIT), OTHER.csv with spiro-zscore 0.4.0: the
tables of the SAS macro in four decimals. Both are needed: where they do not agree to the rounding
of the second, nothing is taken. Needs openpyxl, which is no requirement of ours.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

from openpyxl import load_workbook  # type: ignore[import-untyped,import-not-found,unused-ignore]

TARGET = Path(__file__).parents[2] / "services/api/resources/spirometry/gli_2012.json"
SHEETS = {
    "fev1": "FEV1",
    "fvc": "FVC",
    "fev1_fvc": "FEV1FVC",
    "fef25_75": "FEF2575",
    "fef75": "FEF75",
}
SEXES = {"male": ("males", "1"), "female": ("females", "2")}
FIRST_ROW, AGES = 3, 369  # 3 to 95 years in quarters
ROUNDED = 6e-5


def read_sheet(sheet: Any) -> dict[str, list[float]]:
    """Coefficients and splines of one sheet: columns B to E, I, L and O."""
    rows = [
        [sheet.cell(row, column).value for column in (2, 3, 4, 5)]
        for row in range(FIRST_ROW, FIRST_ROW + AGES)
    ]
    known = [row for row in rows if isinstance(row[0], int | float)]
    assert [row[0] for row in known] == [3 + 0.25 * k for k in range(len(known))]
    s = [sheet.cell(row, 12).value for row in (4, 6, 7, 8, 9, 10)]
    return {
        "a": [float(sheet.cell(row, 9).value) for row in range(4, 11)],
        "p": [float(value) for value in s],
        "q": [float(sheet.cell(row, 15).value) for row in (4, 6)],
        "l": [round(float(row[1]), 7) for row in known],
        "m": [round(float(row[2]), 7) for row in known],
        "s": [round(float(row[3]), 7) for row in known],
    }


def agrees(mine: dict[str, list[float]], other: list[dict[str, str]]) -> bool:
    """Whether the other copy says the same, to its rounding."""
    if len(other) < len(mine["m"]) or not other:
        return False
    first = other[0]
    for name, values in (("a", mine["a"]), ("p", mine["p"]), ("q", mine["q"])):
        if any(abs(float(first[f"{name}{k}"]) - value) > ROUNDED for k, value in enumerate(values)):
            return False
    return all(
        abs(float(row[f"{name}0"]) - value) <= ROUNDED
        for name in ("l", "m", "s")
        for row, value in zip(other, mine[name], strict=False)
    )


def main(workbook: Path, other: Path) -> None:
    """Write the table; say what was left out."""
    sheets = load_workbook(workbook, data_only=True)
    with other.open() as file:
        rows = list(csv.DictReader(file))
    table: dict[str, Any] = {}
    for measure, sheet in SHEETS.items():
        for sex, (word, code) in SEXES.items():
            mine = read_sheet(sheets[f"{sheet} {word}"])
            theirs = [row for row in rows if (row["sex"], row["f"]) == (code, sheet)]
            if not agrees(mine, theirs):
                sys.stderr.write(f"left out, the copies differ: {measure} {sex}\n")
                continue
            if not any(mine["l"]):
                mine["l"] = []
            table.setdefault(measure, {})[sex] = mine
    text = (
        json.dumps(table, separators=(",", ":")).replace('"},"', '"},\n"').replace('],"', '],\n"')
    )
    TARGET.write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
