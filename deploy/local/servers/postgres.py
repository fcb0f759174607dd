"""A private PostgreSQL: loopback only, passwords by SCRAM, as root under the user postgres."""

import os
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.local.servers.command import (
    LOOPBACK,
    MissingServer,
    ServerCommand,
    base_environment,
    find_program,
    write_private,
)

PACKAGE = "postgresql-15"
SYSTEM_USER = "postgres"
SUPERUSER = "postgres"
FAST_SHUTDOWN = signal.SIGINT
LIBRARY_FOLDER = Path("/usr/lib/postgresql")

# Defaults of a local system.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": f"'{LOOPBACK}'",
    "unix_socket_directories": "''",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "lz4",
    "checkpoint_timeout": "15min",
    # The lock of a killed lane owner is free at once, not when its query ends.
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "log_line_prefix": "'%m [%p] %u@%d '",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
    "jit": "off",
}
# For tests: a commit is written but not flushed, so that a killed process loses nothing while a
# power cut may. (synchronous_commit stays on: without it a killed server loses commits, tried.)
NO_FLUSH: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}
ACCESS_RULES = f"host all all {LOOPBACK}/32 scram-sha-256\n"


class FolderNotPassable(Exception):
    """The system user of PostgreSQL cannot enter the folder of its data."""

    def __init__(self, folder: Path, barred: Path) -> None:
        super().__init__(
            f"the user {SYSTEM_USER} cannot enter {barred}, which is above {folder}: "
            f"run `chmod o+x {barred}`, or put the project into a folder that everybody can enter"
        )
        self.barred = barred


def program_folder() -> Path:
    """Where the newest installed PostgreSQL keeps its server programs.

    Raises
    ------
    MissingServer : there is none of version 15 or later
    """
    versions = sorted(
        (folder for folder in LIBRARY_FOLDER.glob("*/bin") if (folder / "initdb").is_file()),
        key=lambda folder: float(folder.parent.name),
        reverse=True,
    )
    versions.sort(key=lambda folder: folder.parent.name != "15")
    if versions:
        return versions[0]
    found = shutil.which("initdb")
    if found is None:
        raise MissingServer("PostgreSQL", PACKAGE)
    return Path(found).parent


def as_server_user(argv: Iterable[str]) -> tuple[str, ...]:
    """The same command under the user postgres when we are root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return tuple(argv)
    setpriv = find_program("setpriv", package="util-linux")
    switch = (f"--reuid={SYSTEM_USER}", f"--regid={SYSTEM_USER}", "--init-groups")
    return (str(setpriv), *switch, *argv)


def check_passable(folder: Path) -> None:
    """Raise FolderNotPassable unless the server's user can reach a folder."""
    if os.geteuid() != 0:
        return
    for above in [*reversed(folder.absolute().parents), folder.absolute()]:
        answer = subprocess.run(as_server_user(["/usr/bin/test", "-x", str(above)]), check=False)
        if answer.returncode != 0:
            raise FolderNotPassable(folder, above)


def create_cluster(folder: Path, *, password: str) -> None:
    """Make the data folder with its superuser, unless it is there.

    Raises
    ------
    MissingServer, FolderNotPassable : it cannot be made, and how it can
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    if (data / "PG_VERSION").is_file():
        return
    programs = program_folder()
    check_passable(folder)
    shutil.rmtree(data, ignore_errors=True)
    fresh = folder / "cluster.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    # A file, not standard input: another user may not open a pipe of root's. Removed right away.
    password_file = folder / "password.new"
    write_private(password_file, password + "\n")
    if os.geteuid() == 0:
        shutil.chown(fresh, SYSTEM_USER, SYSTEM_USER)
        shutil.chown(password_file, SYSTEM_USER, SYSTEM_USER)
    try:
        subprocess.run(
            as_server_user(
                [
                    str(programs / "initdb"),
                    f"--pgdata={fresh}",
                    f"--username={SUPERUSER}",
                    "--auth=scram-sha-256",
                    f"--pwfile={password_file}",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--no-sync",
                    "--no-instructions",
                ]
            ),
            env=base_environment(),
            cwd="/",
            check=True,
            capture_output=True,
        )
    finally:
        password_file.unlink()
    (fresh / "pg_hba.conf").write_text(ACCESS_RULES)
    fresh.rename(data)  # half a cluster is never taken for a whole one


def prepare(
    folder: Path, port: int, *, password: str, settings: Mapping[str, str] | None = None
) -> ServerCommand:
    """Make the cluster where there is none, and tell how the server is started.

    Raises
    ------
    MissingServer, FolderNotPassable : it cannot run, and how it can
    """
    create_cluster(folder, password=password)
    return command(folder, port, settings=settings)


def command(folder: Path, port: int, *, settings: Mapping[str, str] | None = None) -> ServerCommand:
    """How the server of a cluster that is there, or will be, is started.

    Raises
    ------
    MissingServer : it is not installed
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = {**SETTINGS, "port": str(port), **(settings or {})}
    arguments = [f"--{name}={value.strip(chr(39))}" for name, value in options.items()]
    return ServerCommand(
        name="postgres",
        argv=as_server_user(
            [str(program_folder() / "postgres"), "-D", str(folder / "data"), *arguments]
        ),
        folder=folder,
        environment=base_environment(),
    )


def is_ready(port: int, *, timeout_s: float = 1.0) -> bool:
    """Whether it takes sessions: it asks a user for a password (and does not say 'starting up')."""
    body = struct.pack("!i", 196608) + f"user\0{SUPERUSER}\0database\0postgres\0\0".encode()
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as link:
            link.settimeout(timeout_s)
            link.sendall(struct.pack("!i", len(body) + 4) + body)
            return link.recv(1) == b"R"
    except OSError:
        return False
