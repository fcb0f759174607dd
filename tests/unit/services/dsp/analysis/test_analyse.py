"""A recording in a file becomes a report: the same numbers as the service would give."""

import csv
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from services.dsp.analysis.__main__ import main
from services.dsp.analysis.computing import analysed
from services.dsp.analysis.opening import open_recording
from services.dsp.core.recomputation import recompute
from shared.recordings.csv_table import Column, Kind, csv_head, csv_rows
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.core.test_lane import START_US, rows

DURATION_S = 150
RATE_HZ = 250


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half minutes of ECG of 72 beats a minute with a hole of half a minute."""
    beats = signals.beat_times(72, DURATION_S)
    values = signals.ecg(beats, DURATION_S, RATE_HZ)
    times = START_US + np.arange(len(values), dtype=np.int64) * (1_000_000 // RATE_HZ)
    kept = (times < START_US + 80_000_000) | (times >= START_US + 110_000_000)
    columns = [Column("time", Kind.TIME), Column("II", Kind.NUMBER, "mV")]
    path = tmp_path_factory.mktemp("recording") / "night.csv"
    path.write_bytes(
        csv_head(columns) + csv_rows(columns, {"time": times[kept], "II": values[kept]})
    )
    return path


def test_a_report_holds_numbers_tables_and_pictures(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recording.parent / "report"
    assert main([str(recording), "--out", str(folder)]) == 0
    assert "heart_rate" in capsys.readouterr().out
    summary = json.loads((folder / "summary.json").read_text())
    (rate,) = [one for one in summary["measures"] if one["measure"] == "heart_rate"]
    assert rate["median"] == pytest.approx(72, abs=1)
    assert 80 < rate["values"] < DURATION_S - 30
    (ecg,) = summary["streams"]
    assert (ecg["stream"], ecg["rate_hz"], ecg["seconds"]) == ("ecg", RATE_HZ, DURATION_S - 30)
    with (folder / "beats.csv").open() as file:
        beats = list(csv.DictReader(file))
    times = np.array([float(beat["seconds"]) for beat in beats])
    assert np.median(np.diff(times)) == pytest.approx(60 / 72, abs=0.02)
    assert summary["beats"][0]["number"] == len(beats)
    with (folder / "vitals.csv").open() as file:
        vitals = list(csv.DictReader(file))
    assert {one["measure"] for one in vitals} >= {"heart_rate"}
    with (folder / "events.csv").open() as file:
        assert {one["kind"] for one in csv.DictReader(file)} >= {"samples_missing"}
    svg = "{http://www.w3.org/2000/svg}"
    for name in ("trend-recorder-heart_rate-ecg_beat_intervals", "ecg-recorder"):
        drawn = ET.fromstring((folder / f"{name}.svg").read_text())  # noqa: S314 - our own
        assert drawn.findall(f"{svg}path")
    marks = ET.fromstring((folder / "ecg-recorder.svg").read_text())  # noqa: S314 - our own
    assert len(marks.findall(f"{svg}circle")) == (times < 60).sum()


def test_parts_of_a_file_give_what_one_run_gives(recording: Path) -> None:
    frames = open_recording(recording, None, {}).frames
    in_parts, at_once = analysed(frames), recompute(frames)
    mine = np.unique(in_parts.vitals)
    assert rows([recompute(frames, only=1)]) == rows([at_once])
    together = np.concatenate([table for table in at_once.vitals if len(table)])
    assert np.array_equal(np.sort(mine["t"]), np.sort(together["t"]))
    assert sorted(row.tobytes() for row in in_parts.vitals) == sorted(
        row.tobytes() for row in together
    )


def test_what_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = tmp_path / "notes.txt"
    strange.write_text("hello")
    assert main([str(strange)]) == 1
    assert "nobody knows this kind of file" in capsys.readouterr().err
    broken = tmp_path / "broken.csv"
    broken.write_text("time;ECG [mV]\nx;y\n")
    assert main([str(broken)]) == 1
    assert "broken.csv (csv)" in capsys.readouterr().err
    assert main([str(tmp_path / "absent.edf")]) == 1
