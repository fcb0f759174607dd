"""Alarms as a process between a private RabbitMQ and a private PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.streams import StreamEdge, StreamReader
from shared.contracts.actions import AlarmAction, encode_action
from shared.contracts.events import Event, decode_event, encode_event
from shared.contracts.formats import ACTION_V1, EVENT_V1, VITALS_V1, Format
from shared.contracts.identity import PatientKey, lane_of, shard_of_patient
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.names import Exchange, Header, Queue, routing_key
from shared.contracts.quality import Validity
from shared.contracts.records import Table
from shared.contracts.vitals import VITAL, encode_vitals
from tests.harness.deployment import INCARNATION, LANES
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost
from tests.harness.service_process import ServiceProcess

SECOND = 1_000_000


@dataclass(slots=True)
class System:
    """What a test does with alarms and sees of it."""

    database: Database
    virtual_host: VirtualHost
    broker: Broker
    publisher: Publisher
    folder: Path
    database_port: int
    replicas: list[ServiceProcess] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def start(self, **settings: str) -> ServiceProcess:
        """One more replica, which reaches PostgreSQL through the link that a test can cut."""
        replica = ServiceProcess.start(
            "alarms",
            number=len(self.replicas),
            folder=self.folder,
            virtual_host=self.virtual_host,
            database=self.database,
            settings={"DATABASE_PORT": str(self.database_port), **settings},
        )
        self.replicas.append(replica)
        return replica

    async def admit(self, name: str, *, birth: str | None = "1980-01-01") -> tuple[int, int]:
        """A patient with a device; gives both keys."""
        connection = await self.database.connect()
        try:
            patient = await connection.fetchval(
                "insert into registry.patient (key, initials, birth_date) "
                "values ($1, 'XX', $2::text::date) returning id",
                f"p-{name}",
                birth,
            )
            device = await connection.fetchval(
                "insert into registry.device (device, shard, model) values ($1, 0, 'test') "
                "returning id",
                f"device-{name}",
            )
            await connection.execute(
                "insert into registry.assignment (device_id, patient_id) values ($1, $2)",
                device,
                patient,
            )
        finally:
            await connection.close()
        return patient, device

    async def send_values(self, table: Table) -> None:
        """Publish values, each on the lane of its patient."""
        lanes = np.array(
            [lane_of(shard_of_patient(PatientKey(int(key))), LANES) for key in table["patient"]]
        )
        for lane in np.unique(lanes):
            await self.publisher.publish(
                Message(
                    exchange=Exchange.VITALS,
                    routing_key=routing_key(lane),
                    format=VITALS_V1,
                    body=encode_vitals(table[lanes == lane]),
                    headers={Header.INCARNATION: INCARNATION},
                )
            )

    async def send_raw(self, exchange: Exchange, key: str, form: Format, body: bytes) -> None:
        await self.publisher.publish(
            Message(exchange=exchange, routing_key=key, format=form, body=body)
        )

    async def send_event(self, event: Event) -> None:
        await self.send_raw(Exchange.EVENTS, Queue.EVENTS, EVENT_V1, encode_event(event))

    async def ask(self, action: AlarmAction) -> None:
        body = encode_action(action)
        await self.send_raw(Exchange.ACTIONS, Queue.ALARM_ACTIONS, ACTION_V1, body)

    def lane_of(self, patient: int) -> int:
        return lane_of(shard_of_patient(PatientKey(patient)), LANES)

    @asynccontextmanager
    async def following_events(self) -> AsyncIterator[None]:
        """Collect alarm events while inside."""
        stop = asyncio.Event()

        async def follow() -> None:
            async with StreamReader(self.broker, "events", start=StreamEdge.FIRST) as reader:
                async for batch in reader.batches(until=stop):
                    for message in batch.messages:
                        if not message.body.startswith(b'{"id"'):
                            continue  # what a test has sent to be refused
                        event = decode_event(message.body)
                        if event.source == "alarms":
                            self.events.append(event)

        async with asyncio.TaskGroup() as group:
            group.create_task(follow())
            try:
                yield
            finally:
                stop.set()

    def told(self, condition: str, state: str) -> list[Event]:
        """Events of a condition in a state, each id once."""
        found = {
            event.id: event
            for event in self.events
            if event.data["condition"] == condition and event.data["state"] == state
        }
        return list(found.values())

    async def rows(self) -> dict[str, dict[str, Any]]:
        """All alarms of the table: their data by id."""
        connection = await self.database.connect()
        try:
            rows = await connection.fetch("select id, data::text from alarm.alarm")
        finally:
            await connection.close()
        return {row["id"]: msgspec.json.decode(row["data"]) for row in rows}

    async def run_sql(self, statement: str, *values: Any) -> Any:
        connection = await self.database.connect()
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()


def value_row(
    patient: int,
    device: int,
    t: int,
    measure: Measure,
    value: float,
    *,
    validity: Validity = Validity.VALID,
    flags: int = 0,
) -> tuple[int | float, ...]:
    return (
        t,
        t + 200_000,
        device,
        patient,
        value,
        0.9,
        measure,
        1,
        validity,
        Method.ECG_BEAT_INTERVALS,
        flags,
    )


def table_of(rows: list[tuple[int | float, ...]]) -> Table:
    return np.array(rows, dtype=VITAL)
