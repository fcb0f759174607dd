"""Applies `NNNN_what.sql` files once, in order, each in a transaction of its own.

Forward only, under an advisory lock, with timeouts: a migration that would wait for a lock gives
up rather than hold up every other statement behind it. An applied file never changes: its
checksum is kept and compared.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import structlog

from shared.database.pool import Database, Session
from shared.database.statements import Statements, load_statements
from shared.errors import Misconfigured

log = structlog.get_logger()

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
TIMEOUT_S = 900.0  # of one migration; its statements have the limits of `limit_migration`


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of the history."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(package: str = "services.storage.schema") -> tuple[Migration, ...]:
    """All migrations of a folder, in order.

    Raises
    ------
    Misconfigured : a number stands twice; one may be missing: it was never needed
    """
    found = []
    for entry in resources.files(package).iterdir():
        match = _FILE.fullmatch(entry.name)
        if match:
            found.append(
                Migration(
                    number=int(match[1]),
                    name=entry.name.removesuffix(".sql"),
                    sql=entry.read_text("utf-8"),
                )
            )
    found.sort(key=lambda migration: migration.number)
    numbers = [migration.number for migration in found]
    if len(set(numbers)) != len(numbers):
        raise Misconfigured(f"{package}: a number stands twice among the migrations {numbers}")
    return tuple(found)


async def migrate(database: Database, migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """Apply what was not applied; gives those that were applied now. Twice is harmless.

    Raises
    ------
    Misconfigured : an applied file was changed, or the database knows a later history than we
    Unavailable : PostgreSQL is away, or a lock could not be had in time: try again
    """
    statements = load_statements("shared.database")
    async with database.dedicated() as session:
        await session.execute(statements["take_migration_lock"])
        try:
            return await _apply_missing(session, migrations, statements)
        finally:
            if not session.is_closed:
                await session.execute(statements["release_migration_lock"])


async def _apply_missing(
    session: Session, migrations: Sequence[Migration], statements: Statements
) -> tuple[Migration, ...]:
    await session.execute(statements["make_migration_schema"])
    await session.execute(statements["make_migration_table"])
    applied = {row["number"]: row for row in await session.fetch(statements["list_applied"])}
    known = {migration.number: migration for migration in migrations}
    for number, row in applied.items():
        if number not in known:
            raise Misconfigured(
                f"the database has migration {row['name']}, which this program does not know: "
                "it was migrated by a later version"
            )
        if row["checksum"] != known[number].checksum:
            raise Misconfigured(
                f"migration {row['name']} was changed after it was applied: "
                "restore it and write the change as a new one"
            )
    now_applied = []
    for migration in migrations:
        if migration.number in applied:
            continue
        async with session.savepoint():
            await session.execute(statements["limit_migration"])
            await session.run_script(migration.sql, name=migration.name, timeout_s=TIMEOUT_S)
            await session.execute(
                statements["remember_applied"],
                migration.number,
                migration.name,
                migration.checksum,
            )
        log.info("migration_applied", migration=migration.name)
        now_applied.append(migration)
    return tuple(now_applied)
