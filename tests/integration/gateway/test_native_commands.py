"""Commands to the units of a home hub, in its own bytes; a memory is cleared when all is stored."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from shared.codecs.smsg.layout import DeviceType, Ecg, Message, Result, unit_name
from shared.contracts.identity import DeviceId, shard_of, unit_id
from tests.harness.eventually import eventually
from tests.harness.service_process import ServiceProcess
from tests.integration.gateway.commands import ask_for, has_outcome, is_told, row_of
from tests.integration.gateway.home_hub import ECG_UNIT, SPIROMETER_UNIT, HomeHub
from tests.integration.gateway.system import System

HUB, OTHER_HUB = DeviceId("hub-1"), DeviceId("hub-2")
RESULTS = 6


def unit_of(hub: DeviceId, number: int) -> DeviceId:
    unit = unit_id(hub, unit_name(number))
    assert unit is not None
    return unit


ECG = unit_of(HUB, ECG_UNIT)
SPIROMETER, OTHER_SPIROMETER = (unit_of(hub, SPIROMETER_UNIT) for hub in (HUB, OTHER_HUB))


def results(first: int) -> list[Result]:
    """Blows of the last hour, each at a time of its own that tells its number."""
    begin = datetime.now(UTC).replace(microsecond=0, tzinfo=None) - timedelta(hours=1)
    return [
        Result(at, begin + timedelta(seconds=first + at), pef_l_min=300 + first + at)
        for at in range(RESULTS)
    ]


def time_of(result: Result) -> int:
    return round(result.taken.replace(tzinfo=UTC).timestamp() * 1e6)


class Home:
    """A gateway, storage, and two hubs with their units."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.hub, self.other = (HomeHub(system, name) for name in (HUB, OTHER_HUB))
        for hub in (self.hub, self.other):
            hub.before_clearing = partial(self.check_stored, hub)
        self.lost: list[Result] = []
        self.gateway: ServiceProcess | None = None
        self.storage: ServiceProcess | None = None

    def start_gateway(self) -> None:
        self.gateway = self.system.start()

    def start_storage(self) -> None:
        system = self.system
        self.storage = ServiceProcess.start(
            "storage",
            number=len(system.replicas),
            folder=system.folder,
            virtual_host=system.virtual_host,
            database=system.database,
            settings={"STORAGE_COMMIT_INTERVAL_S": "0.02"},
        )
        system.replicas.append(self.storage)

    async def begin(self) -> None:
        connection = await self.system.sql()
        add = (
            "insert into registry.device (device, shard, model, simulated, parent_id) "
            "values ($1, $2, $3, true, $4) returning id"
        )
        try:
            other = await connection.fetchval(add, OTHER_HUB, shard_of(OTHER_HUB), "home-hub", None)
            hub = await connection.fetchval(add, HUB, shard_of(HUB), "home-hub", None)
            # One that joined before; the other one is new.
            unit = await connection.fetchval(add, ECG, shard_of(ECG), "hub-ecg", hub)
        finally:
            await connection.close()
        self.system.keys |= {OTHER_HUB: other, HUB: hub, ECG: unit}
        self.start_gateway()
        self.start_storage()

    async def know(self, *units: DeviceId) -> None:
        """Wait until units have joined, and learn their keys."""

        async def have_joined() -> bool:
            connection = await self.system.sql()
            try:
                rows = await connection.fetch("select id, device from registry.device")
            finally:
                await connection.close()
            self.system.keys |= {DeviceId(row["device"]): row["id"] for row in rows}
            return set(units) <= self.system.keys.keys()

        await eventually(have_joined, within_s=20)

    async def stored(self, unit: DeviceId, wanted: list[Result]) -> set[int]:
        """Which of these results are in the database, by their time."""
        connection = await self.system.sql()
        try:
            rows = await connection.fetch(
                "select distinct t0 from signal.frame where device_id = $1 and t0 = any($2)",
                self.system.keys[unit],
                [time_of(result) for result in wanted],
            )
        finally:
            await connection.close()
        return {row["t0"] for row in rows}

    async def check_stored(self, hub: HomeHub) -> None:
        """At the moment at which a spirometer forgets: what would be lost?"""
        stored = await self.stored(unit_of(hub.name, SPIROMETER_UNIT), hub.memory)
        self.lost += [one for one in hub.memory if time_of(one) not in stored]


def starts_heard(hub: HomeHub) -> list[Message]:
    wanted = (DeviceType.ECG, Ecg.START)
    return [one for one in hub.heard if (one.device_type, one.message_type) == wanted]


@pytest.fixture
async def home(system: System) -> Home:
    home = Home(system)
    await home.begin()
    return home


async def test_a_unit_is_identified_started_and_stopped_and_nothing_is_sent_too_late(
    home: Home,
) -> None:
    system = home.system
    late = await ask_for(system, ECG, "start", within_s=1)
    await eventually(has_outcome(system, late, "expired"), within_s=20)
    async with home.hub.running() as hub:
        found = await ask_for(system, ECG, "identify")
        await eventually(has_outcome(system, found, "done"))
        assert starts_heard(hub) == []
        started = await ask_for(system, ECG, "start")
        await eventually(has_outcome(system, started, "done"))
        assert hub.is_measuring
        stopped = await ask_for(system, ECG, "stop")
        await eventually(has_outcome(system, stopped, "done"), within_s=20)
        await eventually(lambda: not hub.is_measuring)
        for command in (found, started, stopped):
            await eventually(is_told(system, command, "done"))
        (start,) = starts_heard(hub)
        assert start.destination == ECG_UNIT
        await eventually(is_told(system, late, "expired"))
        row = await row_of(system, late)
        assert row is not None
        assert row["sends"] == 0


STEPS = ("announced", "half sent", "not stored", "not cleared", "not answered")
HOLDS = {
    "announced": "first half",
    "half sent": "second half",
    "not answered": "cleared",
}


async def clear_with_a_kill(home: Home, step: str, victim: str, first: int) -> None:
    """Have a memory cleared, and somebody killed when it has come as far as this."""
    hub, system = home.hub, home.system
    hub.memory = results(first)
    told_before, sent_before = len(hub.clears), hub.n
    if step in HOLDS:
        hub.hold(HOLDS[step])
    if step == "not stored":
        assert home.storage is not None
        home.storage.freeze()
    hub.is_deaf_to_clearing = step == "not cleared"
    command = await ask_for(system, SPIROMETER, "clear_memory", within_s=900)
    match step:
        case "not stored":
            await eventually(
                lambda: not hub._outgoing and hub.n - sent_before > RESULTS, within_s=20
            )
        case "not cleared":
            await eventually(lambda: len(hub.clears) > told_before, within_s=20)
        case _:
            await eventually(lambda: hub.is_held_at(HOLDS[step]), within_s=20)
    match victim:
        case "gateway":
            assert home.gateway is not None
            home.gateway.kill()
            home.start_gateway()
        case "storage":
            assert home.storage is not None
            home.storage.kill()
            home.start_storage()
        case _:
            raise AssertionError(victim)
    if step == "not stored" and victim != "storage":
        assert home.storage is not None
        home.storage.thaw()
    hub.is_deaf_to_clearing = False
    if step in HOLDS:
        hub.release(HOLDS[step])
    await eventually(has_outcome(system, command, "done"), within_s=60)
    assert hub.memory == []


async def clear_a_hub_killed_half_way(home: Home) -> str:
    """A hub loses what was not sent, and what was not stored; its spirometer loses nothing."""
    other = home.other
    other.memory = results(1_000)
    async with other.running():
        await home.know(OTHER_SPIROMETER)
        other.hold("second half")
        command = await ask_for(home.system, OTHER_SPIROMETER, "clear_memory", within_s=900)
        await eventually(lambda: other.is_held_at("second half"), within_s=20)
    other.release("second half")
    return command


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_a_memory_is_cleared_once_all_is_stored_whoever_is_killed_at_any_step(
    home: Home,
) -> None:
    system, hub, other = home.system, home.hub, home.other
    rounds = [(step, "gateway") for step in STEPS] + [("not stored", "storage")]
    of_other = await clear_a_hub_killed_half_way(home)
    async with other.running():
        async with hub.running():
            await home.know(ECG, SPIROMETER)
            for number, (step, victim) in enumerate(rounds):
                await clear_with_a_kill(home, step, victim, number * RESULTS)
            # It is cleared, and the hub dies before it says so.
            hub.memory = results(len(rounds) * RESULTS)
            hub.hold("cleared")
            last = await ask_for(system, SPIROMETER, "clear_memory", within_s=900)
            await eventually(lambda: hub.is_held_at("cleared"), within_s=20)
        hub.release("cleared")
        async with hub.running():
            await eventually(has_outcome(system, last, "done"), within_s=30)
            await eventually(has_outcome(system, of_other, "done"), within_s=60)
    assert home.lost == [], "forgotten before they were stored"
    assert hub.memory == other.memory == []
    assert len(hub.cleared) == (len(rounds) + 1) * RESULTS, "each once"
    assert len(await home.stored(SPIROMETER, hub.cleared)) == len(hub.cleared)
    assert len(await home.stored(OTHER_SPIROMETER, other.cleared)) == len(other.cleared) == RESULTS
