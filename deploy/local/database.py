"""The database of a deployment and its roles, as the superuser, before the first migration."""

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import asyncpg
import structlog

from deploy.local.layout import DATABASE
from deploy.local.servers.postgres import SUPERUSER

ADMINISTRATOR = "vw_admin"


def log_to(path: Path) -> None:
    """Have the log lines of migrations go to a file instead of the terminal."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=_private(path)),
    )


def _private(path: Path) -> TextIO:
    path.touch(mode=0o600)
    return path.open("a")


async def create_roles_and_database(
    *,
    host: str,
    port: int,
    superuser_password: str,
    passwords: Mapping[str, str],
    name: str = DATABASE,
) -> None:
    """Make each role that may log in, and a database that belongs to the administrator.

    What is there stays; passwords are set anew, so that files and database agree.
    """
    connection = await asyncpg.connect(
        host=host,
        port=port,
        user=SUPERUSER,
        password=superuser_password,
        database="postgres",
        timeout=10,
    )
    try:
        there = {row["rolname"] for row in await connection.fetch("select rolname from pg_roles")}
        for role, password in passwords.items():
            verb = "alter" if role in there else "create"
            statement = await connection.fetchval(
                f"select format('{verb} role %I with login password %L', $1::text, $2::text)",
                role,
                password,
            )
            await connection.execute(statement)
        exists = await connection.fetchval("select 1 from pg_database where datname = $1", name)
        if not exists:
            statement = await connection.fetchval(
                "select format('create database %I owner %I', $1::text, $2::text)",
                name,
                ADMINISTRATOR,
            )
            await connection.execute(statement)
    finally:
        await connection.close()
