"""What came out of a recording as a folder: summary, tables, pictures."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from services.dsp.analysis import pictures
from services.dsp.analysis.computing import Analysis
from services.dsp.analysis.opening import Recording
from shared.contracts.beats import BeatClass, BeatKind
from shared.contracts.instants import to_text
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import METHODS, Method
from shared.contracts.quality import Validity, ValueFlag
from shared.contracts.records import Table
from shared.contracts.streams import STREAMS, Stream

SECOND_US = 1_000_000


def write_report(recording: Recording, analysis: Analysis, folder: Path) -> dict[str, Any]:
    """Write all files of the report into a folder that is there; gives the summary.

    Raises
    ------
    OSError : a file cannot be written
    """
    summary = summary_of(recording, analysis)
    begin_us = int(recording.frames.table["t0"].min())
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    (folder / "summary.txt").write_text(text_of(summary))
    _write_csv(folder / "vitals.csv", _VITAL_HEADING, _vital_rows(recording, analysis, begin_us))
    _write_csv(folder / "beats.csv", _BEAT_HEADING, _beat_rows(recording, analysis, begin_us))
    _write_csv(folder / "events.csv", _EVENT_HEADING, _event_rows(recording, analysis, begin_us))
    for name, picture in pictures.of(recording, analysis).items():
        (folder / f"{name}.svg").write_text(picture)
    return summary


def summary_of(recording: Recording, analysis: Analysis) -> dict[str, Any]:
    """What the recording holds and what came out of it, in numbers."""
    table = recording.frames.table
    beats = analysis.beats[analysis.beats["quality"] > 0]
    kinds, counts = np.unique([event.kind.value for event in analysis.events], return_counts=True)
    return {
        "file": recording.name,
        "begins": to_text(int(table["t0"].min())),
        "ends": to_text(int(table["received"].max())),
        "streams": [
            _stream(recording, rows) for rows in _groups(table, "device", "stream", "place")
        ],
        "measures": [
            _measure(recording, rows)
            for rows in _groups(analysis.vitals, "device", "measure", "method")
        ],
        "beats": [
            {
                "device": recording.devices[int(rows["device"][0])],
                "kind": BeatKind(int(rows["kind"][0])).name.lower(),
                "number": len(rows),
                "classes": {
                    kind.name: int((rows["class"] == kind).sum())
                    for kind in BeatClass
                    if (rows["class"] == kind).any()
                },
            }
            for rows in _groups(beats, "device", "kind")
        ],
        "events": dict(zip(kinds.tolist(), counts.tolist(), strict=True)),
    }  # fmt: skip


def _groups(table: Table, *names: str) -> Iterable[Table]:
    if not len(table):
        return
    keys = np.unique(table[list(names)])
    for key in keys:
        yield table[np.logical_and.reduce([table[name] == key[name] for name in names])]


def _stream(recording: Recording, rows: Table) -> dict[str, Any]:
    stream = Stream(int(rows["stream"][0]))
    intervals = rows["interval_ns"][rows["interval_ns"] > 0]
    spans_us = rows["received"] - rows["t0"]
    return {
        "device": recording.devices[int(rows["device"][0])],
        "stream": STREAMS[stream].key,
        "unit": STREAMS[stream].unit,
        "channels": int(rows["channels"].max()),
        "rate_hz": round(1e9 / float(np.median(intervals)), 3) if len(intervals) else None,
        "seconds": round(float(spans_us.sum()) / SECOND_US, 1),
    }


def _measure(recording: Recording, rows: Table) -> dict[str, Any]:
    measure, method = Measure(int(rows["measure"][0])), Method(int(rows["method"][0]))
    given = rows[np.isfinite(rows["value"])]
    absent = rows[~np.isfinite(rows["value"])]
    low, middle, high = (
        [round(float(one), 3) for one in np.percentile(given["value"], (5, 50, 95))]
        if len(given)
        else (None, None, None)
    )
    return {
        "device": recording.devices[int(rows["device"][0])],
        "measure": MEASURES[measure].key,
        "method": METHODS[method].key,
        "unit": MEASURES[measure].unit,
        "values": len(given),
        "questionable": int((given["validity"] == Validity.QUESTIONABLE).sum()),
        "absent": len(absent),
        "absent_because": {
            flag.name.lower(): int(((absent["flags"] & flag) != 0).sum())
            for flag in (
                ValueFlag.LEAD_OFF, ValueFlag.NO_SAMPLES, ValueFlag.ARTEFACT, ValueFlag.SETTLING
            )
            if flag.name and ((absent["flags"] & flag) != 0).any()
        },
        "median": middle,
        "percentile_5": low,
        "percentile_95": high,
        "mean_quality": round(float(given["quality"].mean()), 3) if len(given) else None,
    }  # fmt: skip


def text_of(summary: dict[str, Any]) -> str:
    """The summary for people."""
    lines = [f"{summary['file']}: {summary['begins']} to {summary['ends']}", ""]
    lines += ["Streams"]
    for one in summary["streams"]:
        rate = f"{one['rate_hz']:g} Hz" if one["rate_hz"] else "readings"
        lines.append(
            f"  {one['device']:<12} {one['stream']:<18} {rate:>10}  {one['channels']} ch"
            f"  {one['seconds']:g} s"
        )
    lines += ["", "Measures (5 % | median | 95 %; seconds with a value, doubtful ones, without)"]
    for one in summary["measures"]:
        numbers = "-"
        if one["median"] is not None:
            numbers = f"{one['percentile_5']:g} | {one['median']:g} | {one['percentile_95']:g}"
        lines.append(
            f"  {one['device']:<12} {one['measure']:<18} {one['method']:<26} {numbers:>26} "
            f"{one['unit']:<6} {one['values']}, {one['questionable']}, {one['absent']}"
        )
    lines += ["", "Beats"]
    for one in summary["beats"]:
        classes = " ".join(f"{name} {number}" for name, number in one["classes"].items())
        lines.append(f"  {one['device']:<12} {one['kind']:<18} {one['number']:>8}  {classes}")
    lines += ["", "Events"]
    lines += [f"  {kind:<24} {number}" for kind, number in summary["events"].items()] or ["  none"]
    return "\n".join(lines) + "\n"


_VITAL_HEADING = (
    "time", "seconds", "device", "measure", "method", "unit", "value", "quality", "validity",
    "flags",
)  # fmt: skip
_BEAT_HEADING = ("time", "seconds", "device", "kind", "class", "rr_ms", "quality")
_EVENT_HEADING = ("time", "seconds", "device", "kind", "severity", "data")


def _write_csv(path: Path, heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heading)
        writer.writerows(rows)


def _since(t: int, begin_us: int) -> str:
    return f"{(t - begin_us) / SECOND_US:.6f}".rstrip("0").rstrip(".")


def _number(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""


def _vital_rows(recording: Recording, analysis: Analysis, begin_us: int) -> Iterable[Sequence[Any]]:
    for row in analysis.vitals:
        measure = MEASURES[Measure(int(row["measure"]))]
        flags = [flag.name.lower() for flag in ValueFlag if row["flags"] & flag and flag.name]
        yield (
            to_text(int(row["t"])), _since(int(row["t"]), begin_us),
            recording.devices[int(row["device"])], measure.key,
            METHODS[Method(int(row["method"]))].key, measure.unit, _number(row["value"]),
            _number(row["quality"]), Validity(int(row["validity"])).key, " ".join(flags),
        )  # fmt: skip


def _beat_rows(recording: Recording, analysis: Analysis, begin_us: int) -> Iterable[Sequence[Any]]:
    for row in analysis.beats:
        yield (
            to_text(int(row["t"])), _since(int(row["t"]), begin_us),
            recording.devices[int(row["device"])], BeatKind(int(row["kind"])).name.lower(),
            BeatClass(int(row["class"])).name, _number(row["rr_ms"]), _number(row["quality"]),
        )  # fmt: skip


def _event_rows(recording: Recording, analysis: Analysis, begin_us: int) -> Iterable[Sequence[Any]]:
    for event in analysis.events:
        device = recording.devices.get(event.device or 0, "")
        yield (
            to_text(event.t), _since(event.t, begin_us), device, event.kind.value,
            event.severity.value, json.dumps(event.data),
        )  # fmt: skip
