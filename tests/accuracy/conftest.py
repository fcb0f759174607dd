"""Floors of the accuracy tests."""

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def floors() -> dict[str, Any]:
    """What must be reached, by set of recordings."""
    return tomllib.loads(Path(__file__).with_name("floors.toml").read_text())
