"""`vitalwire migrate`: brings the database and the streams to this version. Twice is harmless.

Applies the SQL migrations, declares exchanges, streams and queues, and counts a new incarnation
when streams had to be made, because saved offsets of the old ones say nothing about the new.
"""

import asyncio
import sys
from dataclasses import dataclass

import structlog

from services.administration.settings import MIB, AdministrationSettings
from shared.broker.connection import Broker, BrokerAddress, Connection
from shared.broker.topology import Retention, declarations, declare, exists
from shared.database.migrate import load_migrations, migrate
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.errors import Misconfigured, VitalwireError
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.retry import BackOff, Retry
from shared.runtime.service import EXIT_FAILED, EXIT_MISCONFIGURED
from shared.runtime.settings import read_settings
from shared.telemetry.logs import set_up_logs
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()

# RabbitMQ 3.10 saves which replicated logs it has twice a second. Killed before that, it answers
# for ever that the home node of the new streams is down (tried), and only new data folders help.
STREAMS_SAVED_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What all processes read at their start; incarnation 0 means that there are no streams yet."""

    lanes: int
    incarnation: int


class Migration:
    """The two halves of a migration, so that one can be done while RabbitMQ is still starting.

    Parameters
    ----------
    clock : waits until RabbitMQ has saved what was made
    metrics : of the tool's two connections
    """

    def __init__(self, settings: AdministrationSettings, *, clock: Clock, metrics: Metrics) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._sql = load_statements("services.administration")

    async def of_database(self, database: Database) -> Deployment:
        """Apply the SQL history; gives the deployment as it is before the streams.

        Raises
        ------
        Misconfigured : the database is of a later version
        Unavailable : PostgreSQL does not answer
        """
        await migrate(database, load_migrations())
        async with database.session() as session:
            await session.execute(self._sql["choose_lanes"], self._settings.lanes)
            row = await session.fetch_one(self._sql["read_deployment"])
        assert row is not None, "the first migration inserts it"
        return Deployment(lanes=int(row["lanes"]), incarnation=int(row["incarnation"]))

    async def of_streams(self, database: Database, before: Deployment) -> Deployment:
        """Declare what is not there; gives the deployment as it is afterwards.

        Raises
        ------
        Misconfigured : a stream exists with other arguments
        Unavailable : RabbitMQ or PostgreSQL still does not answer after a while
        """
        address = BrokerAddress.of(self._settings)
        back_off = BackOff(most_s=1.0, attempts=self._settings.attempts_most)
        async with Broker(
            address, instance=self._settings.instance, metrics=self._metrics
        ) as broker:
            # The port answers before the streams are up.
            return await Retry(back_off=back_off).run(
                lambda: self._declare(database, broker.publishing, before), until=asyncio.Event()
            )

    async def _declare(
        self, database: Database, connection: Connection, before: Deployment
    ) -> Deployment:
        retention = Retention(
            frames=self._settings.retention_frames_mib * MIB,
            late=self._settings.retention_late_mib * MIB,
            vitals=self._settings.retention_vitals_mib * MIB,
            events=self._settings.retention_events_mib * MIB,
        )
        incarnation = before.incarnation
        wanted = [entry for entry in declarations(before.lanes, retention) if entry.is_stream]
        missing = [entry.name for entry in wanted if not await exists(connection, entry.name)]
        if missing or incarnation == 0:
            # Counted before they are made: killed in between, it is counted once more.
            async with database.session() as session:
                incarnation = int(await session.fetch_value(self._sql["begin_incarnation"]))
        created = await declare(connection, lanes=before.lanes, retention=retention)
        if created:
            await self._clock.sleep(STREAMS_SAVED_S)
        log.info(
            "deployment_ready",
            lanes=before.lanes,
            incarnation=incarnation,
            streams_made=len(created),
        )
        return Deployment(lanes=before.lanes, incarnation=incarnation)


async def bring_up_to_date(
    settings: AdministrationSettings, *, clock: Clock, metrics: Metrics
) -> Deployment:
    """Migrate and declare.

    Raises
    ------
    Misconfigured : the database is of a later version, or a stream exists with other arguments
    Unavailable : PostgreSQL or RabbitMQ does not answer
    """
    migration = Migration(settings, clock=clock, metrics=metrics)
    async with Database.of(settings, instance=settings.instance, metrics=metrics) as database:
        before = await migration.of_database(database)
        return await migration.of_streams(database, before)


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
