"""States of lanes as files."""

from pathlib import Path

import pytest

from services.dsp.adapters.state_files import StateFiles, identity_of_code
from shared.contracts.identity import Lane


async def test_what_was_saved_last_is_read_back_whole(tmp_path: Path) -> None:
    files = StateFiles(tmp_path / "mine" / "dsp")
    assert await files.load(Lane(3)) is None
    await files.save(Lane(3), b"first")
    await files.save(Lane(3), b"second")
    assert await files.load(Lane(3)) == b"second"
    assert await files.load(Lane(2)) is None
    (path,) = (tmp_path / "mine" / "dsp").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_a_folder_that_takes_nothing_is_told_and_leaves_the_last_one(tmp_path: Path) -> None:
    files = StateFiles(tmp_path)
    (tmp_path / "lane-0.state").mkdir()
    with pytest.raises(OSError, match="lane-0"):
        await files.save(Lane(0), b"never")
    assert await files.load(Lane(0)) is None
    assert [path.name for path in tmp_path.iterdir()] == ["lane-0.state"]


def test_the_same_code_has_the_same_identity() -> None:
    assert identity_of_code() == identity_of_code()
    assert len(identity_of_code()) == 32
