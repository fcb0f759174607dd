"""Joins the rooms of the alarm service."""

import asyncio
from collections.abc import Mapping

from services.alarms.adapters.action_queue import AlarmActions
from services.alarms.adapters.alarm_table import ActionTable, AlarmTable
from services.alarms.adapters.announcer import BrokerAnnouncer, ParkingQueue
from services.alarms.adapters.default_limits import load_default_limits
from services.alarms.adapters.registry_table import RegistryRows
from services.alarms.adapters.vital_reader import (
    EventUnderstanding,
    StreamFeed,
    VitalUnderstanding,
)
from services.alarms.application.actions import ActionIntake, ActionPickup
from services.alarms.application.evaluation import Equipment
from services.alarms.application.lane import LaneInputs, LaneWork
from services.alarms.application.ports import Feed
from services.alarms.application.registry_watch import RegistryWatch
from services.alarms.metrics import AlarmMetrics
from services.alarms.settings import AlarmSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.publisher import Publisher
from shared.broker.streams import StreamEdge
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, Queue, lane_queue
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.device_models.catalogue import load_device_models
from shared.ownership.deployment import DeploymentWatch, read_deployment
from shared.ownership.leases import LaneOwnership
from shared.runtime.retry import Retry
from shared.runtime.service import Runtime


async def bootstrap(settings: AlarmSettings, runtime: Runtime) -> None:
    """Open the adapters and name the loops."""
    metrics = AlarmMetrics(runtime.metrics)
    defaults = load_default_limits()
    statements = load_statements("services.alarms.adapters")
    database = await runtime.open(
        Database.of(settings, instance=settings.instance, metrics=runtime.metrics)
    )
    registry = RegistryRows(database, statements, load_device_models())
    deployment = await Retry().run(lambda: read_deployment(database), until=runtime.stop)
    broker = await runtime.open(
        Broker(BrokerAddress.of(settings), instance=settings.instance, metrics=runtime.metrics)
    )
    publisher = await runtime.open(Publisher(broker, clock=runtime.clock))
    inputs = LaneInputs(deployment.lanes)
    inbox = ActionTable(database, statements)
    store = AlarmTable(
        database,
        statements,
        incarnation=deployment.incarnation,
        lane_of=inputs.lane_of,
        clock=runtime.clock,
    )
    watch = RegistryWatch(registry, inputs, every_s=settings.registry_every_s)
    vitals = VitalUnderstanding(metrics, runtime.clock)

    def open_feeds(lane: Lane, positions: Mapping[str, int]) -> tuple[Feed, ...]:
        values, events = lane_queue(Exchange.VITALS, lane), Queue.EVENTS.value
        return (
            StreamFeed(
                broker,
                values,
                start=positions.get(values, StreamEdge.FIRST),
                incarnation=deployment.incarnation,
                understand=vitals,
            ),
            StreamFeed(
                broker,
                events,
                start=positions.get(events, StreamEdge.FIRST),
                incarnation=deployment.incarnation,
                understand=EventUnderstanding(lane, inputs.lane_of, metrics),
            ),
        )

    work = LaneWork(
        inputs=inputs,
        open_feeds=open_feeds,
        defaults=defaults,
        registry=watch.newest,
        equipment=Equipment(
            store=store,
            announcer=BrokerAnnouncer(publisher, incarnation=deployment.incarnation),
            parking=ParkingQueue(publisher, runtime.clock),
            clock=runtime.clock,
            metrics=metrics,
            save_every_s=settings.save_every_s,
        ),
        inputs_most=settings.inputs_most,
    )
    ownership = LaneOwnership(
        database,
        service=settings.service,
        lanes=deployment.lanes,
        incarnation=deployment.incarnation,
        metrics=runtime.metrics,
    )
    deployment_watch = DeploymentWatch(
        database,
        service=settings.service,
        deployment=deployment,
    )
    await Retry().run(deployment_watch.look, until=runtime.stop)
    resting = deployment_watch.resting(work.run, ready=work.may_leave)
    intake = ActionIntake(AlarmActions(broker, metrics), inbox, inputs, runtime.clock)

    async def own_lanes(stop: asyncio.Event) -> None:
        runtime.health.report("lanes", ready=True)
        await ownership.run(stop, resting)

    runtime.loop("registry", watch.run)
    runtime.loop("deployment", deployment_watch.run)
    runtime.loop("lanes", own_lanes)
    runtime.loop("actions", intake.run)
    runtime.loop("pickup", ActionPickup(inbox, inputs, every_s=settings.actions_every_s).run)
