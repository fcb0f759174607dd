"""A private mosquitto: one loopback listener, persistence for sessions, queues that never drop.

A PUBACK of mosquitto means "in its memory"; persistence here only keeps sessions over a restart.
Settings and the reasons for them: docs/operations/local.md.
"""

import base64
import hashlib
import os
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers.command import (
    LOOPBACK,
    ServerCommand,
    base_environment,
    find_program,
    write_private,
)

PACKAGE = "mosquitto"

# What the gateway may do: read all that devices send, write all that goes down to them.
GATEWAY_ACL = """\
user {gateway}
topic read vw1/+/+/up/#
topic write vw1/+/+/down/#
topic read $SYS/#
"""
# What a device may do: its user name is its id, and its id is the third level of its topics.
DEVICE_ACL = """\
pattern write vw1/+/%u/up/#
pattern read vw1/+/%u/down/#
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MosquittoFiles:
    """Where a private mosquitto keeps what."""

    folder: Path

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.folder / "mosquitto.conf"

    @property
    def passwords(self) -> Path:
        """One line `user:$6$salt$hash` a credential; read again on SIGHUP."""
        return self.folder / "passwords"

    @property
    def service_passwords(self) -> Path:
        """The lines of our own services, which stand first in the password file."""
        return self.folder / "service_passwords"

    @property
    def pid(self) -> Path:
        """Has the process id: whoever writes the password file sends it SIGHUP."""
        return self.folder / "mosquitto.pid"

    @property
    def acl(self) -> Path:
        """Who may use which topics; read again on SIGHUP."""
        return self.folder / "acl"


def password_hash(secret: str) -> str:
    """A random secret of 256 bits as mosquitto's password file carries it.

    One round of salted SHA-512 (`$6$` in mosquitto's own form, which is not crypt's): a secret
    that nobody can guess needs no slow hash, and a reload checks every connected client again.
    """
    salt = secrets.token_bytes(12)
    digest = hashlib.sha512(secret.encode() + salt).digest()
    return f"$6${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def password_lines(secret_of: Mapping[str, str]) -> str:
    """Lines of a password file."""
    return "".join(f"{user}:{password_hash(secret)}\n" for user, secret in secret_of.items())


def prepare(
    folder: Path,
    port: int,
    *,
    users: Mapping[str, str],
    gateway: str = "vw_gateway",
    settings: Iterable[str] = (),
) -> ServerCommand:
    """Write the configuration of a private mosquitto and tell how it is started.

    Parameters
    ----------
    users : secret of each of our services; the file keeps the lines of devices that it has
    gateway : the user that may read what all devices send
    settings : more lines of mosquitto.conf; a line replaces ours when its first word is the same,
        and only removes it when it has no second

    Raises
    ------
    MissingServer : mosquitto is not installed
    """
    program = find_program("mosquitto", package=PACKAGE)
    files = MosquittoFiles(folder=folder)
    (folder / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_passwords(files, users)
    write_private(files.acl, GATEWAY_ACL.format(gateway=gateway) + DEVICE_ACL)
    lines = {
        "per_listener_settings": "per_listener_settings false",
        "listener": f"listener {port} {LOOPBACK}",
        "allow_anonymous": "allow_anonymous false",
        "password_file": f"password_file {files.passwords}",
        "acl_file": f"acl_file {files.acl}",
        "pid_file": f"pid_file {files.pid}",
        "persistence": "persistence true",
        "persistence_location": f"persistence_location {folder / 'data'}/",
        "autosave_interval": "autosave_interval 45",
        # 0 = no limit by number: the memory limit bounds the queues, and nothing is dropped
        # after its PUBACK as long as that is not met.
        "max_queued_messages": "max_queued_messages 0",
        "memory_limit": f"memory_limit {2 * 1024**3}",
        # The gateway's Receive Maximum is the back-pressure; 20 would mean 20 a confirm.
        "max_inflight_messages": "max_inflight_messages 0",
        "message_size_limit": f"message_size_limit {1024**2}",
        "max_keepalive": "max_keepalive 600",
        "persistent_client_expiration": "persistent_client_expiration 14d",
        "set_tcp_nodelay": "set_tcp_nodelay true",
        "log_dest": "log_dest stderr",
        "log_type": "log_type error\nlog_type warning\nlog_type notice\nlog_type information",
        "connection_messages": "connection_messages false",
        "log_timestamp_format": "log_timestamp_format %Y-%m-%dT%H:%M:%S",
    }
    if os.geteuid() == 0:
        lines["user"] = "user root"  # else it would change to a user that cannot read our files
    for line in settings:
        name, *values = line.split()
        if values:
            lines[name] = line
        else:
            del lines[name]
    write_private(files.config, "\n".join(lines.values()) + "\n")
    return ServerCommand(
        name="mosquitto",
        argv=(str(program), "-c", str(files.config)),
        folder=folder,
        environment=base_environment(),
    )


def _write_passwords(files: MosquittoFiles, users: Mapping[str, str]) -> None:
    """Our services first, then what is there of devices: the gateway brings them up to date."""
    there = files.passwords.read_text().splitlines() if files.passwords.exists() else []
    before = files.service_passwords.read_text() if files.service_passwords.exists() else ""
    ours = {line.partition(":")[0] for line in before.splitlines()} | set(users)
    devices = [line for line in there if line.partition(":")[0] not in ours]
    services = password_lines(users)
    write_private(files.service_passwords, services)
    write_private(files.passwords, services + "".join(f"{line}\n" for line in devices))


def add_devices(files: MosquittoFiles, hash_of: Mapping[str, str]) -> None:
    """Put credentials of devices into the file of a broker that has not started yet.

    Parameters
    ----------
    hash_of : the hash of each device's secret, by its id
    """
    lines = files.passwords.read_text().splitlines()
    kept = [line for line in lines if line.partition(":")[0] not in hash_of]
    added = [f"{device}:{hashed}" for device, hashed in hash_of.items()]
    write_private(files.passwords, "".join(f"{line}\n" for line in [*kept, *added]))


def is_ready(port: int, *, timeout_s: float = 1.0) -> bool:
    """Whether it answers an MQTT connection (a refused log-in is an answer)."""
    connect = b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x05\x00\x00\x00"
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as link:
            link.settimeout(timeout_s)
            link.sendall(connect)
            return link.recv(1) == b"\x20"
    except OSError:
        return False
