"""Folders of backups: named by time, old ones removed, what is not whole left alone."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.administration.backup import DESCRIPTION, DUMP, digests, new_folder, remove_old
from services.administration.postgres_tools import password_line
from services.administration.settings import AdministrationSettings

NOON_US = 1_795_262_400_000_000  # 2026-11-21T12:00:00Z


def make(into: Path, *names: str) -> None:
    for name in names:
        (into / name / DUMP).mkdir(parents=True)
        (into / name / DUMP / "toc.dat").write_bytes(name.encode())
        (into / name / DESCRIPTION).write_text("{}")


def test_names_are_times_and_sort_by_them(tmp_path: Path) -> None:
    first = new_folder(tmp_path, NOON_US)
    assert first == tmp_path / "2026-11-21T120000Z"
    assert new_folder(tmp_path, NOON_US + 1_000_000).name > first.name


def test_the_newest_are_kept_and_nothing_else_is_touched(tmp_path: Path) -> None:
    make(tmp_path, "2026-11-19T010000Z", "2026-11-20T010000Z", "2026-11-21T010000Z")
    unfinished = tmp_path / "2026-11-18T010000Z"
    (unfinished / DUMP).mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("keep me")
    assert [path.name for path in remove_old(tmp_path, 2)] == ["2026-11-19T010000Z"]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"2026-11-20T010000Z", "2026-11-21T010000Z", unfinished.name, "notes.txt"}
    assert remove_old(tmp_path, 2) == []
    assert remove_old(tmp_path, 5) == []


def test_digests_tell_files_apart_by_path_and_content(tmp_path: Path) -> None:
    make(tmp_path, "a", "b")
    found = digests(tmp_path)
    assert set(found) == {
        f"{name}/{part}" for name in "ab" for part in (DESCRIPTION, f"{DUMP}/toc.dat")
    }
    assert found["a/database/toc.dat"] != found["b/database/toc.dat"]
    assert found[f"a/{DESCRIPTION}"] == found[f"b/{DESCRIPTION}"]


def test_a_password_is_escaped_for_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a:b\\c\n")
    secret.chmod(0o600)
    settings = AdministrationSettings(database_host="db", database_password_file=secret)
    assert password_line(settings) == "db:5432:vitalwire:vw_admin:a\\:b\\\\c\n"


def test_settings_are_bounded() -> None:
    with pytest.raises(ValidationError):
        AdministrationSettings(backup_jobs=0)
