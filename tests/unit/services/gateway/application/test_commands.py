"""Commands of a lane whose rows, queue and MQTT are in memory: every step, and every failure."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from typing_extensions import override

from services.gateway.application.commands import CommandPorts, Commands
from services.gateway.application.conversations import Speakers
from services.gateway.application.devices import Devices
from services.gateway.application.dialogue_effects import EffectPorts, Effects
from services.gateway.application.dialogues import Dialogues
from services.gateway.application.presences import Presences
from services.gateway.core.command_deadlines import ASK_EVERY_US, GRACE_US, OpenCommand
from services.gateway.core.messages import Device, FinishedCommand
from services.gateway.metrics import GatewayMetrics
from shared.contracts.commands import (
    Answer,
    Command,
    CommandOutcome,
    CommandResult,
    DownCommand,
)
from shared.contracts.identity import DeviceId, DeviceKey, Lane
from shared.errors import Conflict, Dependency, Unavailable
from shared.telemetry.metrics import Metrics
from tests.harness.eventually import eventually
from tests.harness.manual_clock import ManualClock
from tests.unit.services.gateway.application.lane_in_memory import MemoryOut, MemoryPresences

DEVICE = Device(DeviceKey(1), DeviceId("monitor-1"), "vw-monitor", simulated=False)
SECOND_US = 1_000_000


@dataclass
class Row:
    command: OpenCommand
    outcome: CommandOutcome | None = None
    detail: str = ""
    told: bool = False


class MemoryTable:
    """Rows as PostgreSQL keeps them, and its clock."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.rows: dict[str, Row] = {}
        self.away = False

    def _reach(self) -> None:
        if self.away:
            raise Unavailable(Dependency.POSTGRESQL, "away")

    async def take(self, command: Command) -> OpenCommand | None:
        self._reach()
        if command.device != DEVICE.key:
            raise Conflict("no such device")
        fresh = OpenCommand(
            command.id, DeviceKey(command.device), command.name, command.args, command.expires
        )
        row = self.rows.setdefault(command.id, Row(fresh))
        if row.outcome is None and row.command.expires_us <= self.clock.now_us():
            row.outcome = CommandOutcome.EXPIRED
        return row.command if row.outcome in (None, CommandOutcome.UNKNOWN) else None

    async def load(self, shards: range) -> list[OpenCommand]:
        assert shards
        self._reach()
        return [
            row.command._replace(is_given_up=row.outcome is not None)
            for row in self.rows.values()
            if row.outcome in (None, CommandOutcome.UNKNOWN)
        ]

    async def mark_sent(self, command: OpenCommand) -> OpenCommand | None:
        self._reach()
        row = self.rows[command.id]
        now_us = self.clock.now_us()
        if (
            row.command.sends != command.sends
            or row.outcome not in (None, CommandOutcome.UNKNOWN)
            or now_us >= row.command.expires_us
        ):
            return None
        row.command = row.command._replace(sends=command.sends + 1, sent_us=now_us)
        row.outcome = None
        return row.command

    async def finish(
        self, command: str, device: DeviceKey, outcome: CommandOutcome, detail: str
    ) -> None:
        self._reach()
        row = self.rows.get(command)
        if row is None or row.command.device != device:
            return
        if row.outcome is None or (
            row.outcome is CommandOutcome.UNKNOWN and outcome is not CommandOutcome.UNKNOWN
        ):
            row.outcome, row.detail, row.told = outcome, detail, False

    async def untold(self, shards: range) -> list[FinishedCommand]:
        assert shards
        self._reach()
        return [
            FinishedCommand(key, row.command.device, row.command.name, row.outcome, row.detail, 0)
            for key, row in self.rows.items()
            if row.outcome is not None and not row.told
        ]

    async def mark_told(self, commands: Sequence[FinishedCommand]) -> None:
        self._reach()
        for command in commands:
            self.rows[command.id].told = True


@dataclass
class MemoryTaken:
    command: Command
    settled: list[str]
    rejected: list[str]

    async def settle(self) -> None:
        self.settled.append(self.command.id)

    async def reject(self) -> None:
        self.rejected.append(self.command.id)


class MemoryQueue:
    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Command] = asyncio.Queue()
        self.settled: list[str] = []
        self.rejected: list[str] = []

    async def commands(self, lane: Lane, *, until: asyncio.Event) -> AsyncIterator[MemoryTaken]:
        assert lane == 0
        while not until.is_set():
            command = await self.waiting.get()
            yield MemoryTaken(command, self.settled, self.rejected)


class MemoryRegistry:
    async def all_devices(self) -> list[Device]:
        return [DEVICE]

    async def devices(self, names: Iterable[DeviceId]) -> list[Device]:
        return [DEVICE for name in names if name == DEVICE.name]


class ConfirmedOut(MemoryOut):
    """RabbitMQ that confirms at once, or never."""

    deaf = False

    @override
    def _hand_over(self, what: str) -> asyncio.Future[None]:
        assert what == "event"
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self.deaf:
            confirmation.set_result(None)
        return confirmation


@dataclass
class Session:
    """MQTT: what went down."""

    told: list[DownCommand] = field(default_factory=list)
    session_present: bool = True
    is_caught_up: bool = True

    async def take(self, gather_s: float) -> list[Any]:
        raise NotImplementedError

    def wake(self) -> None:
        """Nobody waits."""

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Nothing to acknowledge."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        assert topic.endswith("/monitor-1/down/command")
        assert not retain
        self.told.append(msgspec.json.decode(payload, type=DownCommand))
        return True

    async def close(self) -> None:
        """Nothing to close."""

    def kinds(self) -> list[str]:
        return ["ask" if told.ask else told.name for told in self.told]


class Lane0:
    """One lane; a second one on the same rows is another replica, or the next process."""

    def __init__(self, table: MemoryTable, queue: MemoryQueue) -> None:
        self.table, self.queue = table, queue
        self.clock = table.clock
        self.out = ConfirmedOut()
        self.session = Session()
        self.online = True
        metrics = GatewayMetrics(Metrics("gateway"))
        self.devices = Devices(MemoryRegistry(), self.clock, metrics)
        dialogues = Dialogues(
            Lane(0),
            speakers=Speakers({}, {}, self.devices),
            devices=self.devices,
            presences=Presences(MemoryPresences(), self.out, self.clock, metrics, "0"),
            effects=Effects(Lane(0), EffectPorts(out=self.out), metrics),
            clock=self.clock,
            metrics=metrics,
        )
        self.commands = Commands(
            Lane(0),
            range(256),
            ports=CommandPorts(queue=queue, table=table, out=self.out),
            devices=self.devices,
            is_online=lambda _: self.online,
            dialogues=dialogues,
            clock=self.clock,
            metrics=metrics,
        )
        self.commands.session = self.session

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and the loop have its turn."""
        await self.clock.advance(seconds)
        commands = self.commands
        await commands._load()
        await commands._write_answers()
        await commands._step_all()
        await commands._tell()

    def says(self, answer: Answer, command: str = "c-1", detail: str = "") -> None:
        result = CommandResult(command=command, outcome=answer, detail=detail)
        self.commands.note_answer(DEVICE, result)

    def told(self) -> list[str]:
        return [str(event.data["outcome"]) for event in self.out.events]


@pytest.fixture
async def lane() -> Lane0:
    table = MemoryTable(ManualClock())
    lane = Lane0(table, MemoryQueue())
    await lane.devices.look_up([DEVICE.name])
    return lane


async def another(lane: Lane0) -> Lane0:
    """Another process on the same rows; what the first one knew is its own."""
    other = Lane0(lane.table, lane.queue)
    await other.devices.look_up([DEVICE.name])
    return other


def command(lane: Lane0, command_id: str = "c-1", *, within_s: float = 60.0) -> Command:
    return Command(
        id=command_id,
        device=DEVICE.key,
        name="identify",
        expires=lane.clock.now_us() + round(within_s * SECOND_US),
        requested_by=1,
    )


async def asked_for(lane: Lane0, **how: Any) -> None:
    assert await lane.table.take(command(lane, **how)) is not None


@asynccontextmanager
async def collecting(lane: Lane0) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(lane.commands.collect(stop))
    try:
        yield stop
    finally:
        stop.set()
        task.cancel()
        await asyncio.wait([task])


async def test_a_command_is_settled_when_its_row_is_there_and_rejected_without_a_device(
    lane: Lane0,
) -> None:
    async with collecting(lane):
        lane.table.away = True
        lane.queue.waiting.put_nowait(command(lane))
        await asyncio.sleep(0.15)
        assert lane.queue.settled == [], "not before the row"
        lane.table.away = False
        await eventually(lambda: lane.queue.settled == ["c-1"])
        lane.queue.waiting.put_nowait(msgspec.structs.replace(command(lane), id="c-2", device=9))
        await eventually(lambda: lane.queue.rejected == ["c-2"])
        lane.queue.waiting.put_nowait(command(lane))
        await eventually(lambda: lane.queue.settled == ["c-1", "c-1"])
    await lane.turn()
    assert lane.session.kinds() == ["identify"], "the same command twice is one"


async def test_an_answer_ends_a_command_and_is_told_once(lane: Lane0) -> None:
    await asked_for(lane)
    await lane.turn()
    lane.says(Answer.DONE, detail="blinked")
    lane.says(Answer.DONE, detail="blinked")
    await lane.turn()
    lane.says(Answer.FAILED)
    await lane.turn()
    assert lane.session.kinds() == ["identify"]
    assert lane.told() == ["done"]
    assert lane.table.rows["c-1"].detail == "blinked"


async def test_what_nobody_answers_is_asked_after_given_up_and_may_still_become_known(
    lane: Lane0,
) -> None:
    await asked_for(lane)
    for _ in range(8):
        await lane.turn(ASK_EVERY_US / SECOND_US)
    assert lane.session.kinds()[0] == "identify"
    assert set(lane.session.kinds()[1:]) == {"ask"}
    assert lane.told() == ["unknown"]
    asked = len(lane.session.told)
    await lane.turn(3_600)
    assert len(lane.session.told) == asked, "not asked for ever"
    lane.commands.welcome(DEVICE)
    assert len(lane.session.told) == asked + 1
    lane.says(Answer.DONE)
    await lane.turn()
    assert lane.told() == ["unknown", "done"]


async def test_what_was_given_up_and_never_seen_has_not_run(lane: Lane0) -> None:
    await asked_for(lane)
    await lane.turn()
    await lane.turn(60 + GRACE_US / SECOND_US)
    assert lane.told() == ["unknown"]
    lane.commands.welcome(DEVICE)
    lane.says(Answer.UNSEEN)
    await lane.turn()
    assert lane.told() == ["unknown", "expired"]
    assert lane.session.kinds().count("identify") == 1


async def test_a_device_at_work_is_waited_for(lane: Lane0) -> None:
    await asked_for(lane, within_s=5)
    await lane.turn()
    for _ in range(10):
        lane.says(Answer.RUNNING)
        await lane.turn(10)
    assert lane.told() == []
    lane.says(Answer.REFUSED)
    await lane.turn()
    assert lane.told() == ["refused"]


async def test_a_device_that_is_away_is_asked_and_gets_it_when_it_answers(lane: Lane0) -> None:
    lane.online = False
    await asked_for(lane)
    await lane.turn()
    await lane.turn(1)
    assert lane.session.kinds() == ["ask"]
    lane.says(Answer.UNSEEN)
    await lane.turn(1)
    assert lane.session.kinds() == ["ask", "identify"]


async def test_what_waited_for_its_device_too_long_has_not_run(lane: Lane0) -> None:
    lane.online = False
    await asked_for(lane, within_s=1)
    await lane.turn()
    await lane.turn(1)
    assert lane.told() == ["expired"]
    assert lane.session.kinds() == ["ask"]
    lane.says(Answer.UNSEEN)
    lane.online = True
    await lane.turn(31)
    assert lane.session.kinds() == ["ask"]


async def test_two_replicas_send_it_once_and_the_next_process_asks(lane: Lane0) -> None:
    await asked_for(lane)
    other = await another(lane)
    await lane.commands._load()
    await other.commands._load()
    await lane.turn()
    await other.turn()
    assert lane.session.kinds() + other.session.kinds() == ["identify"]
    following = await another(lane)
    await following.turn(6)
    assert following.session.kinds() == ["ask"]
    following.says(Answer.UNSEEN)
    await following.turn()
    assert following.session.kinds() == ["ask", "identify"]
    assert lane.table.rows["c-1"].command.sends == 2
    other.says(Answer.DONE)
    await other.turn(31)
    await lane.turn(31)
    assert lane.commands._open == {}, "what another has ended is let go"


async def test_without_a_session_nothing_is_sent_and_time_still_runs(lane: Lane0) -> None:
    lane.commands.session = None
    await asked_for(lane, within_s=1)
    await lane.turn()
    assert lane.table.rows["c-1"].command.sends == 0
    await lane.turn(1)
    assert lane.told() == ["expired"]


async def test_an_answer_waits_for_the_database_and_an_event_for_rabbitmq(lane: Lane0) -> None:
    await asked_for(lane)
    await lane.turn()
    lane.table.away = True
    lane.says(Answer.DONE)
    with pytest.raises(Unavailable):
        await lane.turn()
    lane.table.away = False
    lane.out.deaf = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lane.turn()
    assert lane.table.rows["c-1"].outcome is CommandOutcome.DONE
    assert not lane.table.rows["c-1"].told
    following = await another(lane)
    await following.turn()
    assert following.told() == ["done"]
    assert lane.out.events[0].id == following.out.events[0].id, "the same event by its id"


async def test_a_turn_of_the_loop_carries_a_command_and_waits_for_work(lane: Lane0) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(lane.commands.run(stop))
    async with collecting(lane):
        lane.queue.waiting.put_nowait(command(lane))
        await eventually(lambda: lane.session.kinds() == ["identify"])
        lane.says(Answer.DONE)
        await eventually(lambda: lane.told() == ["done"])
        lane.table.away = True
        lane.queue.waiting.put_nowait(command(lane, "c-2"))
        lane.says(Answer.DONE, "c-1")
        await asyncio.sleep(0.05)
        lane.table.away = False
        await eventually(lambda: lane.queue.settled == ["c-1", "c-2"])
    stop.set()
    async with asyncio.timeout(5):
        await running
