"""A lane of commands whose rows, queue, MQTT, units and files are in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from typing_extensions import override

from services.gateway.application.commands import CommandPorts, Commands
from services.gateway.application.conversations import Speakers
from services.gateway.application.devices import Devices
from services.gateway.application.dialogue_effects import EffectPorts, Effects
from services.gateway.application.dialogues import Dialogues
from services.gateway.application.presences import Presences, Talk
from services.gateway.core.command_deadlines import OpenCommand
from services.gateway.core.messages import Device, FinishedCommand
from services.gateway.core.presence import Status
from services.gateway.metrics import GatewayMetrics
from shared.contracts.codec import Codec
from shared.contracts.commands import (
    Answer,
    Command,
    CommandOutcome,
    CommandResult,
    DownCommand,
)
from shared.contracts.device_model import DeviceModel
from shared.contracts.dialogue import FilePart, Seen, WantFile
from shared.contracts.identity import DeviceId, DeviceKey, Lane
from shared.errors import Conflict, Dependency, Unavailable
from shared.telemetry.metrics import Metrics
from tests.harness.manual_clock import ManualClock
from tests.unit.services.gateway.application.lane_in_memory import MemoryOut, MemoryPresences

DEVICE = Device(DeviceKey(1), DeviceId("monitor-1"), "vw-monitor", simulated=False)
HUB = Device(DeviceKey(2), DeviceId("hub-1"), "tiny-hub", simulated=False)
UNIT = Device(DeviceKey(3), DeviceId("hub-1--a1"), "tiny-unit", simulated=False)
MUTE_UNIT = Device(DeviceKey(4), DeviceId("monitor-1--b2"), "tiny-unit", simulated=False)
DEVICES = (DEVICE, HUB, UNIT, MUTE_UNIT)
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
        if command.device not in {device.key for device in DEVICES}:
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
        return list(DEVICES)

    async def devices(self, names: Iterable[DeviceId]) -> list[Device]:
        wanted = set(names)
        return [device for device in DEVICES if device.name in wanted]


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
    """MQTT: what went down, as JSON or as native bytes."""

    told: list[DownCommand] = field(default_factory=list)
    native: list[tuple[str, bytes]] = field(default_factory=list)
    session_present: bool = True
    is_caught_up: bool = True

    async def take(self, gather_s: float, *, at_once: bool = False) -> list[Any]:
        raise NotImplementedError

    def wake(self) -> None:
        """Nobody waits."""

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Nothing to acknowledge."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        assert topic.endswith("/down/command")
        assert not retain
        if not payload.startswith(b"{"):
            self.native.append((topic.split("/")[2], payload))
            return True
        assert topic.split("/")[2] == DEVICE.name
        self.told.append(msgspec.json.decode(payload, type=DownCommand))
        return True

    async def close(self) -> None:
        """Nothing to close."""

    def kinds(self) -> list[str]:
        return ["ask" if told.ask else told.name for told in self.told]


@dataclass
class MemoryUnits:
    """Implements `DeviceUnits` and `DeviceFiles`: what was told, and whether it can be."""

    seen: list[tuple[Device, Seen]] = field(default_factory=list)
    parts: list[tuple[Device, FilePart]] = field(default_factory=list)
    wanted: list[tuple[Device, WantFile]] = field(default_factory=list)
    away: bool = False

    def _reach(self) -> None:
        if self.away:
            raise Unavailable(Dependency.POSTGRESQL, "away")

    async def see(self, hub: Device, seen: Seen) -> None:
        self._reach()
        self.seen.append((hub, seen))

    async def keep_part(self, device: Device, part: FilePart) -> None:
        self._reach()
        self.parts.append((device, part))

    async def want(self, device: Device, file: WantFile) -> None:
        self._reach()
        self.wanted.append((device, file))


class Lane0:
    """One lane; a second one on the same rows is another replica, or the next process."""

    def __init__(
        self,
        table: MemoryTable,
        queue: MemoryQueue,
        codecs: Mapping[str, Codec] | None = None,
        models: Mapping[str, DeviceModel] | None = None,
    ) -> None:
        self.table, self.queue = table, queue
        self.codecs, self.models = codecs or {}, models or {}
        self.clock = table.clock
        self.out = ConfirmedOut()
        self.session = Session()
        self.online = True
        self.units = MemoryUnits()
        metrics = GatewayMetrics(Metrics("gateway"))
        self.devices = Devices(MemoryRegistry(), self.clock, metrics)
        self.presences = Presences(
            MemoryPresences(), self.out, self.clock, metrics, "0",
            Talk(taken={}, devices=self.devices, models=self.models),
        )  # fmt: skip
        self.effects = Effects(
            Lane(0), EffectPorts(out=self.out, units=self.units, files=self.units), metrics
        )
        self.dialogues = Dialogues(
            Lane(0),
            speakers=Speakers(self.codecs, self.models, self.devices),
            devices=self.devices,
            presences=self.presences,
            effects=self.effects,
            clock=self.clock,
            metrics=metrics,
        )
        self.commands = Commands(
            Lane(0),
            range(256),
            ports=CommandPorts(queue=queue, table=table, out=self.out),
            devices=self.devices,
            is_online=lambda _: self.online,
            dialogues=self.dialogues,
            clock=self.clock,
            metrics=metrics,
        )
        self.commands.session = self.session
        self.dialogues.use(self.session)

    async def begin(self) -> None:
        """Have the devices held."""
        await self.devices.look_up([device.name for device in DEVICES])

    async def connects(self, device: Device = HUB, *, online: bool = True) -> None:
        """A device connects, or is lost, and says so."""
        status = Status(online=online, boot=1)
        await self.presences.observe(device, status, retained=False)
        if online:
            self.dialogues.welcome(device)
            self.commands.welcome(device)

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and the loops have their turn."""
        await self.clock.advance(seconds)
        commands = self.commands
        self.dialogues.look()
        self.dialogues.tick()
        await commands._load()
        await commands._write_answers()
        await commands._step_all()
        await self.effects.carry()
        await commands._write_answers()
        await commands._tell()

    def says(self, answer: Answer, command: str = "c-1", detail: str = "") -> None:
        result = CommandResult(command=command, outcome=answer, detail=detail)
        self.commands.note_answer(DEVICE, result)

    def told(self) -> list[str]:
        return [
            str(event.data["outcome"])
            for event in self.out.events
            if event.kind == "command_finished"
        ]


async def another(lane: Lane0) -> Lane0:
    """Another process on the same rows; what the first one knew is its own."""
    other = Lane0(lane.table, lane.queue, lane.codecs, lane.models)
    await other.begin()
    return other


def command(
    lane: Lane0,
    command_id: str = "c-1",
    *,
    device: Device = DEVICE,
    name: str = "identify",
    within_s: float = 60.0,
) -> Command:
    return Command(
        id=command_id,
        device=device.key,
        name=name,
        expires=lane.clock.now_us() + round(within_s * SECOND_US),
        requested_by=1,
    )


async def asked_for(lane: Lane0, **how: Any) -> None:
    assert await lane.table.take(command(lane, **how)) is not None
