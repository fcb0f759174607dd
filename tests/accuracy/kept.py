"""Results that outlive a run, each with the commit, the data and every source that made it."""

import hashlib
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from deploy.local.layout import PROJECT

FOLDER = PROJECT / ".local/accuracy"
WHOLE_CODE = (
    "services/dsp/core",
    "shared",
    "tests/accuracy",
)  # what a lane of every estimator loads


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a scorer said of one task, and what it said it of.

    Attributes
    ----------
    commit : short; the sources were those of this commit, unless `is_changed`
    data, scorer : hashes of the recordings and of the program that judged
    sources : hash of each file of the project that was loaded
    """

    task: str
    day: str
    commit: str
    is_changed: bool
    wall_s: int
    data: str
    scorer: str
    sources: dict[str, str]
    answer: dict[str, Any]

    def is_of(self, *, data: str, scorer: str, project: Path = PROJECT) -> bool:
        """Whether the same would be scored now: nothing of it has changed."""
        return (self.data, self.scorer) == (data, scorer) and self.sources == hashes(
            self.sources, project
        )


def hashes(paths: Iterable[str], project: Path = PROJECT) -> dict[str, str]:
    """Hash of each of these files of the project; empty where one is gone."""
    return {path: hash_of_file(project / path) for path in paths}


def hash_of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def hash_of_folder(folder: Path, pattern: str = "*") -> str:
    """One hash of all files below a folder, their names included."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and "__pycache__" not in path.parts:
            whole.update(f"{path.relative_to(folder).as_posix()} {hash_of_file(path)}\n".encode())
    return whole.hexdigest()[:16]


def commit_now() -> str:
    """The commit that is checked out."""
    return _git("rev-parse", "--short=9", "HEAD") or "no commit"


def differs(paths: Sequence[str], commit: str) -> bool:
    """Whether one of these files is not as it was in that commit."""
    return bool(_git("diff", "--name-only", commit, "--", *paths))


def _git(*arguments: str) -> str:
    """What git says; nothing where this is no repository."""
    done = subprocess.run(
        ["git", *arguments], cwd=PROJECT, check=False, capture_output=True, text=True
    )
    return done.stdout.strip()


def folder_of_now(name: str, recordings: Path | None) -> Path:
    """Where results of the code and recordings of now are kept; another one after any change."""
    hashed = [hash_of_folder(PROJECT / each, "*.py") for each in WHOLE_CODE]
    hashed += [] if recordings is None else [hash_of_folder(recordings)]
    whole = hashlib.sha256(" ".join(hashed).encode()).hexdigest()[:12]
    return FOLDER / f"{name}-{whole}"


def read(folder: Path, task: str) -> Kept | None:
    """What is kept of a task; None where nothing is, or where it was written by another version."""
    file = folder / f"{task}.json"
    if not file.is_file():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    except msgspec.ValidationError:
        return None


def write(folder: Path, kept: Kept) -> None:
    """Keep it: whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{kept.task}.json.new"
    beside.write_bytes(msgspec.json.encode(kept))
    beside.replace(folder / f"{kept.task}.json")
