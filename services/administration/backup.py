"""`vitalwire backup FOLDER`: the whole database of one moment, while everything runs.

A folder with PostgreSQL's own dump and `backup.json`, which is written last: without it the
backup is not whole. It has no secrets of services and nothing of the streams: rows and the offsets
up to which the streams are stored are of the same moment, so after a restore the services read on
from there, and what the streams and the devices still have closes the gap.
"""

import argparse
import asyncio
import hashlib
import shutil
import sys
from pathlib import Path

import msgspec
import structlog

from services.administration.postgres_tools import run_tool
from services.administration.settings import AdministrationSettings
from shared.contracts.instants import to_text
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.errors import Misconfigured, VitalwireError
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.service import EXIT_FAILED, EXIT_MISCONFIGURED
from shared.runtime.settings import read_settings
from shared.telemetry.logs import set_up_logs
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()

DUMP = "database"
DESCRIPTION = "backup.json"
FORMAT = 1
KEEP_ALIVE_S = 20.0  # a transaction that idles for a minute is ended
COUNTED = ("devices", "patients", "assignments", "accounts", "audit_entries")
CHUNK_BYTES = 1024 * 1024


class BackupDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What `backup.json` says.

    Parameters
    ----------
    migration : number of the newest migration of the database
    positions : offset up to which each stream was stored
    counts : rows of some tables, to hold a restored database against
    files : SHA-256 of every file of the dump
    """

    format: int
    made_at: str
    migration: int
    lanes: int
    incarnation: int
    positions: dict[str, int]
    counts: dict[str, int]
    files: dict[str, str]


async def back_up(
    folder: Path, settings: AdministrationSettings, *, clock: Clock, metrics: Metrics
) -> BackupDescription:
    """Write a backup into a folder that is not there yet, or empty.

    Raises
    ------
    Misconfigured : the folder has something in it, or pg_dump is not installed
    Unavailable : PostgreSQL does not answer, or the dump failed; the folder is left as it is
    """
    await asyncio.to_thread(_make_folder, folder)
    made_at = to_text(clock.now_us())
    sql = load_statements("services.administration")
    async with (
        Database.of(settings, instance=settings.instance, metrics=metrics) as database,
        database.transaction() as session,
    ):
        stock = await session.fetch_one(sql["take_stock"])
        assert stock is not None, "the first migration inserts the deployment"
        arguments = [
            "--format=directory",
            f"--jobs={settings.backup_jobs}",
            f"--snapshot={stock['snapshot']}",
            f"--file={folder / DUMP}",
        ]
        async with asyncio.TaskGroup() as group:
            dumping = group.create_task(asyncio.to_thread(run_tool, "pg_dump", arguments, settings))
            while not dumping.done():
                await asyncio.wait([dumping], timeout=KEEP_ALIVE_S)
                await session.fetch_value(sql["our_schemas"])  # not forgotten, only waiting
    description = BackupDescription(
        format=FORMAT,
        made_at=made_at,
        migration=stock["migration"],
        lanes=stock["lanes"],
        incarnation=stock["incarnation"],
        positions=stock["positions"],
        counts={name: stock[name] for name in COUNTED},
        files=await asyncio.to_thread(digests, folder / DUMP),
    )
    text = msgspec.json.format(msgspec.json.encode(description), indent=1)
    unfinished = folder / f".{DESCRIPTION}"
    unfinished.write_bytes(text + b"\n")
    unfinished.rename(folder / DESCRIPTION)
    return description


def new_folder(into: Path, now_us: int) -> Path:
    """A folder below another for the backup of this second: `2026-11-21T101500Z`."""
    return into / (to_text(now_us).partition(".")[0].replace(":", "") + "Z")


def remove_old(into: Path, keep: int) -> list[Path]:
    """Remove all whole backups below a folder but the newest; gives what was removed.

    What is not a backup, or not a whole one, stays: somebody may want to look at it.
    """
    whole = sorted(path.parent for path in into.glob(f"*/{DESCRIPTION}"))
    old = whole[: max(0, len(whole) - keep)]
    for folder in old:
        # First what makes it whole: killed in between, nobody takes the rest for a backup.
        (folder / DESCRIPTION).unlink()
        shutil.rmtree(folder)
    return old


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Misconfigured(f"{folder} is not empty: name a new folder for each backup")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
            found[str(path.relative_to(folder))] = digest.hexdigest()
    return found


def main() -> int:
    """Back up as the command line and the environment say; gives the exit status."""
    parser = argparse.ArgumentParser(prog="vitalwire backup", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("folder", type=Path, nargs="?", help="a new folder")
    where.add_argument("--into", type=Path, help="make a folder below it, named by the time")
    parser.add_argument("--keep", type=int, help="with --into: remove all but so many of before")
    options = parser.parse_args()
    if options.keep is not None and (options.into is None or options.keep < 1):
        parser.error("--keep needs --into, and keeps at least 1")
    clock = SystemClock()
    folder: Path = options.folder or new_folder(options.into, clock.now_us())
    try:
        settings = read_settings(AdministrationSettings)
        set_up_logs(service=settings.service, instance=settings.instance, level=settings.log_level)
        made = asyncio.run(
            back_up(folder, settings, clock=clock, metrics=Metrics(settings.service))
        )
        removed = remove_old(options.into, options.keep) if options.keep else []
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISCONFIGURED
    except (VitalwireError, ExceptionGroup) as error:
        log.error("backup_failed", reason=reason_of(error))  # noqa: TRY400  the reason is enough
        return EXIT_FAILED
    log.info(
        "backup_made",
        folder=str(folder),
        files=len(made.files),
        removed=[path.name for path in removed],
        **made.counts,
    )
    return 0


def reason_of(error: BaseException) -> str:
    """The words of an error, also of one that a task group wrapped."""
    return reason_of(error.exceptions[0]) if isinstance(error, ExceptionGroup) else str(error)


if __name__ == "__main__":
    sys.exit(main())
