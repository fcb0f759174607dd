"""Files against readers of other hands: edfio, wfdb, pyarrow, csv; the samples are the same."""

import csv
import hashlib
import io
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pyarrow.parquet
import pytest

from services.api.core.count_scale import CountScale
from services.api.core.sample_layout import Filler, Stretch
from services.api.resources.exports.writers.signals import (
    BeatMark,
    EdfWriter,
    Recording,
    SignalWriter,
    WfdbWriter,
)
from services.api.resources.exports.writers.tables import CsvWriter, ParquetWriter
from services.api.resources.exports.writers.telecare import TelecareXmlWriter
from shared.recordings import wfdb as own_wfdb
from shared.recordings.csv_table import Column, Kind
from shared.recordings.edf_plus import decode_edf
from shared.recordings.telecare_xml import decode_telecare_xml

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its dependencies
    import wfdb

T0_US = 1_795_262_400_250_000
SCALE = CountScale(scale=float(np.float32(0.001)), offset=0.0, is_exact=True)
COUNTS = np.random.default_rng(2).integers(-32_767, 32_768, (2, 250 * 95 + 17)).astype(np.int16)


def recording(stretches: Sequence[Stretch]) -> Recording:
    return Recording(
        patient="p-7kd2m",
        device="ecg-1",
        place="chest",
        stream="ecg",
        unit="mV",
        channels=("I", "II"),
        interval_ns=4_000_000,
        scales=(SCALE, SCALE),
        stretches=tuple(stretches),
    )


def whole() -> Recording:
    return recording([Stretch(start_us=T0_US, n_samples=COUNTS.shape[1])])


def file_of(writer: SignalWriter, told: Recording, first: int = 0) -> bytes:
    """All samples, cut oddly; of the layout ``told``."""
    filler = Filler(told.stretches, 4_000.0, 2)
    marks = [BeatMark(t_us=T0_US + 800_000 * k, beat_class=k % 6) for k in range(90)]
    parts = [writer.begin(), writer.beats(marks)]
    for at in range(first, COUNTS.shape[1], 3_333):
        values = COUNTS[:, at : at + 3_333].astype(np.float64) * SCALE.scale
        parts += [writer.samples(one) for one in filler.add(T0_US + at * 4_000.0, values)]
    parts += [writer.samples(one) for one in filler.finish()]
    return b"".join([*parts, writer.end()])


def digest(counts: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(counts, dtype="<i2").tobytes()).hexdigest()


def test_edf_plus_comes_back_from_another_reader() -> None:
    file = edfio.read_edf(io.BytesIO(file_of(EdfWriter(whole()), whole())))

    found = np.stack([one.digital for one in file.signals])[:, : COUNTS.shape[1]]
    assert digest(found) == digest(COUNTS)
    assert [one.label for one in file.signals] == ["ECG I", "ECG II"]
    assert file.signals[0].sampling_frequency == 250
    assert file.signals[0].physical_dimension == "mV"
    assert file.patient.code == "p-7kd2m"
    assert str(file.startdate) == "2026-11-21"
    texts = [one.text for one in file.annotations]
    assert texts.count("padding") == 1
    assert texts.count("V") == 15


def test_edf_plus_with_holes_tells_the_onset_of_each_record() -> None:
    stretches = [
        Stretch(start_us=T0_US, n_samples=600),
        Stretch(start_us=T0_US + 20_000_000, n_samples=1_000),
    ]
    told = recording(stretches)
    file = decode_edf(file_of(EdfWriter(told), told))

    assert not file.is_continuous
    assert file.record_onsets_s == (0.25, 1.25, 2.25, 20.25, 21.25, 22.25, 23.25)
    counts = file.signals[0].counts
    assert counts[:600].tolist() == COUNTS[0, :600].tolist()
    assert counts[750:].tolist() == COUNTS[0, 5_000:6_000].tolist()
    assert file.start == "21.11.26 12.00.00"


def test_telecare_xml_comes_back_with_its_holes_and_beats() -> None:
    stretches = [
        Stretch(start_us=T0_US, n_samples=600),
        Stretch(start_us=T0_US + 20_000_000, n_samples=5_000),
    ]
    told = recording(stretches)
    file = decode_telecare_xml(file_of(TelecareXmlWriter(told), told))

    assert (file.head.patient, file.head.device, file.head.place) == ("p-7kd2m", "ecg-1", "chest")
    assert [(one.name, one.scale) for one in file.head.leads] == [
        ("I", SCALE.scale),
        ("II", SCALE.scale),
    ]
    first, second = file.stretches
    assert (first.start_us, second.start_us) == (T0_US, T0_US + 20_000_000)
    assert digest(first.counts.T) == digest(COUNTS[:, :600])
    assert digest(second.counts.T) == digest(COUNTS[:, 5_000:10_000])
    assert file.beats[:2] == ((T0_US, "Q"), (T0_US + 800_000, "N"))
    assert len(file.beats) == 90


@pytest.mark.filterwarnings("ignore")  # of the library's own dependencies
def test_wfdb_comes_back_from_its_own_library(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(file_of(WfdbWriter(whole()), whole()))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    path = str(tmp_path / "p-7kd2m_ecg")

    record = wfdb.rdrecord(path, physical=False)
    marks = wfdb.rdann(path, "atr")

    assert digest(record.d_signal.T) == digest(COUNTS)
    assert (record.fs, record.sig_name, record.units) == (250, ["I", "II"], ["mV", "mV"])
    assert record.adc_gain == pytest.approx([1_000, 1_000])
    assert f"{record.base_date} {record.base_time}".startswith("2026-11-21 12:00:00.25")
    assert marks.sample.tolist() == [200 * k for k in range(90)]
    assert marks.symbol[:6] == ["Q", "N", "S", "V", "F", "Q"]
    header = own_wfdb.decode_header((tmp_path / "p-7kd2m_ecg.hea").read_bytes())
    data = (tmp_path / "p-7kd2m_ecg.dat").read_bytes()
    assert digest(own_wfdb.decode_signals(data, header).T) == digest(COUNTS)


def test_holes_of_a_wfdb_record_are_missing_samples(tmp_path: Path) -> None:
    told = recording([Stretch(start_us=T0_US, n_samples=COUNTS.shape[1])])
    with zipfile.ZipFile(io.BytesIO(file_of(WfdbWriter(told), told, first=70_000))) as archive:
        archive.extractall(tmp_path)
    record = wfdb.rdrecord(str(tmp_path / "p-7kd2m_ecg"))
    assert np.isnan(record.p_signal).all()


COLUMNS = (Column("time", Kind.TIME), Column("I", Kind.NUMBER, "mV"), Column("note", Kind.TEXT))
ROWS: dict[str, Any] = {
    "time": np.arange(5) + T0_US,
    "I": np.array([0.1, np.nan, -0.3, 1e-9, 5.0]),
    "note": ["=1+1", None, "ä,b", "", 'x"y'],
}


def test_parquet_comes_back_with_units_and_missing_values() -> None:
    writer = ParquetWriter(COLUMNS, {"patient": "p-7kd2m"})
    data = writer.begin() + writer.rows(ROWS) + writer.rows(ROWS) + writer.end()

    table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))

    assert table.num_rows == 10
    assert table["I"].to_pylist()[:5] == [0.1, None, -0.3, 1e-9, 5.0]
    assert table["note"].to_pylist()[:5] == ROWS["note"]
    assert table["time"].cast("int64").to_pylist()[:5] == ROWS["time"].tolist()
    assert table.schema.field("I").metadata == {b"unit": b"mV"}
    assert table.schema.metadata[b"patient"] == b"p-7kd2m"


def test_csv_holds_the_same_table() -> None:
    writer = CsvWriter(COLUMNS)
    text = (writer.begin() + writer.rows(ROWS) + writer.end()).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["time", "I [mV]", "note"]
    assert [row[1] for row in rows[1:]] == ["0.1", "", "-0.3", "1e-09", "5"]
    assert [row[2] for row in rows[1:]] == ["'=1+1", "", "ä,b", "", 'x"y']
