"""Runs PostgreSQL's own programs for dumps as the role of the settings."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from services.administration.settings import AdministrationSettings
from shared.errors import Dependency, Misconfigured, Unavailable

LIBRARY_FOLDER = Path("/usr/lib/postgresql")  # of Debian: one folder a version
SAID_MOST = 2_000  # characters of a program's last words


def find_tool(name: str) -> Path:
    """Path of `pg_dump` or `pg_restore`: the newest of Debian's, else the one of the PATH.

    Raises
    ------
    Misconfigured : it is not installed
    """
    versions = [path for path in LIBRARY_FOLDER.glob(f"*/bin/{name}") if path.is_file()]
    if versions:
        return max(versions, key=lambda path: float(path.parents[1].name))
    found = shutil.which(name)
    if found is None:
        raise Misconfigured(f"{name} is not installed: on Debian it is in postgresql-client")
    return Path(found)


def run_tool(name: str, arguments: Sequence[str], settings: AdministrationSettings) -> None:
    """Run a program on the database of the settings, and wait for its end.

    The password goes through a private file that lives as long as the program.

    Raises
    ------
    Unavailable : it failed; the text has its last words
    Misconfigured : it is not installed
    """
    tool = find_tool(name)
    with tempfile.TemporaryDirectory(prefix="vitalwire-") as folder:
        passwords = Path(folder) / "passwords"
        passwords.touch(0o600)
        passwords.write_text(password_line(settings))
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "PGHOST": settings.database_host,
            "PGPORT": str(settings.database_port),
            "PGDATABASE": settings.database_name,
            "PGUSER": settings.database_user,
            "PGPASSFILE": str(passwords),
            "PGAPPNAME": f"{settings.instance} {name}",
        }
        try:
            answer = subprocess.run(  # noqa: S603  a fixed program, arguments without a shell
                [str(tool), "--no-password", *arguments],
                env=environment,
                capture_output=True,
                text=True,
                timeout=settings.backup_timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            text = f"{name} took longer than {settings.backup_timeout_s:.0f} s"
            raise Unavailable(Dependency.POSTGRESQL, text) from error
    if answer.returncode != 0:
        said = answer.stderr.strip()[-SAID_MOST:]
        raise Unavailable(Dependency.POSTGRESQL, f"{name} failed: {said}")


def password_line(settings: AdministrationSettings) -> str:
    """The line of a `.pgpass` file: colons and backslashes are escaped."""
    parts = (
        settings.database_host,
        str(settings.database_port),
        settings.database_name,
        settings.database_user,
        settings.database_password.get_secret_value(),
    )
    return ":".join(part.replace("\\", "\\\\").replace(":", "\\:") for part in parts) + "\n"
