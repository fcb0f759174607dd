"""One lane for as long as this process owns it: its session, and the loops around it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from services.gateway.application.byte_streams import ByteStreams
from services.gateway.application.clocks import Clocks
from services.gateway.application.commands import CommandPorts, Commands
from services.gateway.application.configurations import Configurations
from services.gateway.application.conversations import Speakers
from services.gateway.application.counters import Counters
from services.gateway.application.devices import Devices
from services.gateway.application.dialogue_effects import EffectPorts, Effects
from services.gateway.application.dialogues import Dialogues
from services.gateway.application.file_readers import FileReaders, file_codecs
from services.gateway.application.file_reading import FileReading, ReadingPorts
from services.gateway.application.files import FilePorts, Files
from services.gateway.application.ingest import Ingest, IngestLimits, LaneParts
from services.gateway.application.outlet import Outlet
from services.gateway.application.ports import (
    ClockTable,
    CommandQueue,
    CommandTable,
    ConfigurationTable,
    Confirmed,
    CounterTable,
    DeviceSession,
    FileTable,
    PresenceTable,
    ReceiptQueue,
    RestTable,
    UnitTable,
)
from services.gateway.application.presences import Presences, Talk
from services.gateway.application.receipts import Receipts
from services.gateway.application.routing import Routes
from services.gateway.application.units import Units
from services.gateway.core.flow import LaneFlow
from services.gateway.core.messages import Device, SessionEnded
from services.gateway.metrics import GatewayMetrics
from shared.contracts.codec import Codec
from shared.contracts.device_model import DeviceModel
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.file_reading import FileFormat
from shared.contracts.identity import Lane, shards_of
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.retry import BackOff
from shared.runtime.waiting import pause
from shared.telemetry.health import Health

log = structlog.get_logger()

TAKEN_OVER_REST_S = 20.0
"""After another gateway took the session: time for the locks to show whose the lane is."""
SHORT_LIFE_S = 10.0
"""A connection that ends so soon counts as a failure. mosquitto 2.0.11 only closes the connection
of a session that is taken over: two gateways must not take it from each other without pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTools:
    """What all lanes of the process share.

    Parameters
    ----------
    lanes : how many there are in the deployment
    open_session : connects the MQTT session of a lane
    open_flow : finds out how many bytes the streams of a lane have carried so far; waits for
        RabbitMQ until the stop, then raises Unavailable
    jitter : gives a number from 0 to 1
    draw_boot : gives a random number of 32 bits
    registry_listeners : called after each change of the registry; lanes come and go in it
    formats : of files that any device may send, by name
    file_turn : held while a file is taken in, which bounds the memory of the process
    """

    lanes: int
    open_session: Callable[[Lane], Awaitable[DeviceSession]]
    open_flow: Callable[[Lane, asyncio.Event], Awaitable[LaneFlow]]
    codecs: Mapping[str, Codec]
    devices: Devices
    clock_table: ClockTable
    presence_table: PresenceTable
    unit_table: UnitTable
    rest_table: RestTable
    receipt_queue: ReceiptQueue
    command_queue: CommandQueue
    command_table: CommandTable
    configuration_table: ConfigurationTable
    counter_table: CounterTable
    models: Mapping[str, DeviceModel]
    file_table: FileTable
    formats: Mapping[str, FileFormat]
    file_turn: asyncio.Semaphore
    registry_listeners: list[Callable[[], None]]
    out: Confirmed
    limits: IngestLimits
    unconfirmed_most_bytes: int
    device_time_every_s: float
    clock: Clock
    health: Health
    metrics: GatewayMetrics
    jitter: Callable[[], float]
    draw_boot: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Downward:
    """What speaks to the devices of a lane."""

    receipts: Receipts
    commands: Commands
    dialogues: Dialogues
    configurations: Configurations
    files: Files
    presences: Presences

    def use(self, session: DeviceSession | None) -> None:
        """Speak over this session from now on."""
        self.receipts.session = session
        self.commands.session = session
        self.dialogues.use(session)
        self.configurations.use(session)
        self.files.session = session
        self.presences.use(session)

    def welcome(self, device: Device) -> None:
        """Tell a device that has just connected what it should know."""
        self.receipts.welcome(device)
        self.configurations.welcome(device)
        self.files.welcome(device)
        self.dialogues.welcome(device)
        self.commands.welcome(device)


class LaneWork:
    """The work of one lane."""

    def __init__(self, lane: Lane, tools: LaneTools) -> None:
        self._lane = lane
        self._label = str(lane)
        self._tools = tools
        self._condition = f"mqtt_lane_{lane}"
        self._back_off = BackOff(first_s=0.2, most_s=10.0)
        self._had_session = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve the lane until the stop. Cancel-safe: what is not acknowledged comes again.

        Raises
        ------
        BaseExceptionGroup : of what a restart of the service must cure
        """
        tools = self._tools
        tools.health.report(self._condition, ready=False)
        try:
            flow = await tools.open_flow(self._lane, stop)
        except Unavailable:
            return  # the stop came before RabbitMQ
        counters = Counters(tools.counter_table, tools.metrics, self._label)
        presences = Presences(
            tools.presence_table, tools.out, tools.clock, tools.metrics, self._label,
            Talk(taken=counters.taken, devices=tools.devices, models=tools.models),
        )  # fmt: skip
        units = Units(
            tools.unit_table, tools.devices, tools.models, presences, tools.out, tools.clock
        )
        streams = ByteStreams(tools.rest_table, tools.clock, tools.metrics, self._label)
        shards = shards_of(self._lane, tools.lanes)
        await presences.load(shards)
        receipts = Receipts(
            self._lane, tools.receipt_queue, tools.devices, flow, tools.clock, tools.metrics
        )
        files, reading = self._files(shards, receipts, flow)
        effects = Effects(
            self._lane, EffectPorts(out=tools.out, units=units, files=files), tools.metrics
        )
        dialogues = Dialogues(
            self._lane,
            speakers=Speakers(tools.codecs, tools.models, tools.devices),
            devices=tools.devices, presences=presences, effects=effects, clock=tools.clock,
            metrics=tools.metrics,
        )  # fmt: skip
        receipts.listeners.append(dialogues.stored)
        commands = Commands(
            self._lane, shards,
            ports=CommandPorts(
                queue=tools.command_queue, table=tools.command_table, out=tools.out
            ),
            devices=tools.devices, is_online=presences.is_online, dialogues=dialogues,
            clock=tools.clock, metrics=tools.metrics,
        )  # fmt: skip
        configurations = Configurations(
            self._lane, shards,
            table=tools.configuration_table, devices=tools.devices, reported=presences.reported,
            metrics=tools.metrics,
        )  # fmt: skip
        downward = Downward(
            receipts=receipts, commands=commands, dialogues=dialogues,
            configurations=configurations, files=files, presences=presences,
        )  # fmt: skip
        presences.came_online = downward.welcome
        parts = LaneParts(
            lane=self._lane,
            routes=Routes(tools.codecs, tools.devices, tools.models, tools.formats),
            clocks=Clocks(tools.clock_table, tools.clock, tools.metrics, self._label),
            presences=presences,
            streams=streams,
            units=units,
            out=tools.out,
            draw_boot=tools.draw_boot,
            hush=receipts.hush,
            receipt_wanted=receipts.want,
            came_online=downward.welcome,
            answered=commands.note_answer,
            taken=counters.taken,
            refused=counters.note_refused,
            said=dialogues.hear,
            stored=receipts.note_stored,
            file_part=files.take,
            limits=tools.limits,
            clock=tools.clock,
            metrics=tools.metrics,
        )
        tools.registry_listeners.append(configurations.note_change)
        try:
            async with asyncio.TaskGroup() as group:
                for name, loop in (
                    ("commands", commands.collect),
                    ("command steps", commands.run),
                    ("dialogues", dialogues.run),
                    ("dialogue effects", effects.run),
                    ("configurations", configurations.run),
                    ("counters", counters.run),
                    ("rests", streams.run),
                    ("files", files.run),
                    ("file reading", reading.run),
                ):
                    group.create_task(loop(stop), name=f"{name} {self._lane}")
                group.create_task(receipts.collect(stop), name=f"receipts {self._lane}")
                group.create_task(receipts.tell(stop), name=f"tell stored {self._lane}")
                group.create_task(presences.run(stop), name=f"presence {self._lane}")
                group.create_task(
                    self._tell_time(receipts, presences, stop), name=f"tell time {self._lane}"
                )
                await self._serve(parts, downward, flow, stop)
        finally:
            tools.registry_listeners.remove(configurations.note_change)
            # A lane that is another's now says nothing about our readiness.
            tools.health.report(self._condition, ready=True)

    def _files(
        self, shards: range, receipts: Receipts, flow: LaneFlow
    ) -> tuple[Files, FileReading]:
        """What takes in the files of the lane."""
        tools = self._tools
        reading: FileReading | None = None

        def look() -> None:
            assert reading is not None
            reading.look()

        files = Files(
            self._lane,
            FilePorts(
                table=tools.file_table,
                stored=receipts.note_stored,
                whole=look,
                file_codecs=file_codecs(tools.codecs, tools.models),
            ),
            tools.clock,
            tools.metrics,
        )
        readers = FileReaders(tools.codecs, tools.formats, tools.models)
        reading = FileReading(
            self._lane,
            shards,
            ports=ReadingPorts(
                table=tools.file_table,
                out=tools.out,
                reader=readers.of,
                frame_flags=readers.frame_flags,
                turn=tools.file_turn,
                ended=files.note_ended,
            ),
            flow=flow,
            limits=tools.limits.time,
            clock=tools.clock,
            metrics=tools.metrics,
        )
        receipts.listeners.append(reading.note_receipt)
        return files, reading

    async def _serve(
        self, parts: LaneParts, downward: Downward, flow: LaneFlow, stop: asyncio.Event
    ) -> None:
        """Open the session again and again until the stop."""
        tools = self._tools
        failures = 0
        while not stop.is_set():
            rest_s = 0.0
            try:
                session = await tools.open_session(self._lane)
            except Unavailable as error:
                failures += 1
                rest_s = self._back_off.delay_s(failures, tools.jitter())
                tools.metrics.session_failures.labels(self._label).inc()
                log.warning("mqtt_unavailable", lane=self._lane, error=str(error))
            else:
                began_s = tools.clock.monotonic_s()
                ended = await self._use(session, parts, downward, flow, stop)
                if ended is not None:
                    lived_s = tools.clock.monotonic_s() - began_s
                    failures = failures + 1 if lived_s < SHORT_LIFE_S else 0
                    rest_s = self._rest_s(ended, failures)
                    tools.metrics.session_failures.labels(self._label).inc()
                    log.warning("mqtt_session_ended", lane=self._lane, reason=str(ended))
            if rest_s and await pause(stop, rest_s):
                return

    def _rest_s(self, ended: SessionEnded, failures: int) -> float:
        """Come back at once after a lost link, slowly to one that is lost again and again."""
        if ended.taken_over:
            return TAKEN_OVER_REST_S
        return self._back_off.delay_s(failures, self._tools.jitter()) if failures else 0.05

    async def _use(
        self,
        session: DeviceSession,
        parts: LaneParts,
        downward: Downward,
        flow: LaneFlow,
        stop: asyncio.Event,
    ) -> SessionEnded | None:
        """Move messages over one network connection; give why it ended, None at the stop."""
        tools = self._tools
        outlet = Outlet(
            self._lane, session, tools.out, flow,
            unconfirmed_most_bytes=tools.unconfirmed_most_bytes,
            clock=tools.clock, metrics=tools.metrics,
        )  # fmt: skip
        ended: SessionEnded | None = None
        try:
            await self._note_opened(session)
            downward.use(session)
            async with asyncio.TaskGroup() as group:
                beside = [
                    group.create_task(outlet.run(), name=f"send {self._lane}"),
                    group.create_task(_wake_at(stop, session, outlet)),
                    group.create_task(_look_again(downward.receipts.moved, outlet)),
                ]
                await Ingest(parts, session, outlet).run(stop)
                for task in beside:
                    task.cancel()
        except* SessionEnded as group_ended:
            ended = _first(group_ended)
        finally:
            downward.use(None)
            tools.health.report(self._condition, ready=False)
            await session.close()
        return ended

    async def _note_opened(self, session: DeviceSession) -> None:
        """Tell of the session; of one that the broker has lost, also the people."""
        tools = self._tools
        present = session.session_present
        tools.metrics.sessions.labels(self._label, "yes" if present else "no").inc()
        log.info("mqtt_session_opened", lane=self._lane, session_present=present)
        tools.health.report(self._condition, ready=True)
        if not present:
            now_us = tools.clock.now_us()
            _ = await tools.out.tell(
                Event(
                    id=event_id(EventKind.SESSION_LOST, self._lane, now_us),
                    t=now_us,
                    kind=EventKind.SESSION_LOST,
                    # At the first start there was nothing to lose; later, what the broker held
                    # in memory is gone until the devices send it again.
                    severity=Severity.MEDIUM if self._had_session else Severity.INFO,
                    source="gateway",
                    text_key=EventKind.SESSION_LOST.value,
                    data={"lane": self._lane},
                )
            )
        self._had_session = True

    async def _tell_time(
        self, receipts: Receipts, presences: Presences, stop: asyncio.Event
    ) -> None:
        """Tell the time to every device that is online, now and then."""
        while not await pause(stop, self._tools.device_time_every_s):
            self._tools.metrics.loop_turns.labels("device_time").inc()
            for key in presences.online():
                device = self._tools.devices.by_key(key)
                if device is not None and device.hub is None:
                    receipts.tell_time(device.name)


async def _wake_at(stop: asyncio.Event, session: DeviceSession, outlet: Outlet) -> None:
    await stop.wait()
    session.wake()
    outlet.look_again()


async def _look_again(moved: asyncio.Event, outlet: Outlet) -> None:
    while True:
        await moved.wait()
        moved.clear()
        outlet.look_again()


def _first(group: BaseExceptionGroup[SessionEnded]) -> SessionEnded:
    found = group.exceptions[0]
    return found if isinstance(found, SessionEnded) else _first(found)
