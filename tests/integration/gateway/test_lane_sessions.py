"""The session of an old lane is settled, those of the new ones gather, and one of both is ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt
import pytest

from services.gateway.adapters.lane_sessions import LaneSessions
from services.gateway.adapters.mqtt import MqttOptions, MqttSession, open_session
from services.gateway.core.messages import MARKS, SessionEnded
from shared.contracts.identity import Lane
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.ownership.deployment import Deployment, LaneChange, Phase
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import database_address
from tests.harness.ended import ended
from tests.harness.mosquitto import Mosquitto
from tests.harness.postgres import Database as DatabaseFixture

TOPIC = "vw1/00/monitor-1/up/d/packed"  # shard 0: lane 0 of any number
CHANGE = LaneChange(id=1, phase=Phase.PAUSING, to_lanes=4, to_incarnation=2)
OTHERS = """
    insert into registry.lane_change (from_lanes, from_incarnation, to_lanes, to_incarnation, phase,
        hold_until, asked_by, ended_at)
    values (4, 1, 2, 3, 'done', now(), 'test', now()),
        (2, 3, 8, 4, 'given_up', now(), 'test', now())
"""


class Reader:
    """Takes what comes and acknowledges it a moment later, as if RabbitMQ had confirmed it."""

    def __init__(self, session: MqttSession) -> None:
        self.session = session
        self.acknowledged: list[bytes] = []

    async def run(self) -> None:
        try:
            while True:
                taken = await self.session.take(0.01)
                await asyncio.sleep(0.05)
                self.acknowledged += [m.payload for m in taken if not m.topic.startswith(MARKS)]
                self.session.acknowledge([message.packet_id for message in taken])
        except SessionEnded:
            return


def options_of(mosquitto: Mosquitto) -> MqttOptions:
    return MqttOptions(host="127.0.0.1", port=mosquitto.port, user="", password=b"")


@pytest.fixture
async def sessions(
    own_mosquitto: Mosquitto, migrated: DatabaseFixture
) -> AsyncIterator[LaneSessions]:
    address = database_address(migrated, user="vw_gateway")
    async with Database(address, instance="test", metrics=Metrics("test")) as database:
        yield LaneSessions(
            options_of(own_mosquitto),
            Deployment(2, 1),
            database=database,
            statements=load_statements("services.gateway.adapters"),
            clock=SystemClock(),
        )


async def publish(mosquitto: Mosquitto, numbers: range) -> list[bytes]:
    payloads = [str(number).encode() for number in numbers]
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, timeout=60) as client:
        for payload in payloads:
            await client.publish(TOPIC, payload, qos=1)
    return payloads


@asynccontextmanager
async def opened(mosquitto: Mosquitto, client_id: str) -> AsyncIterator[MqttSession]:
    session = await open_session(options_of(mosquitto), client_id, ["none"], SystemClock())
    try:
        yield session
    finally:
        session.abandon()


async def waiting_in(mosquitto: Mosquitto, client_id: str) -> list[bytes]:
    """What a session has gathered; it stays there."""
    async with opened(mosquitto, client_id) as session:
        assert session.session_present
        found: list[bytes] = []
        async with asyncio.timeout(60):
            while found[-1:] != [b"59"]:
                found += [message.payload for message in await session.take(0.2)]
        return found


async def test_what_came_before_is_settled_and_what_comes_after_is_in_both(
    own_mosquitto: Mosquitto, sessions: LaneSessions
) -> None:
    session = await sessions.open(Lane(0))
    before = await publish(own_mosquitto, range(50))
    reader = Reader(session)
    reading = asyncio.create_task(reader.run())
    assert await sessions.hand_over(Lane(0), CHANGE)
    assert reader.acknowledged == before
    await ended(reading)
    await session.close()

    after = await publish(own_mosquitto, range(50, 60))
    assert await waiting_in(own_mosquitto, "gateway-1-0") == after
    assert await waiting_in(own_mosquitto, "gateway-2-0") == after
    await sessions.take_back(Lane(0), CHANGE)
    for lane in (0, 1):
        async with opened(own_mosquitto, f"gateway-2-{lane}") as removed:
            assert not removed.session_present


async def test_a_session_that_is_lost_meanwhile_is_handed_over_again(
    own_mosquitto: Mosquitto, sessions: LaneSessions
) -> None:
    assert not await sessions.hand_over(Lane(0), CHANGE)  # it was never opened
    session = await sessions.open(Lane(0))
    handing = asyncio.create_task(sessions.hand_over(Lane(0), CHANGE))
    await asyncio.sleep(0)
    session.abandon()
    assert not await handing
    again = Reader(await sessions.open(Lane(0)))
    reading = asyncio.create_task(again.run())
    assert await sessions.hand_over(Lane(0), CHANGE)
    await again.session.close()
    await reading


async def test_sessions_of_other_deployments_are_ended(
    own_mosquitto: Mosquitto, sessions: LaneSessions, migrated: DatabaseFixture
) -> None:
    connection = await migrated.connect()
    try:
        await connection.execute(OTHERS)
    finally:
        await connection.close()
    others = ["gateway-1-0", "gateway-1-2", "gateway-4-0", "gateway-4-6"]
    for client_id in [*others, "gateway-4-7"]:
        async with opened(own_mosquitto, client_id):
            pass
    now = LaneSessions(
        options_of(own_mosquitto),
        Deployment(2, 3),
        database=sessions._database,
        statements=sessions._statements,
        clock=SystemClock(),
    )
    await now.look_up()
    session = await now.open(Lane(0))
    for client_id in others:
        async with opened(own_mosquitto, client_id) as removed:
            assert not removed.session_present
    async with opened(own_mosquitto, "gateway-4-7") as of_lane_1:
        assert of_lane_1.session_present
    session.abandon()
