"""A private RabbitMQ node: one loopback listener and nothing else.

A single node needs neither Erlang's port mapper (epmd) nor a port for other nodes, so it gets
none: `-start_epmd false -dist_listen false`. That saves two listening sockets, a process that
outlives the node, and a second of start-up; it costs `rabbitmqctl`, which nothing here uses.
The time of a start is mostly the look-up of modules in one folder a plugin, and what is done for
each that is loaded. So the node is given a folder with links to the plugins that it needs, and
loads all modules at once, from one folder with links to them, before anything else (measured: 5.5 s
with all 60 plugins, 4.2 s with these, 2.3 s with all at once; 4.1 s of processor time became 1.8).
"""

import base64
import hashlib
import json
import re
import secrets
import shutil
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers.command import (
    LOOPBACK,
    MissingServer,
    ServerCommand,
    base_environment,
    find_program,
    write_private,
)

PACKAGE = "rabbitmq-server"
LIBRARY_FOLDERS = (
    Path("/usr/lib/rabbitmq/lib"),
    Path("/opt/rabbitmq"),
    Path("/usr/local/lib/rabbitmq"),
)
NODE = "vitalwire@localhost"

# The broker and what it cannot start without.
APPLICATIONS = frozenset(
    [
        *("accept", "amqp10_common", "amqp_client", "aten", "credentials_obfuscation"),
        *("cuttlefish", "enough", "gen_batch_server", "getopt", "horus", "jsx", "khepri"),
        *("khepri_mnesia_migration", "observer_cli", "osiris", "ra", "rabbit", "rabbit_common"),
        *("rabbitmq_prelaunch", "ranch", "recon", "redbug", "seshat", "stdout_formatter"),
        *("syslog", "sysmon_handler", "systemd", "thoas"),
    ]
)

# Of Erlang itself, what a node has loaded once it runs.
ERLANG = (
    *("asn1", "compiler", "crypto", "inets", "kernel", "mnesia", "os_mon", "public_key"),
    *("runtime_tools", "sasl", "ssl", "stdlib", "syntax_tools", "tools"),
)
LOAD_ALL = """\
{ok, Files} = file:list_dir("modules"),
code:ensure_modules_loaded([list_to_atom(filename:rootname(File)) || File <- Files]).
"""

SETTINGS: Mapping[str, str] = {
    "num_acceptors.tcp": "2",
    "log.file": "false",
    "log.console": "true",
    "log.console.level": "warning",
    "loopback_users": "none",
    "heartbeat": "20",
    "disk_free_limit.absolute": "1GB",
    # The log of the quorum queues keeps this much in memory; the default of 512 MiB is for servers.
    "raft.wal_max_size_bytes": str(64 * 1024**2),
    "definitions.skip_if_unchanged": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a user may do in a virtual host: regular expressions over names, empty for nothing."""

    user: str
    virtual_host: str
    configure: str = ""
    write: str = ""
    read: str = ""


def server_folder() -> Path:
    """Folder of the installed RabbitMQ: its own start script, not the wrapper on the PATH.

    (The wrapper changes to the user rabbitmq, or refuses.)

    Raises
    ------
    MissingServer : it is not installed
    """
    for library in LIBRARY_FOLDERS:
        for folder in sorted(library.glob("rabbitmq_server-*"), reverse=True):
            if (folder / "sbin" / "rabbitmq-server").is_file():
                return folder
    raise MissingServer("RabbitMQ", PACKAGE)


def password_hash(password: str) -> str:
    """A password as RabbitMQ's definitions carry it: salt and salted SHA-256, in base64."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def definitions(
    users: Mapping[str, str], virtual_hosts: Iterable[str], permissions: Iterable[Permission]
) -> str:
    """Users, virtual hosts and rights as the JSON that a node loads at its start."""
    document = {
        "users": [
            {"name": name, "password_hash": password_hash(password), "tags": "",
             "hashing_algorithm": "rabbit_password_hashing_sha256"}
            for name, password in users.items()
        ],
        "vhosts": [{"name": name} for name in virtual_hosts],
        "permissions": [
            {"user": right.user, "vhost": right.virtual_host, "configure": right.configure,
             "write": right.write, "read": right.read}
            for right in permissions
        ],
    }  # fmt: skip
    return json.dumps(document, indent=1)


def prepare(
    folder: Path,
    port: int,
    *,
    definitions_json: str | None,
    settings: Mapping[str, str] | None = None,
    erlang_shell: bool = False,
) -> ServerCommand:
    """Write the configuration of a private node and tell how it is started.

    Parameters
    ----------
    definitions_json : from `definitions`; the file that exists is kept when this is None
    settings : more of rabbitmq.conf
    erlang_shell : give it an Erlang shell on standard input, by which tests command it

    Raises
    ------
    MissingServer : RabbitMQ or Erlang is not installed
    """
    server = server_folder()
    erlang = find_program("erl", package=PACKAGE).resolve().parents[1] / "lib"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    _link_applications(server / "plugins", folder / "applications")
    modules = folder / "modules"
    _link_modules(
        [
            *(folder / "applications").iterdir(),
            *(each for name in ERLANG for each in erlang.glob(f"{name}-*")),
        ],
        modules,
    )
    write_private(folder / "load_all", LOAD_ALL)
    if definitions_json is not None:
        write_private(folder / "definitions.json", definitions_json)
    lines = {
        "listeners.tcp.1": f"{LOOPBACK}:{port}",
        "definitions.import_backend": "local_filesystem",
        "definitions.local.path": str(folder / "definitions.json"),
        **SETTINGS,
        **(settings or {}),
    }
    write_private(folder / "rabbitmq.conf", "".join(f"{k} = {v}\n" for k, v in lines.items()))
    write_private(folder / "enabled_plugins", "[].\n")
    write_private(folder / "environment", "")
    # Any port will do: it is what a node that does not listen says where it listens.
    alone = f"-sname {NODE} -start_epmd false -dist_listen false -erl_epmd_port {port}"
    environment = {
        **base_environment(),
        "HOME": str(home),
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PLUGINS_DIR": str(folder / "applications"),
        "RABBITMQ_LOG": "-color",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": alone + (" -oldshell" if erlang_shell else ""),
        # Before what the server's own script says, in `folder`; else each is loaded when needed.
        "ERL_AFLAGS": "-pa modules -run file script load_all",
        # The script then becomes the node itself: its process id is the node's, signals reach it.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    if erlang_shell:
        environment["RABBITMQ_ALLOW_INPUT"] = "true"
    return ServerCommand(
        name="rabbitmq",
        argv=(str(server / "sbin" / "rabbitmq-server"),),
        folder=folder,
        environment=environment,
    )


def _link_applications(library: Path, links: Path) -> None:
    """Fill a folder with links to the applications that a plain broker needs."""
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir()
    for application in library.iterdir():
        if re.sub(r"-[0-9].*$", "", application.name) in APPLICATIONS:
            (links / application.name).symlink_to(application)


def _link_modules(applications: Iterable[Path], links: Path) -> None:
    """Fill a folder with links to the modules of applications; the first of a name counts."""
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir()
    modules: dict[str, Path] = {}
    for application in applications:
        for module in (application / "ebin").glob("*.beam"):
            modules.setdefault(module.name, module)
    for name, module in modules.items():
        (links / name).symlink_to(module)


def is_ready(port: int, *, timeout_s: float = 1.0) -> bool:
    """Whether it answers an AMQP connection.

    A stream may need a moment more after a restart: readers try again (`shared/broker`).
    """
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as link:
            link.settimeout(timeout_s)
            link.sendall(b"AMQP\x00\x00\x09\x01")
            return link.recv(1) == b"\x01"
    except OSError:
        return False
