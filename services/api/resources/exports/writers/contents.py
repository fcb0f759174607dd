"""Rows of the database as columns of a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from services.api.core.alarm_view import alarm_view
from services.api.core.sight import SeenPatient
from shared.contracts.beats import BeatClass, BeatKind
from shared.contracts.events import EventKind
from shared.contracts.instants import DAY, HOUR, Microseconds
from shared.contracts.measures import MEASURES_BY_KEY
from shared.contracts.methods import METHODS
from shared.contracts.quality import Source, Validity, ValueFlag
from shared.recordings.csv_table import Column, Kind

Cells = Callable[[Sequence[Any]], dict[str, list[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a table holds, and how much of its time is read at once."""

    what: str
    columns: Sequence[Column]
    cells: Cells
    window_us: Microseconds


_MEASURES = {int(row.id): row for row in MEASURES_BY_KEY.values()}
_METHODS = {int(number): row.key for number, row in METHODS.items()}
_KINDS = {int(kind): kind.name.lower() for kind in BeatKind}
_CLASSES = {int(kind): kind.name for kind in BeatClass} | {0: "unclassified"}

_WHO = (
    Column("measure", Kind.TEXT),
    Column("unit", Kind.TEXT),
    Column("method", Kind.TEXT),
    Column("source", Kind.TEXT),
    Column("device", Kind.TEXT),
)
TIME = Column("time", Kind.TIME)
_VALUES = (
    TIME, *_WHO, Column("value", Kind.NUMBER), Column("quality", Kind.NUMBER),
    Column("validity", Kind.TEXT), Column("revision", Kind.INTEGER),
)  # fmt: skip
_SUMMARIES = (
    TIME, *_WHO, Column("n", Kind.INTEGER), Column("n_questionable", Kind.INTEGER),
    Column("min", Kind.NUMBER), Column("mean", Kind.NUMBER), Column("max", Kind.NUMBER),
    Column("quality", Kind.NUMBER),
)  # fmt: skip
_BEATS = (
    TIME, Column("device", Kind.TEXT), Column("kind", Kind.TEXT), Column("class", Kind.TEXT),
    Column("rr", Kind.NUMBER, "ms"), Column("quality", Kind.NUMBER),
)  # fmt: skip
_EVENTS = (
    TIME, Column("id", Kind.TEXT), Column("kind", Kind.TEXT), Column("severity", Kind.TEXT),
    Column("source", Kind.TEXT), Column("device", Kind.TEXT), Column("text_key", Kind.TEXT),
    Column("data", Kind.TEXT),
)  # fmt: skip


def _who(rows: Sequence[Any]) -> dict[str, list[Any]]:
    measures = [_MEASURES.get(row["measure"]) for row in rows]
    return {
        "time": [row["t"] for row in rows],
        "measure": [one.key if one is not None else None for one in measures],
        "unit": [one.unit if one is not None else None for one in measures],
        "method": [_METHODS.get(row["method"], str(row["method"])) for row in rows],
        "source": [
            (Source.DEVICE if row["flags"] & ValueFlag.DEVICE else Source.COMPUTED).value
            for row in rows
        ],
        "device": [row["device"] for row in rows],
        "quality": [_rounded(row["quality"], 4) for row in rows],
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """Without the digits that a stored single precision number does not have."""
    return None if value is None else round(value, digits)


def _numbers(rows: Sequence[Any], name: str) -> list[float | None]:
    """Numbers of measures, two digits finer than the measure is told."""
    return [
        _rounded(row[name], _MEASURES[row["measure"]].decimals + 2)
        if row["measure"] in _MEASURES
        else row[name]
        for row in rows
    ]


def _value_cells(rows: Sequence[Any]) -> dict[str, list[Any]]:
    return _who(rows) | {
        "value": _numbers(rows, "value"),
        "validity": [Validity(row["validity"]).key for row in rows],
        "revision": [row["revision"] for row in rows],
    }


def _summary_cells(rows: Sequence[Any]) -> dict[str, list[Any]]:
    return _who(rows) | {
        "n": [row["n"] for row in rows],
        "n_questionable": [row["n_questionable"] for row in rows],
        "min": _numbers(rows, "low"),
        "mean": _numbers(rows, "mean"),
        "max": _numbers(rows, "high"),
    }


def _beat_cells(rows: Sequence[Any]) -> dict[str, list[Any]]:
    return {
        "time": [row["t"] for row in rows],
        "device": [row["device"] for row in rows],
        "kind": [_KINDS.get(row["kind"], str(row["kind"])) for row in rows],
        "class": [_CLASSES.get(row["class"], str(row["class"])) for row in rows],
        "rr": [_rounded(row["rr_ms"], 3) for row in rows],
        "quality": [_rounded(row["quality"], 4) for row in rows],
    }


def _event_cells(rows: Sequence[Any], patient: SeenPatient) -> dict[str, list[Any]]:
    names = ("id", "kind", "severity", "source", "device", "text_key")
    told = [
        alarm_view(row["data"], patient) if row["kind"] == EventKind.ALARM else row["data"]
        for row in rows
    ]
    return {name: [row[name] for row in rows] for name in names} | {
        "time": [row["t"] for row in rows],
        "data": [orjson.dumps(one).decode() for one in told],
    }


def events_of(patient: SeenPatient) -> Content:
    """Events, alarms among them as people know them."""
    return Content(
        what="events",
        columns=_EVENTS,
        cells=partial(_event_cells, patient=patient),
        window_us=DAY,
    )


VALUES = Content(
    what="vitals_values", columns=_VALUES, cells=_value_cells, window_us=Microseconds(2 * HOUR)
)
MINUTES = Content(
    what="vitals_minutes", columns=_SUMMARIES, cells=_summary_cells, window_us=Microseconds(2 * DAY)
)
HOURS = Content(
    what="vitals_hours", columns=_SUMMARIES, cells=_summary_cells, window_us=Microseconds(60 * DAY)
)
BEATS = Content(what="beats", columns=_BEATS, cells=_beat_cells, window_us=Microseconds(2 * HOUR))
