"""Joins the signal processing: settings, adapters, loops."""

import asyncio
from collections.abc import Callable

import structlog

from services.dsp.adapters.assignment_table import AssignmentTable
from services.dsp.adapters.circumstance_tables import CircumstanceTables
from services.dsp.adapters.frame_reader import FrameReader
from services.dsp.adapters.late_table import LateIntervals
from services.dsp.adapters.position_table import PositionTable
from services.dsp.adapters.sample_reader import SampleReader
from services.dsp.adapters.stance_table import StanceTable
from services.dsp.adapters.state_files import StateFiles, identity_of_code
from services.dsp.adapters.vital_stream import VitalStream
from services.dsp.application.lane import Lanes
from services.dsp.application.late import LatePace
from services.dsp.application.live import Pace
from services.dsp.metrics import DspMetrics
from services.dsp.settings import DspSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.publisher import Publisher
from shared.contracts.streams import STREAMS, Stream
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.device_models.catalogue import load_device_models
from shared.errors import Unavailable
from shared.ownership.deployment import DeploymentWatch, read_deployment
from shared.ownership.leases import LaneOwnership
from shared.runtime.retry import BackOff, Retry
from shared.runtime.service import Runtime

log = structlog.get_logger()
TOGETHER = 0.1  # of the time between two computations lanes wait for what others give


async def bootstrap(settings: DspSettings, runtime: Runtime) -> None:
    """Open everything and name the loops."""
    statements = load_statements("services.dsp.adapters")
    metrics = DspMetrics(runtime.metrics)
    retry = Retry(BackOff(first_s=0.1, most_s=3.0), on_failure=_counted(metrics))
    database = await runtime.open(
        Database.of(settings, instance=settings.instance, metrics=runtime.metrics)
    )
    deployment = await retry.run(lambda: read_deployment(database), until=runtime.stop)
    lanes, incarnation = deployment
    broker = await runtime.open(
        Broker(BrokerAddress.of(settings), instance=settings.instance, metrics=runtime.metrics)
    )
    publisher = await runtime.open(Publisher(broker, clock=runtime.clock))
    assignments = AssignmentTable(database, statements, settings.dsp_assignments_interval_s)
    await retry.run(assignments.refresh, until=runtime.stop)
    samples = SampleReader(database, statements)
    told = CircumstanceTables(
        database,
        statements,
        settings.dsp_maps_interval_s,
        channels=_access_points(),
        stances=StanceTable(database, statements, samples),
    )
    await retry.run(told.refresh, until=runtime.stop)
    work = Lanes(
        incarnation=incarnation,
        frames=FrameReader(broker, incarnation, messages_most=settings.dsp_messages_most),
        positions=PositionTable(database, statements, incarnation),
        assignments=assignments,
        outlet=VitalStream(
            publisher,
            assignments,
            lanes=lanes,
            incarnation=incarnation,
            clock=runtime.clock,
            together_s=TOGETHER * settings.dsp_compute_interval_s,
        ),
        late_table=LateIntervals(database, statements, incarnation),
        samples=samples,
        pace=Pace(
            compute_interval_s=settings.dsp_compute_interval_s,
            messages_most=settings.dsp_messages_most,
            save_interval_s=settings.dsp_save_interval_s,
            state_interval_s=settings.dsp_state_interval_s,
        ),
        late_pace=LatePace(
            interval_s=settings.dsp_late_interval_s,
            quiet_s=settings.dsp_late_quiet_s,
            wait_s=settings.dsp_late_wait_s,
        ),
        clock=runtime.clock,
        metrics=metrics,
        retry=retry,
        circumstances=told.circumstances,
        states=None if settings.dsp_state_folder is None else StateFiles(settings.dsp_state_folder),
        identity=identity_of_code(),
    )
    ownership = LaneOwnership(
        database, service="dsp", lanes=lanes, incarnation=incarnation, metrics=runtime.metrics
    )
    watch = DeploymentWatch(database, service="dsp", deployment=deployment)
    await retry.run(watch.look, until=runtime.stop)
    resting = watch.resting(work.run, ready=work.may_leave)

    async def compute_lanes(stop: asyncio.Event) -> None:
        await ownership.run(stop, resting)

    runtime.loop("lanes", compute_lanes)
    runtime.loop("assignments", assignments.run)
    runtime.loop("circumstances", told.run)
    runtime.loop("deployment", watch.run)
    runtime.health.report("started", ready=True)
    log.info("dsp_joined", lanes=lanes, incarnation=incarnation)


def _access_points() -> dict[str, tuple[str, ...]]:
    """How models call the channels of their scans."""
    return {
        name: stream.channels
        for name, model in load_device_models().items()
        for stream in model.streams
        if stream.key == STREAMS[Stream.WIFI_RSSI].key and stream.channels
    }


def _counted(metrics: DspMetrics) -> Callable[[int, Unavailable, float], None]:
    def tell(attempt: int, error: Unavailable, delay_s: float) -> None:
        metrics.failures.labels(error.dependency).inc()
        log.warning("dsp_waits", attempt=attempt, error=str(error), delay_s=round(delay_s, 3))

    return tell
