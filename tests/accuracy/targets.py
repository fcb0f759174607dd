"""What is wanted of the estimators, and where in a scorer's answers each figure stands.

Targets and the best of others were set before the project began: others were given the same
recordings, most of them each record whole.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Answers = Mapping[str, Rows]
Figure = Callable[[Answers], float | None]
UNSEEN_CLASSES = "ecg_classes_unseen"


class Seen(Enum):
    """What was known of the recordings that a figure is of."""

    NO = ""
    LEARNED = "L"  # the shipped nets have learned from them
    CHOSEN = "C"  # constants were chosen looking at them


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One number that is wanted.

    Attributes
    ----------
    wanted : at least this, or with `is_most` at most
    peer : the best that others reach on the same recordings
    page : of `docs/science`, where is told what was tried
    seen : why the figure is optimistic, if it is
    unseen : the same of people whom no net has seen and no constant was chosen on; it is judged by
        this where there is one. A number stands on `page`, with the program that gives it.
    unseen_seen : what makes even that figure optimistic
    """

    task: str
    what: str
    wanted: float
    figure: Figure
    peer: str
    page: str
    is_most: bool = False
    unit: str = "%"
    seen: Seen = Seen.NO
    unseen: Figure | float | None = None
    unseen_seen: Seen = Seen.NO

    def unseen_of(self, answers: Answers) -> float | None:
        return self.unseen(answers) if callable(self.unseen) else self.unseen

    def is_met(self, answers: Answers) -> bool | None:
        """By the figure of unseen people where there is one; None where nothing was scored."""
        unseen = self.unseen_of(answers)
        figure = self.figure(answers) if unseen is None else unseen
        if figure is None:
            return None
        return figure <= self.wanted if self.is_most else figure >= self.wanted

    @property
    def wish(self) -> str:
        if self.wanted == (0 if self.is_most else 100):
            return f"{self.wanted:g}{self.with_unit}"
        return f"{'≤' if self.is_most else '≥'} {self.wanted:g}{self.with_unit}"

    @property
    def with_unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


def of(task: str, record: str, key: str) -> Figure:
    """A value of the row of that name."""

    def figure(answers: Answers) -> float | None:
        for row in answers.get(task, ()):
            if name_of(row) == record:
                return number(row.get(key))
        return None

    return figure


def least(task: str, key: str) -> Figure:
    """The lowest value of a record."""

    def figure(answers: Answers) -> float | None:
        values = [number(row.get(key)) for row in answers.get(task, ()) if name_of(row) != "TOTAL"]
        known = [value for value in values if value is not None]
        return min(known) if known else None

    return figure


def pooled(task: str, group: str, share: str, count: str, **others: float) -> Figure:
    """A share in percent over all records of a group, each weighed by its count."""

    def figure(answers: Answers) -> float | None:
        hits = total = 0.0
        for row in answers.get(task, ()):
            if name_of(row).startswith(group) and all(row.get(k) == v for k, v in others.items()):
                value, n = number(row.get(share)), number(row.get(count))
                if value is not None and n:
                    hits, total = hits + value * n, total + n
        return hits / total if total else None

    return figure


def written(page: Path, row: str, column: int) -> Figure:
    """A number that another program wrote into a table of a page; columns from 0."""

    def figure(_: Answers) -> float | None:
        for line in page.read_text().splitlines() if page.is_file() else ():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[0] == row and re.fullmatch(r"[\d.,]+", cells[column]):
                return float(cells[column].replace(",", ""))
        return None

    return figure


def name_of(row: Mapping[str, Any]) -> str:
    return str(next(iter(row.values())))


def number(value: object) -> float | None:
    if isinstance(value, int | float) and not math.isnan(value):
        return float(value)
    return None
