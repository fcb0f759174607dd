"""The secrets of a deployment: made once as files of mode 0600, and what servers derive from them.

    python -m deploy.secret_files deploy/compose/secrets               # for compose.yaml
    python -m deploy.secret_files secrets --kubernetes vitalwire       # and print Secret manifests

A secret that is there stays: delete its file and run this again to have a new one. What is derived
(RabbitMQ's definitions, mosquitto's password lines, the SQL of the roles) is written anew.
"""

import argparse
import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import DATABASE, ROLES, SERVICES, VIRTUAL_HOST
from deploy.local.servers import mosquitto, rabbitmq
from deploy.local.servers.command import write_private
from shared.broker.topology import permissions

GATEWAY_USER = "vw_gateway"
# One file each, drawn at random.
DRAWN = (
    *(f"amqp_{role}" for role in ROLES),
    *(f"database_{role}" for role in ROLES),
    "database_superuser",
    f"mqtt_{GATEWAY_USER}",
    "api_token_key",
    "grafana_password",
)
DEFINITIONS = "rabbitmq_definitions.json"
PASSWORD_LINES = "mosquitto_service_passwords"  # noqa: S105  the name of a file
ROLES_SQL = "postgres_roles.sql"
CONTAINER_USER = 10_001  # of the images, when root makes the files
# What the servers of compose.yaml keep; a folder each.
DATA_FOLDERS = ("mosquitto", "rabbitmq", "postgres", "dsp", "prometheus", "grafana")
DERIVED = (DEFINITIONS, PASSWORD_LINES, ROLES_SQL)


@dataclass(frozen=True, slots=True)
class SecretOfCluster:
    """A Kubernetes Secret: its keys and the files that they are made of."""

    name: str
    files: Mapping[str, str]
    texts: Mapping[str, str]
    kind: str = "Opaque"


def _accounts(role: str) -> dict[str, str]:
    return {"amqp_password": f"amqp_{role}", "database_password": f"database_{role}"}


def secrets_of_cluster() -> tuple[SecretOfCluster, ...]:
    """THE table of Secrets that the manifests refer to and this program makes."""
    more = {
        "gateway": {"mqtt_password": f"mqtt_{GATEWAY_USER}"},
        "api": {"token_key": "api_token_key"},
    }
    found = [
        SecretOfCluster(f"vitalwire-{name}", _accounts(f"vw_{name}") | more.get(name, {}), {})
        for name in SERVICES
    ]
    found.append(SecretOfCluster("vitalwire-admin", _accounts("vw_admin"), {}))
    found.append(SecretOfCluster("vitalwire-mosquitto", {"service_passwords": PASSWORD_LINES}, {}))
    found.append(SecretOfCluster("vitalwire-rabbitmq", {"definitions.json": DEFINITIONS}, {}))
    found.append(
        SecretOfCluster(
            "vitalwire-postgres", {"password": "database_superuser", "roles.sql": ROLES_SQL}, {}
        )
    )
    # CloudNativePG takes the password of each role from a Secret of this kind.
    found += [
        SecretOfCluster(
            f"vitalwire-role-{role.removeprefix('vw_')}",
            {"password": f"database_{role}"},
            {"username": role},
            kind="kubernetes.io/basic-auth",
        )
        for role in ROLES
    ]
    return tuple(found)


def make_secret_files(folder: Path) -> None:
    """Make what is missing, derive the rest."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in DRAWN:
        path = folder / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32) + "\n")
    read = {name: (folder / name).read_text().strip() for name in DRAWN}
    rights = [
        rabbitmq.Permission(
            user=user,
            virtual_host=VIRTUAL_HOST,
            configure=right.configure,
            write=right.write,
            read=right.read,
        )
        for user, right in permissions().items()
    ]
    users = {role: read[f"amqp_{role}"] for role in ROLES}
    write_private(folder / DEFINITIONS, rabbitmq.definitions(users, [VIRTUAL_HOST], rights))
    lines = mosquitto.password_lines({GATEWAY_USER: read[f"mqtt_{GATEWAY_USER}"]})
    write_private(folder / PASSWORD_LINES, lines)
    passwords = {role: read[f"database_{role}"] for role in ROLES}
    write_private(folder / ROLES_SQL, roles_sql(passwords))


def make_data_folders(folder: Path) -> None:
    """Make the folders of compose's servers, for their user alone."""
    for path in (folder, *(folder / name for name in DATA_FOLDERS)):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def roles_sql(passwords: Mapping[str, str], *, database: str = DATABASE) -> str:
    """Roles with their passwords, and the database given to the administrator; twice is harmless.

    Raises
    ------
    ValueError : a password would need quoting; ours do not
    """
    lines = []
    for role, password in passwords.items():
        if not all(character.isalnum() or character in "-_" for character in password):
            raise ValueError(f"the password of {role} has other characters than ours have")
        lines.append(
            f"do $$ begin create role {role} login; "
            "exception when duplicate_object then null; end $$;\n"
            f"alter role {role} with login password '{password}';\n"
        )
    return "".join(lines) + f'alter database "{database}" owner to vw_admin;\n'


def manifests(folder: Path, namespace: str) -> str:
    """All Secrets as JSON documents that `kubectl apply -f -` takes."""
    documents = []
    for secret in secrets_of_cluster():
        data = {
            key: base64.b64encode((folder / file).read_text().rstrip("\n").encode()).decode()
            for key, file in secret.files.items()
        }
        data |= {k: base64.b64encode(text.encode()).decode() for k, text in secret.texts.items()}
        documents.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": secret.name, "namespace": namespace},
                "type": secret.kind,
                "data": data,
            }
        )
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}, indent=1)


def main() -> int:
    """Do as the command line says; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kubernetes", metavar="NAMESPACE", help="print Secret manifests")
    options = parser.parse_args()
    make_secret_files(options.folder)
    if options.kubernetes:
        print(manifests(options.folder, options.kubernetes))
    else:
        # Containers run as whoever owns the files: bind mounts keep owner and mode.
        environment = options.folder / "compose.env"
        data = options.folder.parent / "data"
        make_data_folders(data)
        user, group = os.getuid() or CONTAINER_USER, os.getgid() or CONTAINER_USER
        write_private(environment, f"VITALWIRE_UID={user}\nVITALWIRE_GID={group}\n")
        if os.getuid() == 0:
            for path in (options.folder, *options.folder.iterdir(), data, *data.iterdir()):
                os.chown(path, CONTAINER_USER, CONTAINER_USER)
        print(f"{options.folder}: start with --env-file {environment}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
