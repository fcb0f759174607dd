"""Commands to the devices of a lane: from the queue to MQTT, and what became of them.

The order that makes at most once: the row is durable before the queue's message is settled; the
row says "sent" before anything is given to MQTT, and only one replica can write that; what was
sent is asked after, never sent again, unless the device says that it has not had it. An answer is
in the row before anybody is told; an event that may be missing after a crash is told again.

A device that speaks its own protocol is not asked: what its dialogue makes of a command is all
that is learned (`Dialogues`). The row says "sent" before the dialogue has it.

What waits is bounded: open commands (then the queue is not read), answers that wait for
PostgreSQL (beyond, they are left out: the device is asked again).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog

from services.gateway.application.devices import Devices
from services.gateway.application.dialogues import Dialogues
from services.gateway.application.ports import (
    CommandQueue,
    CommandTable,
    Confirmed,
    DeviceSession,
    TakenCommand,
)
from services.gateway.core.command_deadlines import (
    Hold,
    OpenCommand,
    Step,
    answers_last_sending,
    due_us,
    native_due_us,
    next_native_step,
    next_step,
    outcome_of,
)
from services.gateway.core.command_events import finished_event
from services.gateway.core.messages import Device
from services.gateway.metrics import GatewayMetrics
from shared.contracts.commands import ENDS, Answer, CommandOutcome, CommandResult, DownCommand
from shared.contracts.identity import DeviceKey, Lane
from shared.contracts.names import DownKind, down_topic
from shared.errors import Conflict, Unavailable
from shared.runtime.clock import Clock
from shared.runtime.retry import Retry
from shared.runtime.waiting import pause

log = structlog.get_logger()

LOAD_EVERY_S = 30.0
"""Rows are read again so often: those of a replica that died, or of other lanes before."""
LOAD_AGAIN_S = 0.5
"""After another replica was first: what it does meanwhile is in the row by then."""
LONGEST_TURN_S = 5.0
NO_SESSION_S = 0.5
AWAY_S = 1.0
TABLE_TIMEOUT_S = 5.0
TELL_TIMEOUT_S = 10.0
MOST_OPEN = 10_000
MOST_ANSWERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPorts:
    """Where commands come from, where their rows are, and where events go."""

    queue: CommandQueue
    table: CommandTable
    out: Confirmed


class Commands:
    """The commands of one lane. The session is that of the moment, or none.

    Parameters
    ----------
    is_online : whether a device is known to be connected
    dialogues : carry out commands of devices that speak their own protocol
    """

    def __init__(
        self,
        lane: Lane,
        shards: range,
        *,
        ports: CommandPorts,
        devices: Devices,
        is_online: Callable[[DeviceKey], bool],
        dialogues: Dialogues,
        clock: Clock,
        metrics: GatewayMetrics,
    ) -> None:
        self._lane = lane
        self._label = str(lane)
        self._shards = shards
        self._queue = ports.queue
        self._table = ports.table
        self._devices = devices
        self._is_online = is_online
        self._dialogues = dialogues
        dialogues.answered = self.note_answer
        dialogues.came = self._work_waits
        self._out = ports.out
        self._clock = clock
        self._metrics = metrics
        self._open: dict[str, OpenCommand] = {}
        self._answers: dict[tuple[DeviceKey, str], CommandResult] = {}
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._load_s = 0.0
        self._untold = True
        self.session: DeviceSession | None = None

    # ------------------------------------------------------------------ for the ingest

    def note_answer(self, device: Device, result: CommandResult) -> None:
        """Take what a device says of a command; it is written in the next turn."""
        self._metrics.command_answers.labels(result.outcome.value).inc()
        if result.command in self._open or len(self._answers) < MOST_ANSWERS:
            self._answers[device.key, result.command] = result
            self._work.set()

    def welcome(self, device: Device) -> None:
        """Note that a device has just connected: ask what became of what it was sent."""
        now_us = self._clock.now_us()
        if not self._dialogues.leads_to(device):
            for command in [one for one in self._open.values() if one.device == device.key]:
                if command.sent_us is not None:
                    self._ask(command, now_us)
        self._work.set()

    def _work_waits(self) -> None:
        self._work.set()

    # ------------------------------------------------------------------ loops

    async def collect(self, stop: asyncio.Event) -> None:
        """Take commands from the queue until the stop; each is settled when its row is durable.

        Cancel-safe: what is not settled comes again, and finds its row.
        """
        async for taken in self._queue.commands(self._lane, until=stop):
            while len(self._open) >= MOST_OPEN and not stop.is_set():
                self._room.clear()
                await pause(self._room, LONGEST_TURN_S)
            try:
                await self._take(taken, stop)
            except Unavailable:
                return  # the stop came before PostgreSQL

    async def _take(self, taken: TakenCommand, stop: asyncio.Event) -> None:
        try:
            found = await Retry(on_failure=self._note_away).run(
                lambda: self._table.take(taken.command), until=stop
            )
        except Conflict as error:
            log.error("command_refused", command=taken.command.id, error=str(error))  # noqa: TRY400
            await taken.reject()
            return
        if found is not None:
            self._open.setdefault(found.id, found)
        else:
            self._untold = True  # it may have been expired already: its event is due
        await taken.settle()
        self._metrics.commands.labels(self._label).inc()
        self._work.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send, ask, expire and tell until the stop.

        Cancel-safe: every step is in its row first.
        """
        while not stop.is_set():
            self._work.clear()
            self._metrics.loop_turns.labels("commands").inc()
            try:
                async with asyncio.timeout(TABLE_TIMEOUT_S):
                    await self._load()
                    await self._write_answers()
                    await self._step_all()
                await self._tell()
            except (Unavailable, TimeoutError) as error:
                self._note_away(1, error, AWAY_S)
                await pause(stop, AWAY_S)
                continue
            self._metrics.open_commands.labels(self._label).set(len(self._open))
            await self._wait(stop)

    async def _wait(self, stop: asyncio.Event) -> None:
        now_us = self._clock.now_us()
        wait_s = min(LONGEST_TURN_S, max(0.02, self._load_s - self._clock.monotonic_s()))
        if self.session is None:
            wait_s = min(wait_s, NO_SESSION_S)
        for command in self._open.values() if self.session is not None else ():
            due = self._due_us(command)
            if due is not None:
                wait_s = min(wait_s, max(0.02, (due - now_us) / 1e6))
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(self._work.wait()), group.create_task(stop.wait())]
            await asyncio.wait(waits, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    def _due_us(self, command: OpenCommand) -> int | None:
        device = self._native(command)
        if device is None:
            return due_us(command)
        return native_due_us(command, self._dialogues.hold(device, command.id))

    # ------------------------------------------------------------------ steps of a turn

    async def _load(self) -> None:
        """Take up open rows, at the start and now and then."""
        now_s = self._clock.monotonic_s()
        if now_s < self._load_s:
            return
        before = set(self._open)
        rows = {command.id: command for command in await self._table.load(self._shards)}
        for command_id in before - rows.keys():
            self._close(self._open[command_id])  # another replica has finished it
        for command_id, command in rows.items():
            known = self._open.get(command_id)
            if known is None or known.sends != command.sends:
                self._open[command_id] = command
        self._load_s = now_s + LOAD_EVERY_S
        self._untold = True

    async def _write_answers(self) -> None:
        for (device, command_id), result in list(self._answers.items()):
            await self._write_answer(device, command_id, result)
            if self._answers.get((device, command_id)) is result:
                del self._answers[device, command_id]

    async def _write_answer(
        self, device: DeviceKey, command_id: str, result: CommandResult
    ) -> None:
        outcome = ENDS.get(result.outcome)
        if outcome is not None:
            await self._finish(command_id, device, outcome, result.detail)
            return
        command = self._open.get(command_id)
        if command is None or command.device != device:
            return
        if result.outcome is Answer.RUNNING:
            self._open[command_id] = command._replace(running_us=self._clock.now_us())
        elif answers_last_sending(command):
            self._open[command_id] = command._replace(
                unseen_us=self._clock.now_us(), is_given_up=False
            )

    async def _step_all(self) -> None:
        for command in list(self._open.values()):
            now_us = self._clock.now_us()
            device = self._native(command)
            if device is not None:
                await self._step_native(command, device, now_us)
                continue
            online = self._is_online(command.device)
            match step := next_step(command, now_us, online=online):
                case Step.SEND if self.session is not None:
                    await self._send(command)
                case Step.ASK if self.session is not None:
                    self._ask(command, now_us)
                case Step.EXPIRE | Step.GIVE_UP:
                    await self._finish(command.id, command.device, outcome_of(step), "")
                case _:
                    pass

    async def _step_native(self, command: OpenCommand, device: Device, now_us: int) -> None:
        dialogues = self._dialogues
        there = self.session is not None and dialogues.is_there(device)
        hold = dialogues.hold(device, command.id)
        match step := next_native_step(command, now_us, there=there, hold=hold):
            case Step.SEND:
                sent = await self._mark_sent(command)
                if sent is not None and self._clock.now_us() < sent.expires_us:
                    dialogues.give(device, sent, again=False)
                    self._metrics.commands_sent.labels("native").inc()
            case Step.GIVE_AGAIN:
                dialogues.give(device, command, again=True)
                self._metrics.commands_sent.labels("native_again").inc()
            case Step.WITHDRAW:
                dialogues.withdraw(device, command.id)
            case Step.EXPIRE | Step.GIVE_UP:
                await self._finish(command.id, command.device, outcome_of(step), "")
            case _ if hold is Hold.NOTHING and not command.is_given_up:
                dialogues.look_for(device)
            case _:
                pass

    def _native(self, command: OpenCommand) -> Device | None:
        """The device of a command that goes to it by a dialogue."""
        device = self._devices.by_key(command.device)
        return device if device is not None and self._dialogues.leads_to(device) else None

    async def _send(self, command: OpenCommand) -> None:
        device = self._devices.by_key(command.device)
        if device is None:  # not held yet, or retired: then it expires
            self._open[command.id] = command._replace(asked_us=self._clock.now_us())
            return
        if await self._mark_sent(command) is None:
            return
        self._publish(
            device,
            DownCommand(
                command=command.id,
                name=command.name,
                args=command.args,
                expires=command.expires_us,
            ),
        )
        self._metrics.commands_sent.labels("command").inc()

    async def _mark_sent(self, command: OpenCommand) -> OpenCommand | None:
        """Write that a command is sent; only what it gives may be."""
        sent = await self._table.mark_sent(command)
        if sent is None:
            # Another replica was first, or it has ended: what the row says now counts.
            self._close(command)
            self._load_s = min(self._load_s, self._clock.monotonic_s() + LOAD_AGAIN_S)
        else:
            self._open[command.id] = sent
        return sent

    def _ask(self, command: OpenCommand, now_us: int) -> None:
        device = self._devices.by_key(command.device)
        self._open[command.id] = command._replace(asked_us=now_us)
        if device is not None:
            self._publish(device, DownCommand(command=command.id, ask=True))
            self._metrics.commands_sent.labels("question").inc()

    def _publish(self, device: Device, message: DownCommand) -> None:
        # What does not leave is asked after like what was lost on the way.
        if self.session is not None:
            self.session.publish(
                down_topic(device.name, DownKind.COMMAND), msgspec.json.encode(message)
            )

    async def _finish(
        self, command_id: str, device: DeviceKey, outcome: CommandOutcome, detail: str
    ) -> None:
        await self._table.finish(command_id, device, outcome, detail)
        command = self._open.get(command_id)
        if command is not None and command.device == device:
            self._close(command)
            if outcome is CommandOutcome.UNKNOWN:
                self._open[command_id] = command._replace(is_given_up=True)
            else:
                self._room.set()
        self._untold = True

    def _close(self, command: OpenCommand) -> None:
        device = self._native(command)
        if device is not None:
            self._dialogues.close(device, command.id)
        self._open.pop(command.id, None)

    async def _tell(self) -> None:
        """Tell people of what has ended; told twice after a crash, by the same id."""
        if not self._untold:
            return
        self._untold = False
        try:
            async with asyncio.timeout(TELL_TIMEOUT_S):
                finished = await self._table.untold(self._shards)
                for command in finished:
                    await asyncio.shield(await self._out.tell(finished_event(command)))
                    self._metrics.commands_finished.labels(command.outcome.value).inc()
                if finished:
                    await self._table.mark_told(finished)
                    self._untold = True  # there may be more than one page
                    self._work.set()
        except BaseException:
            self._untold = True
            raise

    def _note_away(self, attempt: int, error: BaseException, delay_s: float) -> None:
        self._metrics.loop_errors.labels("commands").inc()
        log.warning(
            "commands_wait", lane=self._lane, attempt=attempt, error=str(error), delay_s=delay_s
        )
