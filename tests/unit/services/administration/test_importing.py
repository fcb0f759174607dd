"""What the console brings, and as whom."""

import json
import zipfile
from pathlib import Path

import pytest

from services.administration.importing import (
    CannotImportError,
    _login_of,
    _parser,
    _progress,
    read_recording,
)

HEADER = "r100 1 250 4 03:04:05 02/01/2026\nr100.dat 16 200/mV 12 0 I\n"


def test_a_wfdb_header_brings_the_files_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "r100.hea").write_text(HEADER)
    (tmp_path / "r100.dat").write_bytes(bytes(8))
    (tmp_path / "private.txt").write_text("not named")
    found = read_recording(tmp_path / "r100.hea")
    assert (found.name, found.form) == ("r100.zip", "wfdb")
    (tmp_path / "again.zip").write_bytes(found.data)
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        assert archive.namelist() == ["r100.hea", "r100.dat"]
    (tmp_path / "r100.hea").touch()
    assert read_recording(tmp_path / "r100.hea").data == found.data


@pytest.mark.parametrize("named", ["../secret", "/etc/passwd", "missing.dat"])
def test_a_header_that_names_other_places_is_refused(tmp_path: Path, named: str) -> None:
    (tmp_path / "r.hea").write_text(f"r 1 250 4\n{named} 16 200/mV 12 0 I\n")
    with pytest.raises(CannotImportError):
        read_recording(tmp_path / "r.hea")


@pytest.mark.parametrize(
    ("name", "form"), [("a.EDF", "edf_plus"), ("b.csv", "csv"), ("c.xyz", None)]
)
def test_the_name_tells_the_format(tmp_path: Path, name: str, form: str | None) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert read_recording(tmp_path / name).form == form


def test_too_large_a_file_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "large.edf").open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(CannotImportError, match="64 MiB"):
        read_recording(tmp_path / "large.edf")


def test_a_private_system_tells_where_and_as_whom(tmp_path: Path) -> None:
    path = tmp_path / "connection.json"
    people = [
        {"username": name, "password": f"of {name}", "role": name}
        for name in ("clinician", "technician")
    ]
    path.write_text(json.dumps({"page": "http://127.0.0.1:1", "users": people}))
    assert _login_of(path, None, "technician").user == "technician"
    named = _login_of(path, "clinician", "technician")
    assert (named.url, named.password) == ("http://127.0.0.1:1", "of clinician")
    assert "of clinician" not in repr(named)
    with pytest.raises(CannotImportError, match="make run"):
        _login_of(tmp_path / "none.json", None, "technician")


def test_a_refusal_says_where() -> None:
    found = {"state": "refused", "line": 7, "offset": None, "reason": "bad_time", "detail": "late"}
    assert _progress(found) == "refused in line 7, nothing of it is stored: bad_time, late"


def test_every_argument_has_its_sentence() -> None:
    assert all(action.help for action in _parser()._actions if action.option_strings)
