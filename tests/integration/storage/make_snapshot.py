"""Writes services/storage/schema/snapshot.sql; run it with ``python -m``.

The snapshot is what pg_dump says of a freshly migrated database: tables, functions, grants.
"""

import asyncio
import os
import subprocess
from pathlib import Path

from deploy.local.servers.postgres import program_folder
from tests.harness.deployment import fill, make_roles
from tests.harness.postgres import Database, Postgres

SNAPSHOT = Path(__file__).resolve().parents[3] / "services/storage/schema/snapshot.sql"
HEAD = (
    "-- Generated from the migrations by pg_dump; do not edit. To write it anew:\n"
    "-- python -m tests.integration.storage.make_snapshot\n\n"
)


def dump(database: Database) -> str:
    """The schema as pg_dump tells it, without what changes from run to run."""
    told = subprocess.run(
        [
            str(program_folder() / "pg_dump"),
            "--schema-only",
            "--exclude-schema=migration",
            f"--host={database.host}",
            f"--port={database.port}",
            f"--username={database.user}",
            database.name,
        ],
        env={**os.environ, "PGPASSWORD": database.password},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    kept = [
        line
        for line in told.splitlines()
        if line and not line.startswith(("--", "SET ", "SELECT pg_catalog.set_config", "\\"))
    ]
    return HEAD + "\n".join(kept) + "\n"


async def migrated(server: Postgres) -> Database:
    """A migrated database on a server without any role of ours."""
    await make_roles(server.database("postgres"))
    name = await server.create_template("snapshot", fill)
    return server.database(name)


def main() -> None:
    """Start a private server, migrate, dump, write."""
    server = Postgres()
    try:
        server.start()
        database = asyncio.run(migrated(server))
        SNAPSHOT.write_text(dump(database))
    finally:
        server.discard()


if __name__ == "__main__":
    main()
