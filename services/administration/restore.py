"""`vitalwire restore FOLDER`: puts a backup into an empty database, and joins it to the streams.

The services must not run. Afterwards they read on from the offsets of the backup, so what the
streams have kept since then is stored again, and devices send what nobody told them is stored.
Where the streams were made anew since the backup, they are read from their beginning; where they
are gone, they are made.
"""

import argparse
import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import msgspec
import structlog

from services.administration.backup import (
    COUNTED,
    DESCRIPTION,
    DUMP,
    FORMAT,
    BackupDescription,
    digests,
    reason_of,
)
from services.administration.migrate import Deployment, bring_up_to_date
from services.administration.postgres_tools import run_tool
from services.administration.settings import AdministrationSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.streams import StreamEdge, StreamReader
from shared.broker.topology import exists, permissions
from shared.contracts.identity import MAX_LANES, Lane, is_lane_count
from shared.contracts.names import LANE_STREAMS, Exchange, Header, lane_queue
from shared.database.migrate import load_migrations
from shared.database.pool import Database, Session
from shared.database.statements import Statements, load_statements
from shared.errors import Conflict, Misconfigured, VitalwireError
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.service import EXIT_FAILED, EXIT_MISCONFIGURED
from shared.runtime.settings import read_settings
from shared.telemetry.logs import set_up_logs
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()

IDENTITIES_SKIPPED = 100_000  # more patients, devices or accounts than are made between backups
PEEK_S = 3.0  # an empty stream says nothing


async def restore(folder: Path, settings: AdministrationSettings, *, clock: Clock) -> Deployment:
    """Restore into the empty database of the settings; gives the deployment as it is then.

    Raises
    ------
    Misconfigured : the backup is not whole or of a later version, or the database is not empty or
        lacks roles; the text says what to do
    Conflict : services are connected, or what was restored is not what was saved
    Unavailable : PostgreSQL or RabbitMQ does not answer, or pg_restore failed
    """
    description = await asyncio.to_thread(read_description, folder)
    sql = load_statements("services.administration")
    metrics = Metrics(settings.service)
    async with Database.of(settings, instance=settings.instance, metrics=metrics) as database:
        async with database.session() as session:
            await _check_empty(session, sql)
        arguments = [
            "--exit-on-error",
            f"--jobs={settings.backup_jobs}",
            f"--dbname={settings.database_name}",
            str(folder / DUMP),
        ]
        await asyncio.to_thread(run_tool, "pg_restore", arguments, settings)
        async with database.session() as session:
            await session.execute(sql["bar_the_public"])
            counts = await session.fetch_one(sql["count_again"])
            assert counts is not None
            found = {name: counts[name] for name in COUNTED}
            if found != description.counts:
                raise Conflict(f"restored {found}, but {description.counts} were saved")
            await session.fetch(sql["skip_identities"], IDENTITIES_SKIPPED)
            broken = await session.fetch(sql["verify_audit"])
            if broken:  # it was so when it was saved: somebody has to know, nothing to refuse
                log.error("audit_chain_broken", links=len(broken))
        log.info("database_restored", made_at=description.made_at, **description.counts)
        await _join_streams(database, description, settings, sql, metrics)
    return await bring_up_to_date(settings, clock=clock, metrics=Metrics(settings.service))


def read_description(folder: Path) -> BackupDescription:
    """What a backup says of itself, held against its files.

    Raises
    ------
    Misconfigured : it is not whole, was changed, or is of a later version
    """
    try:
        description = msgspec.json.decode(
            (folder / DESCRIPTION).read_bytes(), type=BackupDescription
        )
    except (OSError, msgspec.DecodeError) as error:
        raise Misconfigured(
            f"{folder} has no whole backup: {DESCRIPTION}, which is written last, cannot be read"
        ) from error
    newest = load_migrations()[-1].number
    if description.format != FORMAT or description.migration > newest:
        raise Misconfigured(
            f"the backup is of a later version (migration {description.migration}, this one has "
            f"{newest}): restore it with that version"
        )
    found = digests(folder / DUMP)
    differ = sorted(
        name
        for name in found.keys() | description.files.keys()
        if found.get(name) != description.files.get(name)
    )
    if differ:
        raise Misconfigured(f"files of the backup are missing or changed: {', '.join(differ[:5])}")
    return description


async def _check_empty(session: Session, sql: Statements) -> None:
    if await session.fetch_value(sql["our_schemas"]):
        raise Misconfigured("the database is not empty: restore into a new one")
    roles = sorted(permissions())
    missing = [row["name"] for row in await session.fetch(sql["missing_roles"], roles)]
    if missing:
        raise Misconfigured(f"roles are missing in this PostgreSQL: {', '.join(missing)}")
    sessions = [row["application_name"] for row in await session.fetch(sql["other_sessions"])]
    if sessions:
        raise Conflict(f"services are connected, stop them first: {', '.join(sessions)}")


async def _join_streams(
    database: Database,
    description: BackupDescription,
    settings: AdministrationSettings,
    sql: Statements,
    metrics: Metrics,
) -> None:
    """Where the streams are of a later incarnation than the backup, take theirs."""
    address = BrokerAddress.of(settings)
    async with Broker(address, instance=settings.instance, metrics=metrics) as broker:
        lanes = await count_lanes(broker)
        async with asyncio.TaskGroup() as group:  # an empty stream takes PEEK_S to say nothing
            peeking = [
                group.create_task(newest_incarnation(broker, lane_queue(exchange, Lane(lane))))
                for exchange in (Exchange.FRAMES, Exchange.VITALS)
                for lane in range(lanes)
            ]
        told = [task.result() for task in peeking]
    newest = max((number for number in told if number is not None), default=0)
    if not is_lane_count(lanes):
        log.warning("streams_are_gone", streams_of_frames=lanes)
        return  # they are made, and a new incarnation begins
    if newest > description.incarnation or lanes != description.lanes:
        incarnation = max(newest, description.incarnation + 1)
        async with database.session() as session:
            await session.execute(sql["adopt_streams"], lanes, incarnation)
        log.info("streams_adopted", lanes=lanes, incarnation=incarnation)


async def count_lanes(broker: Broker) -> int:
    """How many lanes have all their streams."""
    for lane in range(MAX_LANES):
        for exchange in LANE_STREAMS:
            if not await exists(broker.publishing, lane_queue(exchange, Lane(lane))):
                return lane
    return MAX_LANES


async def newest_incarnation(broker: Broker, stream: str) -> int | None:
    """The incarnation that the newest messages of a stream carry; None where there are none."""
    try:
        async with (
            asyncio.timeout(PEEK_S),
            StreamReader(broker, stream, start=StreamEdge.LAST) as reader,
            aclosing(reader.batches(until=asyncio.Event())) as batches,
        ):
            async for batch in batches:
                told = batch.messages[-1].headers.get(Header.INCARNATION)
                return told if isinstance(told, int) else None
    except TimeoutError:
        return None
    return None


def main() -> int:
    """Restore as the command line and the environment say; gives the exit status."""
    parser = argparse.ArgumentParser(prog="vitalwire restore", description=__doc__)
    parser.add_argument("folder", type=Path, help="what `vitalwire backup` made")
    options = parser.parse_args()
    try:
        settings = read_settings(AdministrationSettings)
        set_up_logs(service=settings.service, instance=settings.instance, level=settings.log_level)
        made = asyncio.run(restore(options.folder, settings, clock=SystemClock()))
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISCONFIGURED
    except (VitalwireError, ExceptionGroup) as error:
        log.error("restore_failed", reason=reason_of(error))  # noqa: TRY400  the reason is enough
        return EXIT_FAILED
    log.info("restored", lanes=made.lanes, incarnation=made.incarnation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
