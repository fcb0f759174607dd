"""States of lanes as files of this machine: they serve whoever is started again on it."""

import asyncio
import contextlib
import hashlib
import os
import sys
from pathlib import Path

import numpy as np

import services.dsp
import shared
from shared.contracts.identity import Lane


class StateFiles:
    """Implements `SavedStates`.

    Parameters
    ----------
    folder : ours alone; made where it is not
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def load(self, lane: Lane) -> bytes | None:
        """What was saved last, None where nothing can be read."""
        try:
            return await asyncio.to_thread(self._path(lane).read_bytes)
        except OSError:
            return None

    async def save(self, lane: Lane, content: bytes) -> None:
        """Put it in the place of the last one, whole or not at all.

        Raises
        ------
        OSError : the disk takes nothing
        """
        await asyncio.to_thread(self._write, self._path(lane), content)

    def _path(self, lane: Lane) -> Path:
        return self._folder / f"lane-{lane}.state"

    def _write(self, path: Path, content: bytes) -> None:
        beside = path.with_suffix(f".{os.getpid()}")
        try:
            with open(beside, "wb", opener=_private) as file:
                file.write(content)
            beside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def identity_of_code() -> bytes:
    """Of all sources that decide what a state means, of numpy and of Python."""
    digest = hashlib.sha256(f"{sys.version} {np.__version__}".encode())
    for package in (services.dsp, shared):
        (folder,) = package.__path__
        for source in sorted(Path(folder).rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.digest()
