"""Secrets of a deployment: drawn once, private, derived anew."""

import base64
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.layout import PROJECT, ROLES
from deploy.secret_files import (
    DATA_FOLDERS,
    DEFINITIONS,
    DERIVED,
    DRAWN,
    PASSWORD_LINES,
    ROLES_SQL,
    make_secret_files,
    manifests,
    roles_sql,
    secrets_of_cluster,
)


def test_each_is_private_and_no_two_are_alike(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secret_files(folder)
    assert {path.name for path in folder.iterdir()} == {*DRAWN, *DERIVED}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = [(folder / name).read_text() for name in DRAWN]
    assert len(set(values)) == len(values)
    assert min(len(value) for value in values) > 40


def test_a_second_time_keeps_them_and_a_deleted_one_is_new_everywhere(tmp_path: Path) -> None:
    make_secret_files(tmp_path)
    before = {name: (tmp_path / name).read_text() for name in DRAWN}
    (tmp_path / "amqp_vw_dsp").unlink()
    (tmp_path / "database_vw_dsp").unlink()
    make_secret_files(tmp_path)
    after = {name: (tmp_path / name).read_text() for name in DRAWN}
    changed = {name for name in DRAWN if before[name] != after[name]}
    assert changed == {"amqp_vw_dsp", "database_vw_dsp"}
    assert after["database_vw_dsp"].strip() in (tmp_path / ROLES_SQL).read_text()
    assert before["database_vw_dsp"].strip() not in (tmp_path / ROLES_SQL).read_text()


def test_what_is_derived_has_every_user_and_no_password_in_the_clear(tmp_path: Path) -> None:
    make_secret_files(tmp_path)
    definitions = json.loads((tmp_path / DEFINITIONS).read_text())
    assert {user["name"] for user in definitions["users"]} == set(ROLES)
    assert {right["user"] for right in definitions["permissions"]} == set(ROLES)
    for name in (DEFINITIONS, PASSWORD_LINES):
        text = (tmp_path / name).read_text()
        assert not any((tmp_path / drawn).read_text().strip() in text for drawn in DRAWN)
    assert (tmp_path / PASSWORD_LINES).read_text().startswith("vw_gateway:$6$")


def test_root_makes_the_files_for_the_user_of_the_containers(tmp_path: Path) -> None:
    folder = tmp_path / "compose" / "secrets"
    subprocess.run(
        [sys.executable, "-m", "deploy.secret_files", str(folder)], cwd=PROJECT, check=True
    )
    told = dict(line.split("=") for line in (folder / "compose.env").read_text().splitlines())
    data = tmp_path / "compose" / "data"
    assert {path.name for path in data.iterdir()} == set(DATA_FOLDERS)
    for path in (folder, *folder.iterdir(), data, *data.iterdir()):
        owner = path.stat()
        assert str(owner.st_uid) == told["VITALWIRE_UID"] != "0", path
        assert owner.st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0, path


def test_a_password_that_would_need_quoting_is_refused() -> None:
    with pytest.raises(ValueError, match="vw_api"):
        roles_sql({"vw_api": "it's"})


def test_manifests_carry_what_the_table_says(tmp_path: Path) -> None:
    make_secret_files(tmp_path)
    items = json.loads(manifests(tmp_path, "ward"))["items"]
    assert [item["metadata"]["name"] for item in items] == [s.name for s in secrets_of_cluster()]
    by_name = {item["metadata"]["name"]: item for item in items}
    api = by_name["vitalwire-api"]
    assert api["metadata"]["namespace"] == "ward"
    assert set(api["data"]) == {"amqp_password", "database_password", "token_key"}
    key = base64.b64decode(api["data"]["token_key"]).decode()
    assert key == (tmp_path / "api_token_key").read_text().strip()
    role = by_name["vitalwire-role-api"]
    assert role["type"] == "kubernetes.io/basic-auth"
    assert base64.b64decode(role["data"]["username"]) == b"vw_api"
    # One password for the role and for the service that logs in as it.
    assert role["data"]["password"] == api["data"]["database_password"]
