"""Where a private system keeps what: all of it under one folder, `.local` of the project."""

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from deploy.local.servers.command import free_port, is_port_free, write_private

PROJECT = Path(__file__).resolve().parents[2]
VIRTUAL_HOST = "vitalwire"
DATABASE = "vitalwire"
SERVICES = ("gateway", "dsp", "storage", "alarms", "api")
ROLES = (*(f"vw_{service}" for service in SERVICES), "vw_admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The folders and files of one private system."""

    folder: Path

    @property
    def secrets(self) -> Path:
        """Generated secrets, one file each, readable by their owner only."""
        return self.folder / "secrets"

    @property
    def devices(self) -> Path:
        """Secrets of simulated devices, one file each, named by the device."""
        return self.folder / "devices"

    @property
    def logs(self) -> Path:
        """What each process writes."""
        return self.folder / "log"

    @property
    def mosquitto(self) -> Path:
        """Configuration and data of mosquitto."""
        return self.folder / "mosquitto"

    @property
    def rabbitmq(self) -> Path:
        """Configuration and data of RabbitMQ."""
        return self.folder / "rabbitmq"

    @property
    def postgres(self) -> Path:
        """Data of PostgreSQL."""
        return self.folder / "postgres"

    @property
    def supervisor_config(self) -> Path:
        """Configuration of the supervisor, written at each start."""
        return self.folder / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        """By which the supervisor is asked and told; its owner's only."""
        return self.folder / "supervisord.sock"

    @property
    def connection(self) -> Path:
        """How to reach the running system; there only while it runs (interfaces.md, section 6)."""
        return self.folder / "connection.json"

    @property
    def run_lock(self) -> Path:
        """Held while a system of this folder runs; has the id of the process that holds it."""
        return self.folder / "run.pid"

    def make(self) -> None:
        """Make the folders; the user of PostgreSQL may pass, and see nothing."""
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        self.postgres.mkdir(mode=0o711, exist_ok=True)
        for folder in (self.secrets, self.devices, self.logs, self.mosquitto, self.rabbitmq):
            folder.mkdir(mode=0o700, exist_ok=True)

    def secret_file(self, name: str) -> Path:
        """The file of a secret, which is made up now if there is none."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32) + "\n")
        return path

    def secret(self, name: str) -> str:
        """A secret, made up now if there is none."""
        return self.secret_file(name).read_text().strip()


def take_ports(layout: Layout, names: list[str]) -> Mapping[str, int]:
    """The port of each name: those of the last start where they are still free, else new ones.

    Two systems side by side each keep their own in their folder.
    """
    path = layout.folder / "ports.json"
    kept: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    ports: dict[str, int] = {}
    for name in names:
        port = kept.get(name, 0)
        if port in ports.values() or not port or not is_port_free(port):
            port = free_port(taken=[*ports.values(), *kept.values()])
        ports[name] = port
    write_private(path, json.dumps(kept | ports, indent=1))
    return ports


class AlreadyRunning(Exception):
    """A system of this folder runs."""

    def __init__(self, pid: str) -> None:
        super().__init__(
            f"it runs already, as process {pid}: stop it by Ctrl-C there or `make stop`"
        )


def take_run_lock(layout: Layout) -> TextIO:
    """Hold the folder until the file is closed or the process ends.

    Raises
    ------
    AlreadyRunning : somebody else holds it
    """
    layout.run_lock.touch(mode=0o600)
    file = layout.run_lock.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        pid = file.read().strip() or "?"
        file.close()
        raise AlreadyRunning(pid) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
