"""The dialogues of a lane: one a device that speaks its own protocol, of a hub for all its units.

What a dialogue wants is carried out here: bytes go down at once, an answer goes to the commands,
the rest to `Effects`. Nothing is kept: a dialogue may begin anew at any moment, and is then given
again what was sent and is not answered. Conversations are bounded: beyond, the one that was silent
longest ends.
"""

import asyncio
import heapq
from collections.abc import Callable, Sequence

from services.gateway.application.conversations import Conversation, GivenCommand, Speakers
from services.gateway.application.devices import Devices
from services.gateway.application.dialogue_effects import Effects
from services.gateway.application.ports import DeviceSession
from services.gateway.application.presences import Presences
from services.gateway.core.command_deadlines import Hold, OpenCommand
from services.gateway.core.command_events import told_event
from services.gateway.core.command_results import printable
from services.gateway.core.messages import Device
from services.gateway.metrics import GatewayMetrics
from shared.contracts.commands import Answer, CommandResult
from shared.contracts.decoding import Word
from shared.contracts.dialogue import (
    Dialogue,
    Effect,
    FilePart,
    Finish,
    NativeCommand,
    Seen,
    Send,
    Tell,
    WantFile,
)
from shared.contracts.identity import UNIT_MARK, DeviceKey, Lane, MessageId, unit_id
from shared.contracts.instants import MINUTE, SECOND
from shared.contracts.names import DownKind, down_topic
from shared.runtime.clock import Clock
from shared.runtime.quarantine import Choked
from shared.runtime.waiting import either

SILENT_US = 10 * MINUTE
"""A conversation with a device that is not connected and says nothing ends after this."""
LATELY_US = 15 * SECOND
"""Who spoke so lately is there, whatever is known of its connection."""
LOOK_S = 5.0
"""Devices that are connected and have said nothing yet are found so soon."""
SHORTEST_TURN_S = 0.02
TICKS_A_TURN = 200
"""12 us each: those of a thousand hubs may be due at once after a start, and data goes first."""
RESUME_S = 2.0
"""After a connection to the broker: time for what it holds to be read, before units that were
silent only because nobody listened are taken for gone."""
MOST_CONVERSATIONS = 20_000


class Dialogues:
    """The conversations of one lane. The session is that of the moment, or none.

    Attributes
    ----------
    answered : told how commands end
    came : called when a device is heard after a silence
    """

    def __init__(
        self,
        lane: Lane,
        *,
        speakers: Speakers,
        devices: Devices,
        presences: Presences,
        effects: Effects,
        clock: Clock,
        metrics: GatewayMetrics,
    ) -> None:
        self._lane = lane
        self._label = str(lane)
        self._speakers = speakers
        self._devices = devices
        self._presences = presences
        self._effects = effects
        self._clock = clock
        self._metrics = metrics
        # In the order in which they were heard: the first was silent longest.
        self._held: dict[DeviceKey, Conversation] = {}
        self._due: list[tuple[int, DeviceKey]] = []
        self._turn = asyncio.Event()
        self._session: DeviceSession | None = None
        self._resume_s = 0.0
        self._look_s = 0.0
        self._n_told = 0
        self.answered: Callable[[Device, CommandResult], None] = lambda _device, _result: None
        self.came: Callable[[], None] = lambda: None

    def use(self, session: DeviceSession | None) -> None:
        """Speak over this session from now on."""
        self._session = session
        self._resume_s = self._clock.monotonic_s() + RESUME_S
        self._turn.set()

    # ------------------------------------------------------------------ what is heard

    def hear(self, device: Device, words: Sequence[Word], identity: MessageId) -> None:
        """Take what a device said in one message."""
        now_us = self._clock.now_us()
        conversation = self._open(device, now_us)
        if conversation is None:
            return
        was_silent = now_us - conversation.heard_us >= LATELY_US
        conversation.heard_us = now_us
        self._held[device.key] = self._held.pop(device.key)
        self._feed(conversation, lambda dialogue: dialogue.heard(words, identity, now_us))
        if was_silent:
            self.came()

    def stored(self, device: DeviceKey, boot: int, ranges: Sequence[tuple[int, int]]) -> None:
        """Take what of a device, or of the units behind it, is durably stored."""
        conversation = self._held.get(device)
        if conversation is not None and conversation.dialogue is not None:
            now_us = self._clock.now_us()
            self._feed(conversation, lambda dialogue: dialogue.stored(boot, ranges, now_us))

    def welcome(self, device: Device) -> None:
        """Note that a device has just connected: its dialogue begins.

        With the connection of a hub its units were lost too: those that its dialogue has not
        missed are told again, or they would be taken for gone until it tells of them by itself.
        """
        conversation = self._open(device, self._clock.now_us())
        if conversation is not None:
            for seen in conversation.there.values():
                self._effects.put(device, seen)
            self.came()

    # ------------------------------------------------------------------ commands

    def leads_to(self, device: Device) -> bool:
        """Whether commands go to this device by a dialogue, its own or that of its hub."""
        return UNIT_MARK in device.name or self._speakers.speaks(device)

    def is_there(self, device: Device) -> bool:
        """Whether the device that speaks for this one is connected, as far as is known."""
        hub = self._speakers.hub_of(device)
        if hub is None:
            return False
        held = self._held.get(hub.key)
        lately = held is not None and self._clock.now_us() - held.heard_us < LATELY_US
        return lately or self._presences.is_online(hub.key)

    def look_for(self, device: Device) -> None:
        """Have the dialogue of a device begin that something waits for.

        A gateway that was killed may have lost its status, and it may say nothing unasked.
        """
        hub = self._speakers.hub_of(device)
        if hub is not None:
            self._open(hub, self._clock.now_us())

    def hold(self, device: Device, command: str) -> Hold:
        """What the dialogue of a device has of a command."""
        found = self._given(device, command)
        if found is None:
            return Hold.NOTHING
        return Hold.WITHDRAWN if found[1].is_withdrawn else Hold.GIVEN

    def give(self, device: Device, command: OpenCommand, *, again: bool) -> None:
        """Have a command carried out; ``again`` if it may have been sent before."""
        hub = self._speakers.hub_of(device)
        now_us = self._clock.now_us()
        conversation = self._open(hub, now_us) if hub is not None else None
        if conversation is None:
            self._answer(device, command.id, Answer.REFUSED, "no commands go to its hub")
            return
        asked = NativeCommand(
            id=command.id,
            name=command.name,
            args=command.args,
            unit=device.name.partition(UNIT_MARK)[2],
            expires_us=command.expires_us,
            again=again,
        )

        def ask(dialogue: Dialogue) -> list[Effect]:
            conversation.given[command.id] = GivenCommand(device, command.expires_us)
            return dialogue.ask(asked, now_us)

        if not self._feed(conversation, ask):
            self._answer(device, command.id, Answer.FAILED, "the dialogue of its model failed")

    def withdraw(self, device: Device, command: str) -> None:
        """Have nothing more sent of a command; an answer that is on its way still counts."""
        found = self._given(device, command)
        if found is None or found[1].is_withdrawn:
            return
        conversation, given = found
        given.is_withdrawn = True

        def forget(dialogue: Dialogue) -> list[Effect]:
            dialogue.withdraw(command)
            return []

        self._feed(conversation, forget)

    def close(self, device: Device, command: str) -> None:
        """Say that a command has ended."""
        self.withdraw(device, command)
        found = self._given(device, command)
        if found is not None:
            del found[0].given[command]

    # ------------------------------------------------------------------ loops

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is due by the clock, until the stop. Cancel-safe: nothing is kept."""
        while not stop.is_set():
            self._turn.clear()
            self._metrics.loop_turns.labels("dialogues").inc()
            self.look()
            self.tick()
            await either(self._turn, stop, self._rest_s())

    def look(self) -> None:
        """Begin with devices that are connected; end with those that are gone, now and then."""
        now_s = self._clock.monotonic_s()
        if now_s < self._look_s:
            return
        self._look_s = now_s + LOOK_S
        now_us = self._clock.now_us()
        for key in self._presences.online():
            device = self._devices.by_key(key) if key not in self._held else None
            if device is not None:
                self._open(device, now_us)
        for key, conversation in list(self._held.items()):
            hub = self._devices.by_key(key)
            if hub is None or not self._speakers.speaks(hub):
                del self._held[key]
            elif hub != conversation.hub:  # another model, or other settings
                self._begin(hub, conversation.heard_us)
            elif (
                now_us - conversation.heard_us >= SILENT_US
                and not conversation.given
                and not self._presences.is_online(key)
            ):
                del self._held[key]
        self._metrics.dialogues.labels(self._label).set(len(self._held))

    def tick(self) -> None:
        """Let dialogues do what is due; nothing while what they send would reach nobody."""
        if self._session is None or self._clock.monotonic_s() < self._resume_s:
            return
        now_us = self._clock.now_us()
        for _ in range(TICKS_A_TURN):
            if not self._due or self._due[0][0] > now_us:
                return
            due_us, key = heapq.heappop(self._due)
            conversation = self._held.get(key)
            if conversation is None or conversation.due_us != due_us:
                continue
            conversation.due_us = None
            self._feed(conversation, lambda dialogue: dialogue.tick(now_us))

    def _rest_s(self) -> float:
        rest_s = max(0.0, self._look_s - self._clock.monotonic_s())
        if self._session is not None and self._due:
            due_s = (self._due[0][0] - self._clock.now_us()) / 1e6
            resume_s = self._resume_s - self._clock.monotonic_s()
            rest_s = min(rest_s, max(due_s, resume_s))
        return max(SHORTEST_TURN_S, rest_s)

    # ------------------------------------------------------------------ within

    def _given(self, device: Device, command: str) -> tuple[Conversation, GivenCommand] | None:
        hub = self._speakers.hub_of(device)
        held = self._held.get(hub.key) if hub is not None else None
        given = held.given.get(command) if held is not None else None
        return None if held is None or given is None else (held, given)

    def _open(self, hub: Device, now_us: int) -> Conversation | None:
        """The conversation with a device; None where its model has no dialogue."""
        held = self._held.get(hub.key)
        if held is not None or not self._speakers.speaks(hub):
            return held
        if len(self._held) >= MOST_CONVERSATIONS:
            idle = next((key for key, one in self._held.items() if not one.given), None)
            if idle is None:
                return None
            del self._held[idle]
        return self._begin(hub, now_us - LATELY_US)

    def _begin(self, hub: Device, heard_us: int) -> Conversation:
        begun = self._held[hub.key] = self._speakers.converse(hub, heard_us)
        self._feed(begun, lambda _: [])  # it says when it wants to be called
        return begun

    def _feed(self, conversation: Conversation, work: Callable[[Dialogue], list[Effect]]) -> bool:
        """Let a dialogue work and carry out what it wants; false where it failed twice."""
        found = conversation.attempt(work, self._clock.now_us())
        if isinstance(found, Choked):
            self._metrics.dialogue_failures.labels(self._label).inc()
            return False
        effects, due_us = found
        for effect in effects:
            self._carry_out(conversation, effect)
        self._await(conversation, due_us)
        return True

    def _await(self, conversation: Conversation, due_us: int | None) -> None:
        if due_us is None:
            conversation.due_us = None
            return
        due_us = max(due_us, self._clock.now_us() + int(SHORTEST_TURN_S * SECOND))
        if due_us != conversation.due_us:
            conversation.due_us = due_us
            heapq.heappush(self._due, (due_us, conversation.hub.key))
            if self._due[0][0] == due_us:
                self._turn.set()

    def _carry_out(self, conversation: Conversation, effect: Effect) -> None:
        self._metrics.dialogue_effects.labels(type(effect).__name__.lower()).inc()
        hub = conversation.hub
        match effect:
            case Send(data):
                if self._session is not None:  # else lost, as anything may be on its way
                    self._session.publish(down_topic(hub.name, DownKind.COMMAND), data)
            case Finish(command, outcome, detail):
                given = conversation.given.get(command)
                if given is not None:
                    self._answer(given.device, command, outcome, detail)
            case Tell(note):
                self._n_told += 1
                about = self._named(hub, note.unit)
                self._effects.put(hub, told_event(note, about, self._clock.now_us(), self._n_told))
            case Seen(unit, _, online, _):
                conversation.there.pop(unit, None)
                if online and unit:
                    conversation.there[unit] = effect
                self._effects.put(hub, effect)
            case WantFile() | FilePart():
                self._effects.put(hub, effect)

    def _answer(self, device: Device, command: str, outcome: Answer, detail: str) -> None:
        self.answered(
            device, CommandResult(command=command, outcome=outcome, detail=printable(detail))
        )

    def _named(self, hub: Device, unit: str) -> Device:
        name = unit_id(hub.name, unit) if unit else None
        found = self._devices.find(name) if name is not None else None
        return hub if found is None else found
