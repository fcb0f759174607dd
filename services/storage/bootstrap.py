"""Joins storage: settings, adapters, writers, loops."""

import asyncio

import structlog

from services.storage.adapters.erasure_table import ErasureTable, RemovalTable
from services.storage.adapters.event_table import EventRows
from services.storage.adapters.frame_copy import FrameCopy
from services.storage.adapters.hour_table import HourTable
from services.storage.adapters.messages import (
    EventQueue,
    ParkingQueue,
    ReceiptQueue,
    StreamsOfIncarnation,
)
from services.storage.adapters.partition_table import PartitionTable
from services.storage.adapters.position_table import PositionTable
from services.storage.adapters.rollup_table import RollupTable
from services.storage.adapters.vital_copy import VitalCopy
from services.storage.application.compaction import Compaction, CompactionPolicy
from services.storage.application.erasing import Erasing
from services.storage.application.frames import TimeBounds
from services.storage.application.lane import LaneWriters, Limits
from services.storage.application.retention import Retention
from services.storage.application.rollup import RollingUp, RollupPolicy
from services.storage.application.stream_writer import CommitPolicy
from services.storage.core.erased import Fence
from services.storage.core.partitions import Partitioned
from services.storage.core.retention import Keeping
from services.storage.metrics import StorageMetrics
from services.storage.settings import StorageSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.publisher import Publisher
from shared.contracts.instants import DAY, HOUR, SECOND
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.errors import Unavailable
from shared.ownership.deployment import DeploymentWatch, read_deployment
from shared.ownership.leases import LaneOwnership
from shared.runtime.retry import BackOff, Retry
from shared.runtime.service import Runtime

log = structlog.get_logger()


async def bootstrap(settings: StorageSettings, runtime: Runtime) -> None:
    """Open everything and name the loops."""
    statements = load_statements("services.storage.adapters")
    metrics = StorageMetrics(runtime.metrics)
    retry = Retry(BackOff(first_s=0.1, most_s=3.0), on_failure=_tell_failure)
    database = await runtime.open(
        Database.of(settings, instance=settings.instance, metrics=runtime.metrics)
    )
    deployment = await retry.run(lambda: read_deployment(database), until=runtime.stop)
    lanes, incarnation = deployment
    broker = await runtime.open(
        Broker(BrokerAddress.of(settings), instance=settings.instance, metrics=runtime.metrics)
    )
    publisher = await runtime.open(Publisher(broker, clock=runtime.clock))
    partitions = PartitionTable(database, statements)
    fence = Fence()
    erasures = ErasureTable(database, statements)
    fence.erased = await retry.run(erasures.erased, until=runtime.stop)
    writers = LaneWriters(
        lanes=lanes,
        limits=_limits(settings),
        streams=StreamsOfIncarnation(
            broker, incarnation, prefetch=settings.storage_commit_messages_most
        ),
        positions=PositionTable(database, statements, incarnation),
        partitions=partitions,
        frames=FrameCopy(database, statements),
        vitals=VitalCopy(database, statements),
        events=EventRows(database, statements),
        receipts=lambda lane: ReceiptQueue(publisher, lane),
        parking=ParkingQueue(publisher, runtime.clock),
        event_stream=EventQueue(publisher),
        clock=runtime.clock,
        metrics=metrics,
        retry=retry,
        fence=fence,
    )
    # One more than there are lanes: the last stands for the events, which have one writer too.
    ownership = LaneOwnership(
        database,
        service="storage",
        lanes=lanes + 1,
        incarnation=incarnation,
        metrics=runtime.metrics,
    )
    watch = DeploymentWatch(database, service="storage", deployment=deployment)
    await retry.run(watch.look, until=runtime.stop)
    resting = watch.resting(writers.run)

    async def write_lanes(stop: asyncio.Event) -> None:
        await ownership.run(stop, resting)

    runtime.loop("lanes", write_lanes)
    runtime.loop("deployment", watch.run)
    compaction = Compaction(
        policy=_compaction(settings),
        hours=HourTable(database, statements),
        partitions=partitions,
        clock=runtime.clock,
        metrics=metrics,
    )
    rolling_up = RollingUp(
        policy=_rollup(settings),
        rollups=RollupTable(database, statements),
        partitions=partitions,
        clock=runtime.clock,
        metrics=metrics,
    )
    retention = Retention(
        keeping=_keeping(settings),
        every_s=settings.storage_retention_every_s,
        removals=RemovalTable(database, statements),
        erasures=erasures,
        clock=runtime.clock,
        metrics=metrics,
    )
    erasing = Erasing(
        every_s=settings.storage_erasure_every_s,
        wait_s=settings.storage_erasure_wait_s,
        erasures=erasures,
        fence=fence,
        clock=runtime.clock,
        metrics=metrics,
    )
    runtime.loop("partitions", writers.keep_partitions_ahead)
    runtime.loop("compaction", compaction.run)
    runtime.loop("rollup", rolling_up.run)
    runtime.loop("retention", retention.run)
    runtime.loop("erasing", erasing.run)
    runtime.health.report("started", ready=True)
    log.info("storage_joined", lanes=lanes, incarnation=incarnation)


VITALS_WAIT_LONGER = 2.0
"""Times the interval of frames: no device waits for a receipt of vital signs, and a commit of them
costs the same whatever is in it."""


def _limits(settings: StorageSettings) -> Limits:
    interval_s = settings.storage_commit_interval_s
    return Limits(
        policy=CommitPolicy(
            interval_s=interval_s, messages_most=settings.storage_commit_messages_most
        ),
        late_policy=CommitPolicy(
            interval_s=interval_s, messages_most=settings.storage_late_messages_most
        ),
        vital_policy=CommitPolicy(
            interval_s=VITALS_WAIT_LONGER * interval_s,
            messages_most=settings.storage_commit_messages_most,
        ),
        give_way_most_s=settings.storage_late_give_way_most_s,
        bounds=_bounds(settings, settings.storage_keep_blocks_days),
        vital_bounds=_bounds(
            settings, settings.storage_keep_vitals_days, settings.storage_keep_beats_days
        ),
        known_boots=settings.storage_known_boots_most,
        known_values=settings.storage_known_values_most,
    )


def _bounds(settings: StorageSettings, *keep_days: float) -> TimeBounds:
    """Times that are let in: nothing that would be removed again."""
    return TimeBounds(
        back_us=round(min(settings.storage_oldest_data_days, *keep_days) * DAY),
        ahead_us=round(settings.storage_ahead_most_s * SECOND),
    )


def _keeping(settings: StorageSettings) -> Keeping:
    days = {
        Partitioned.BLOCK: settings.storage_keep_blocks_days,
        Partitioned.VITAL: settings.storage_keep_vitals_days,
        Partitioned.BEAT: settings.storage_keep_beats_days,
        Partitioned.VITAL_MINUTE: settings.storage_keep_minutes_days,
        Partitioned.VITAL_HOUR: settings.storage_keep_hours_days,
    }
    return Keeping(
        partitions={table: round(kept * DAY) for table, kept in days.items()},
        events_us=round(settings.storage_keep_events_days * DAY),
        conflicts_us=round(settings.storage_keep_conflicts_days * DAY),
        commands_us=round(settings.storage_keep_commands_days * DAY),
    )


def _compaction(settings: StorageSettings) -> CompactionPolicy:
    return CompactionPolicy(
        hot_us=round(settings.storage_hot_hours * HOUR),
        every_s=settings.storage_compaction_every_s,
        share=settings.storage_compaction_share,
    )


def _rollup(settings: StorageSettings) -> RollupPolicy:
    return RollupPolicy(
        settle_us=round(settings.storage_rollup_settle_s * SECOND),
        every_s=settings.storage_rollup_every_s,
    )


def _tell_failure(attempt: int, error: Unavailable, delay_s: float) -> None:
    log.warning("storage_waits", attempt=attempt, error=str(error), delay_s=round(delay_s, 3))
