"""WFDB as files that are taken in: records of PhysioNet's own library, archives that lie."""

import datetime as dt
import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.file_reading import BadFile, ReadFile
from shared.contracts.parking import Reason
from shared.contracts.streams import Stream
from shared.recordings.wfdb_file import read_wfdb
from tests.unit.shared.recordings.test_edf_file import samples_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pandas' own, which wfdb brings
    import wfdb

START = dt.datetime(2026, 1, 2, 3, 4, 5, 250_000)  # noqa: DTZ001 - a header knows no zone
START_US = 1_767_323_045_250_000


def archive(folder: Path, *, folder_name: str = "") -> bytes:
    """All files of a folder as one archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.iterdir()):
            made.write(path, folder_name + path.name)
    return packed.getvalue()


def written(
    folder: Path, form: str, counts: "np.ndarray[tuple[int, int], np.dtype[np.int64]]"
) -> bytes:
    """A record that PhysioNet's library has written."""
    wfdb.wrsamp(
        "r100", fs=360, units=["mV", "mV"], sig_name=["MLII", "V5"], d_signal=counts,
        fmt=[form, form], adc_gain=[200.0, 200.0], baseline=[10, 10],
        base_date=START.date(), base_time=START.time(), write_dir=str(folder),
    )  # fmt: skip
    return archive(folder)


@pytest.mark.filterwarnings("ignore")  # of wfdb's own dependencies
@pytest.mark.parametrize(
    ("form", "most"),
    [("16", 30_000), ("212", 2_000), ("80", 120), ("24", 8_000_000), ("32", 2**30)],
)
def test_a_record_of_physionets_library_is_read(tmp_path: Path, form: str, most: int) -> None:
    rng = np.random.default_rng(3)
    counts = rng.integers(-most, most, (3_600, 2))
    read = read_wfdb(written(tmp_path, form, counts), {})
    ecg = samples_of(read)[Stream.ECG]
    assert len(ecg) == 3_600
    values = np.array([value for _, value in ecg])
    np.testing.assert_allclose(values, (counts - 10) / 200, rtol=1e-6, atol=1e-9)
    times = np.array([t for t, _ in ecg])
    assert np.abs(times - (START_US + np.arange(3_600) * 1e6 / 360)).max() <= 1.5


def test_signals_of_several_files_belong_together(tmp_path: Path) -> None:
    one, two = np.arange(500, dtype="<i2"), np.arange(500, 1_000, dtype="<i2")
    (tmp_path / "a.dat").write_bytes(one.tobytes())
    (tmp_path / "b.dat").write_bytes(two.tobytes())
    (tmp_path / "r.hea").write_text(
        "r 2 250 500 03:04:05 02/01/2026\n"
        "a.dat 16 1000/mV 16 0 0 0 0 I\nb.dat 16 1000/mV 16 0 0 0 0 II\n"
    )
    bad = read_wfdb(archive(tmp_path), {})
    assert isinstance(bad, BadFile)
    assert "checksum" in bad.detail
    (tmp_path / "r.hea").write_text(
        "r 2 250 500 03:04:05 02/01/2026\na.dat 16 1000/mV 16 0 I\nb.dat 16 1000/mV 16 0 II\n"
    )
    ecg = samples_of(read_wfdb(archive(tmp_path, folder_name="some/"), {}))[Stream.ECG]
    assert ecg[7][1] == pytest.approx((0.007, 0.507))


def test_without_a_date_the_start_must_be_given(tmp_path: Path) -> None:
    (tmp_path / "r.dat").write_bytes(bytes(500))
    (tmp_path / "r.hea").write_text("r 1 250 250\nr.dat 16 200/mV 12 0 MLII\n")
    data = archive(tmp_path)
    bad = read_wfdb(data, {})
    assert isinstance(bad, BadFile)
    assert bad.reason is Reason.BAD_TIME
    found = samples_of(read_wfdb(data, {"start": "2026-01-02T03:04:05.25Z"}))
    assert found[Stream.ECG][0][0] == START_US


@pytest.mark.filterwarnings("ignore")  # of wfdb's own dependencies
def test_the_same_record_packed_otherwise_is_the_same(tmp_path: Path) -> None:
    data = written(tmp_path, "16", np.arange(720).reshape(-1, 2))
    (tmp_path / "r100.atr").write_bytes(b"\0\0")
    one, other = read_wfdb(data, {}), read_wfdb(archive(tmp_path, folder_name="x/"), {})
    assert isinstance(one, ReadFile)
    assert isinstance(other, ReadFile)
    assert one.key == other.key


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("r.hea", "r 1 250 0 03:04:05 02/01/2026\nr.dat 16 200/mV 12 0 MLII\n")
        with made.open("r.dat", "w", force_zip64=True) as file:
            for _ in range(130):
                file.write(bytes(1 << 20))
    bad = read_wfdb(packed.getvalue(), {})
    assert isinstance(bad, BadFile)
    assert "unpacks to more" in bad.detail


@given(st.data())
@settings(max_examples=100)
def test_no_damage_raises(data: st.DataObject) -> None:
    packed = io.BytesIO()
    header = "r 1 250 250 03:04:05 02/01/2026\nr.dat 16 200/mV 12 0 MLII\n"
    damaged = bytearray(header, "ascii")
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("r.hea", bytes(damaged))
        made.writestr("r.dat", bytes(500))
    whole = bytearray(packed.getvalue())
    if data.draw(st.booleans()):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    read = read_wfdb(bytes(whole), {})
    if isinstance(read, ReadFile):
        assert len(list(read.pieces())) == read.n_pieces
