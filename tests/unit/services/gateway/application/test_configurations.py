"""What is wished of devices: published once a session, again when it is not in force."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from services.gateway.application.configurations import Configurations
from services.gateway.application.counters import Counters
from services.gateway.application.devices import Devices
from services.gateway.core.messages import DesiredConfiguration, Device, DeviceCount
from services.gateway.metrics import GatewayMetrics
from shared.contracts.commands import DownDesired
from shared.contracts.identity import DeviceId, DeviceKey, Lane
from shared.contracts.parking import Reason
from shared.errors import Dependency, Unavailable
from shared.telemetry.metrics import Metrics
from tests.harness.eventually import eventually
from tests.harness.manual_clock import ManualClock

DEVICE = Device(DeviceKey(1), DeviceId("monitor-1"), "vw-monitor", simulated=False)
ONE, TWO = (
    DesiredConfiguration(DEVICE.key, version, {"display_text": str(version)}) for version in (1, 2)
)


class Tables:
    """The registry, and the counters of devices."""

    def __init__(self) -> None:
        self.rows: list[DesiredConfiguration] = [ONE]
        self.counts: list[DeviceCount] = []
        self.away = False

    async def all_devices(self) -> list[Device]:
        return [DEVICE]

    async def devices(self, names: Iterable[DeviceId]) -> list[Device]:
        return [DEVICE for name in names if name == DEVICE.name]

    async def load(self, shards: range) -> list[DesiredConfiguration]:
        assert shards
        if self.away:
            raise Unavailable(Dependency.POSTGRESQL, "away")
        return self.rows

    async def add(self, counts: Sequence[DeviceCount]) -> None:
        if self.away:
            raise Unavailable(Dependency.POSTGRESQL, "away")
        self.counts += counts


@dataclass
class Session:
    """MQTT: what is retained."""

    versions: list[int] = field(default_factory=list)
    is_full: bool = False
    session_present: bool = True
    is_caught_up: bool = True

    async def take(self, gather_s: float, *, at_once: bool = False) -> list[Any]:
        raise NotImplementedError

    def wake(self) -> None:
        """Nobody waits."""

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Nothing to acknowledge."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        assert topic.endswith("/monitor-1/down/desired")
        assert retain
        if self.is_full:
            return False
        desired = msgspec.json.decode(payload, type=DownDesired)
        assert desired.configuration == {"display_text": str(desired.version)}
        self.versions.append(desired.version)
        return True

    async def close(self) -> None:
        """Nothing to close."""


@asynccontextmanager
async def running(
    tables: Tables, reported: dict[str, Any]
) -> AsyncIterator[tuple[Configurations, Session]]:
    metrics = GatewayMetrics(Metrics("gateway"))
    devices = Devices(tables, ManualClock(), metrics)
    await devices.look_up([DEVICE.name])
    configurations = Configurations(
        Lane(0),
        range(256),
        table=tables,
        devices=devices,
        reported=lambda _: reported,
        metrics=metrics,
    )
    session = Session()
    stop = asyncio.Event()
    task = asyncio.create_task(configurations.run(stop))
    try:
        configurations.use(session)
        yield configurations, session
    finally:
        stop.set()
        async with asyncio.timeout(60):
            await task


async def test_each_session_and_each_version_is_published_once() -> None:
    tables = Tables()
    async with running(tables, {}) as (configurations, session):
        await eventually(lambda: session.versions == [1])
        configurations.note_change()
        tables.rows = [TWO]
        configurations.note_change()
        await eventually(lambda: session.versions == [1, 2])
        configurations.use(None)
        another = Session()
        configurations.use(another)
        await eventually(lambda: another.versions == [2])
        assert session.versions == [1, 2]


async def test_a_device_that_connects_with_another_version_is_told_again() -> None:
    tables, reported = Tables(), {"configuration_version": 1}
    async with running(tables, reported) as (configurations, session):
        await eventually(lambda: session.versions == [1])
        configurations.welcome(DEVICE)
        reported["configuration_version"] = 7
        configurations.welcome(DEVICE)
        await eventually(lambda: session.versions == [1, 1])


async def test_a_full_socket_and_a_database_that_is_away_only_delay_it() -> None:
    tables = Tables()
    async with running(tables, {}) as (configurations, session):
        await eventually(lambda: session.versions == [1])
        session.is_full = True
        tables.rows = [TWO]
        configurations.note_change()
        await asyncio.sleep(0.05)
        assert session.versions == [1]
        session.is_full = False
        await eventually(lambda: session.versions == [1, 2])
        tables.away = True
        configurations.use(Session())
        await asyncio.sleep(0.05)
        tables.away = False
        last = Session()
        configurations.use(last)
        await eventually(lambda: last.versions == [2])


async def test_counts_wait_for_the_database_and_the_last_are_written_at_the_stop() -> None:
    tables = Tables()
    counters = Counters(tables, GatewayMetrics(Metrics("gateway")), "0")
    counted = counters.taken
    counted[DEVICE.key] = 3
    counters.note_refused(DEVICE.key, Reason.BAD_TIME)
    counters.note_refused(DEVICE.key, Reason.BAD_TIME)
    tables.away = True
    await counters._keep()
    assert counted == {DEVICE.key: 3}, "the hot loop goes on counting in this very dict"
    counted[DEVICE.key] += 1
    tables.away = False
    stop = asyncio.Event()
    stop.set()
    await counters.run(stop)
    assert sorted(tables.counts) == [
        DeviceCount(DEVICE.key, "messages", "", 4),
        DeviceCount(DEVICE.key, "refused", "bad_time", 2),
    ]
    await counters.run(stop)
    assert len(tables.counts) == 2
