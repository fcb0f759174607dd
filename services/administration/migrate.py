"""`vitalwire migrate`: brings the database and the streams to this version. Twice is harmless.

Applies the SQL migrations, declares exchanges, streams and queues, and counts a new incarnation
when streams had to be made, because saved offsets of the old ones say nothing about the new.
"""

import asyncio
import sys

import structlog

from services.administration.settings import MIB, AdministrationSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.topology import Retention, declarations, declare, exists
from shared.database.migrate import load_migrations, migrate
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.errors import Misconfigured, VitalwireError
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.service import EXIT_FAILED, EXIT_MISCONFIGURED
from shared.runtime.settings import read_settings
from shared.telemetry.logs import set_up_logs
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()

# RabbitMQ 3.10 saves which replicated logs it has twice a second. Killed before that, it answers
# for ever that the home node of the new streams is down (tried), and only new data folders help.
STREAMS_SAVED_S = 1.0


async def bring_up_to_date(
    settings: AdministrationSettings, *, clock: Clock, metrics: Metrics
) -> int:
    """Migrate and declare; gives the incarnation of the streams.

    Raises
    ------
    Misconfigured : the database is of a later version, or a stream exists with other arguments
    Unavailable : PostgreSQL or RabbitMQ does not answer
    """
    statements = load_statements("services.administration")
    address = BrokerAddress.of(settings)
    async with (
        Database.of(settings, instance=settings.instance, metrics=metrics) as database,
        Broker(address, instance=settings.instance, metrics=metrics) as broker,
    ):
        await migrate(database, load_migrations())
        async with database.session() as session:
            await session.execute(statements["choose_lanes"], settings.lanes)
            row = await session.fetch_one(statements["read_deployment"])
        assert row is not None, "the first migration inserts it"
        lanes, incarnation = int(row["lanes"]), int(row["incarnation"])
        retention = Retention(
            frames=settings.retention_frames_mib * MIB,
            late=settings.retention_late_mib * MIB,
            vitals=settings.retention_vitals_mib * MIB,
            events=settings.retention_events_mib * MIB,
        )
        wanted = [entry for entry in declarations(lanes, retention) if entry.is_stream]
        missing = [
            entry.name for entry in wanted if not await exists(broker.publishing, entry.name)
        ]
        if missing or incarnation == 0:
            # Counted before they are made: killed in between, it is counted once more, never less.
            async with database.session() as session:
                incarnation = int(await session.fetch_value(statements["begin_incarnation"]))
        created = await declare(broker.publishing, lanes=lanes, retention=retention)
        if created:
            await clock.sleep(STREAMS_SAVED_S)
    log.info("deployment_ready", lanes=lanes, incarnation=incarnation, streams_made=len(created))
    return incarnation


def main() -> int:
    """Run it with the settings of the environment; gives the exit status."""
    try:
        settings = read_settings(AdministrationSettings)
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISCONFIGURED
    set_up_logs(service=settings.service, instance=settings.instance, level=settings.log_level)
    try:
        asyncio.run(
            bring_up_to_date(settings, clock=SystemClock(), metrics=Metrics(settings.service))
        )
    except Misconfigured as error:
        log.error("migration_refused", reason=str(error))  # noqa: TRY400  the reason is enough
        return EXIT_MISCONFIGURED
    except VitalwireError as error:
        log.error("migration_failed", reason=str(error))  # noqa: TRY400
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
