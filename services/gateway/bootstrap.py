"""Joins the rooms of the gateway: opens adapters, hands them to the loops."""

import asyncio
import random  # noqa: TID251 - jitter of reconnects; nothing that is computed depends on it
import secrets
from functools import partial

from services.gateway.adapters.clock_table import PostgresClockTable
from services.gateway.adapters.command_queue import RabbitCommandQueue
from services.gateway.adapters.command_table import PostgresCommandTable
from services.gateway.adapters.configuration_table import (
    PostgresConfigurationTable,
    PostgresCounterTable,
)
from services.gateway.adapters.credential_store import CredentialStore
from services.gateway.adapters.file_table import PostgresFileTable
from services.gateway.adapters.frame_stream import RabbitConfirmed, carried_bytes
from services.gateway.adapters.lane_sessions import LaneSessions
from services.gateway.adapters.mqtt import MqttOptions
from services.gateway.adapters.presence_table import PostgresPresenceTable
from services.gateway.adapters.receipt_queue import RabbitReceiptQueue
from services.gateway.adapters.registry_changes import RegistryChanges
from services.gateway.adapters.registry_table import PostgresRegistryTable
from services.gateway.adapters.rest_table import PostgresRestTable
from services.gateway.application.devices import Devices
from services.gateway.application.ingest import IngestLimits
from services.gateway.application.lane import LaneTools, LaneWork
from services.gateway.core.admission import TimeLimits
from services.gateway.core.flow import LaneFlow, StreamFlow
from services.gateway.metrics import GatewayMetrics
from services.gateway.settings import GatewaySettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.publisher import Publisher
from shared.codecs.register import load_codecs
from shared.contracts.identity import Lane
from shared.contracts.instants import DAY
from shared.contracts.names import Exchange
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.device_models.catalogue import load_device_models
from shared.ownership.deployment import Deployment, DeploymentWatch, read_deployment
from shared.ownership.leases import LaneOwnership
from shared.recordings.register import load_formats
from shared.runtime.retry import Retry
from shared.runtime.service import Runtime


async def bootstrap(settings: GatewaySettings, runtime: Runtime) -> None:
    """Open what the gateway needs and name its loops."""
    metrics = GatewayMetrics(runtime.metrics)
    database = await runtime.open(
        Database.of(settings, instance=settings.instance, metrics=runtime.metrics)
    )
    statements = load_statements("services.gateway.adapters")
    registry = PostgresRegistryTable(database, statements)
    deployment = await Retry().run(lambda: read_deployment(database), until=runtime.stop)
    broker = await runtime.open(
        Broker(BrokerAddress.of(settings), instance=settings.instance, metrics=runtime.metrics)
    )
    publisher = await runtime.open(Publisher(broker, clock=runtime.clock))
    watch = DeploymentWatch(database, service="gateway", deployment=deployment)
    sessions = LaneSessions(
        _mqtt_options(settings),
        deployment,
        database=database,
        statements=statements,
        clock=runtime.clock,
    )
    await Retry().run(watch.look, until=runtime.stop)
    await Retry().run(sessions.look_up, until=runtime.stop)
    models = load_device_models()
    devices = Devices(registry, runtime.clock, metrics, models)
    credentials = CredentialStore(
        database,
        statements,
        output=settings.gateway_password_file_out,
        base=settings.gateway_password_base_file,
        pid_file=settings.gateway_mqtt_pid_file,
        metrics=metrics,
    )
    listeners = [devices.note_change, credentials.note_change]
    changes = RegistryChanges(database, listeners)
    tools = LaneTools(
        lanes=deployment.lanes,
        open_session=sessions.open,
        open_flow=partial(_open_flow, broker, deployment, settings.gateway_stream_lag_most_bytes),
        codecs=load_codecs(),
        devices=devices,
        clock_table=PostgresClockTable(database, statements),
        presence_table=PostgresPresenceTable(database, statements),
        unit_table=registry,
        rest_table=PostgresRestTable(database, statements),
        receipt_queue=RabbitReceiptQueue(broker, deployment.incarnation),
        command_queue=RabbitCommandQueue(broker),
        command_table=PostgresCommandTable(database, statements),
        configuration_table=PostgresConfigurationTable(database, statements),
        counter_table=PostgresCounterTable(database, statements),
        models=models,
        file_table=PostgresFileTable(database, statements),
        formats=load_formats(),
        file_turn=asyncio.Semaphore(1),
        registry_listeners=listeners,
        out=RabbitConfirmed(publisher, deployment.incarnation, runtime.traces),
        limits=IngestLimits(
            time=TimeLimits(back_us=int(settings.gateway_oldest_data_days * DAY)),
            messages_per_s=settings.gateway_messages_per_s,
            messages_burst=settings.gateway_messages_burst,
        ),
        unconfirmed_most_bytes=settings.gateway_unconfirmed_most_bytes,
        device_time_every_s=settings.gateway_device_time_every_s,
        clock=runtime.clock,
        health=runtime.health,
        metrics=metrics,
        jitter=random.random,
        draw_boot=partial(secrets.randbits, 32),
    )
    ownership = LaneOwnership(
        database,
        service="gateway",
        lanes=deployment.lanes,
        incarnation=deployment.incarnation,
        metrics=runtime.metrics,
    )
    work = watch.resting(
        lambda lane, end: LaneWork(lane, tools).run(end),
        ready=sessions.hand_over,
        goes_on=sessions.take_back,
    )
    runtime.health.report("started", ready=True)
    runtime.loop("devices", devices.run)
    runtime.loop("registry_changes", changes.run)
    if settings.gateway_password_file_out is not None:
        runtime.loop("credentials", credentials.run)
    runtime.loop("lanes", lambda stop: ownership.run(stop, work))
    runtime.loop("deployment", watch.run)


def _mqtt_options(settings: GatewaySettings) -> MqttOptions:
    return MqttOptions(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        user=settings.mqtt_user,
        password=settings.mqtt_password.get_secret_value().encode(),
        keep_alive_s=settings.gateway_keep_alive_s,
        session_expiry_s=settings.gateway_session_expiry_s,
        receive_max=settings.gateway_receive_max,
        packet_most_bytes=settings.gateway_packet_most_bytes,
    )


async def _open_flow(
    broker: Broker, deployment: Deployment, most_bytes: int, lane: Lane, stop: asyncio.Event
) -> LaneFlow:
    async with asyncio.TaskGroup() as group:
        live, late = (
            group.create_task(
                carried_bytes(broker, exchange, lane, deployment.incarnation, until=stop)
            )
            for exchange in (Exchange.FRAMES, Exchange.LATE)
        )
    return LaneFlow(StreamFlow(live.result(), most_bytes), StreamFlow(late.result(), most_bytes))
