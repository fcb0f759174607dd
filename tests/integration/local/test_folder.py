"""A folder that PostgreSQL's user cannot enter is told with its remedy before anything starts."""

import os
from pathlib import Path

import pytest

from deploy.local.servers import postgres


def test_a_barred_folder_is_told_with_its_remedy(tmp_path: Path) -> None:
    barred = tmp_path / "barred"
    barred.mkdir(mode=0o700)
    folder = barred / "postgres"
    if os.geteuid() != 0:
        postgres.check_passable(folder)  # who is not root runs PostgreSQL as who made the folder
        return
    with pytest.raises(postgres.FolderNotPassable) as told:
        postgres.create_cluster(folder, password="never used")
    assert "chmod o+x" in str(told.value)
    assert told.value.barred in [folder, *folder.parents]
    assert not (folder / "data").exists()
