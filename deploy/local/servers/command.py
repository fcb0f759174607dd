"""What every private server has in common: a command, a folder, a port that is free."""

import os
import random
import shutil
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"

# Below the ports that the kernel gives to outgoing connections (32768 and up on Linux), so that a
# server which was killed finds its port still free when it starts again.
FIRST_PORT, LAST_PORT = 20_000, 32_000


class MissingServer(Exception):
    """A server program is not installed; the text names the command that installs it."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is not installed: run `apt-get install {package}` as root")
        self.program = program
        self.package = package


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCommand:
    """How one server is started, complete: nothing of the caller's environment is added.

    Parameters
    ----------
    name : how people call it
    argv : program and arguments; the process keeps its id (no wrapper stays in between)
    environment : all of it
    folder : where it is started and keeps its data
    """

    name: str
    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def find_program(program: str, *, package: str, folders: Iterable[Path] = ()) -> Path:
    """Path of an installed program.

    Raises
    ------
    MissingServer : it is in none of `folders`, nor in those for servers, nor on the PATH
    """
    for folder in folders:
        if (folder / program).is_file():
            return folder / program
    found = shutil.which(
        program, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    )
    found = found or shutil.which(program)
    if found is None:
        raise MissingServer(program, package)
    return Path(found)


def is_port_free(port: int) -> bool:
    """Whether nothing listens on a port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(*, taken: Iterable[int] = ()) -> int:
    """A port that nothing listens on now, outside the range of outgoing connections."""
    avoid = set(taken)
    dice = random.SystemRandom()
    for _ in range(1_000):
        port = dice.randrange(FIRST_PORT, LAST_PORT)
        if port not in avoid and is_port_free(port):
            return port
    raise OSError(f"no free port between {FIRST_PORT} and {LAST_PORT} on {LOOPBACK}")


def base_environment() -> dict[str, str]:
    """The few variables that every program wants."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
    }


def write_private(path: Path, text: str) -> None:
    """Write a file in one step that only its owner may read."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
