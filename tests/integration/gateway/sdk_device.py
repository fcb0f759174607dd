"""A device of the SDK in a process of its own: writes down each command that it begins and ends.

Run with ``python -m``: port, device id, folder.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devices.sdk import Command, CommandAnswer, Device

PROJECT = Path(__file__).resolve().parents[3]
RUN_S = 0.15


def note(folder: Path, what: str, command: str) -> None:
    """Survives the process."""
    file = os.open(folder / what, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.write(file, command.encode() + b"\n")
    os.close(file)


def noted(folder: Path, what: str) -> list[str]:
    path = folder / what
    return path.read_text().splitlines() if path.exists() else []


async def speak(port: int, name: str, folder: Path) -> None:
    async def obey(command: Command) -> CommandAnswer:
        note(folder, "begun", command.id)
        await asyncio.sleep(RUN_S)
        note(folder, "ended", command.id)
        return None

    async def configure(configuration: Mapping[str, Any]) -> None:
        note(folder, "configured", str(configuration.get("display_text")))

    async with Device(
        name,
        host="127.0.0.1",
        port=port,
        secret="",
        journal=folder / "journal",
        on_command=obey,
        on_configuration=configure,
    ):
        await asyncio.Event().wait()


def start(port: int, name: str, folder: Path) -> "subprocess.Popen[bytes]":
    """The device as a process."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.integration.gateway.sdk_device",
            str(port),
            name,
            str(folder),
        ],
        cwd=PROJECT,
    )


if __name__ == "__main__":
    asyncio.run(speak(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
