"""A spirometer's memory is cleared only when all of it is stored, whatever is lost or restarted."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.smsg import layout
from shared.codecs.smsg.codec import CODEC
from shared.codecs.smsg.layout import RESULT, Result
from shared.contracts.commands import Answer
from shared.contracts.dialogue import Dialogue, Effect, Finish, NativeCommand, Send, Tell
from shared.contracts.events import EventKind
from tests.unit.shared.codecs.smsg_hub import Hub, words_of

SECOND_US = 1_000_000
UNIT = "00000053"


def new_dialogue() -> Dialogue:
    assert CODEC.new_dialogue is not None
    return CODEC.new_dialogue(CODEC.with_constants())


def results_in(data: bytes) -> set[tuple[int, ...]]:
    """What is stored of a message: the results, by all that they say but their place."""
    return {
        RESULT.unpack(message.payload)[1:]
        for message in layout.split(data)
        if len(message.payload) == RESULT.size
    }


def told(result: Result) -> tuple[int, ...]:
    (found,) = results_in(layout.encode_result(0x53, result))
    return found


class World:
    """A hub, the link to it, a gateway with its dialogue, and storage."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.now_us = 1_800_000_000 * SECOND_US
        self.dialogue = new_dialogue()
        self.up: list[tuple[int, int]] = []
        self.sent: set[tuple[int, int]] = set()
        self.pipe: list[tuple[int, int]] = []
        self.receipts: list[tuple[int, int]] = []
        self.down: list[bytes] = []
        self.database: set[tuple[int, ...]] = set()
        self.in_storage: set[tuple[int, int]] = set()
        self.bytes_of: dict[tuple[int, int], bytes] = {}
        self.command: NativeCommand | None = None
        self.n_commands = 0
        self.ends: list[Finish] = []
        self.events: list[EventKind] = []

    def take(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(data):
                    self.down.append(data)
                case Finish():
                    self.ends.append(effect)
                    self.command = None
                case Tell(note):
                    self.events.append(note.kind)
                case _:
                    pass

    def ask(self) -> None:
        if self.command is None:
            self.n_commands += 1
            expires_us = self.now_us + 10_000 * SECOND_US
            name = f"c{self.n_commands}"
            self.command = NativeCommand(name, "clear_memory", {}, UNIT, expires_us, again=False)
            self.take(self.dialogue.ask(self.command, self.now_us))

    def hear_down(self, *, lose: bool = False, twice: bool = False) -> None:
        if not self.down:
            return
        data = self.down[0] if twice else self.down.pop(0)
        if lose:
            return
        before = list(self.hub.spirometer.memory)
        self.hub.hear(data)
        if before and not self.hub.spirometer.memory:
            # the promise
            assert {told(result) for result in before} <= self.database

    def send_up(self) -> None:
        for key, data in self.hub.journal.items():
            self.bytes_of[key] = data
            if key not in self.sent:
                self.sent.add(key)
                self.up.append(key)

    def deliver(self) -> None:
        self.send_up()
        if self.up:
            key = self.up.pop(0)
            words, identity = words_of(self.bytes_of[key], *key)
            self.take(self.dialogue.heard(words, identity, self.now_us))
            self.pipe.append(key)

    def store(self) -> None:
        if self.pipe:
            key = self.pipe.pop(0)
            self.database |= results_in(self.bytes_of[key])
            self.in_storage.add(key)
            self.receipts.append(key)

    def receive(self, *, lose: bool = False) -> None:
        if self.receipts:
            key = self.receipts.pop(0)
            if not lose:
                self.take(self.dialogue.stored(key[0], [(key[1], key[1])], self.now_us))
                self.hub.journal.pop(key, None)

    def reconnect(self) -> None:
        """The hub sends all again of which it does not know that it is stored, oldest first."""
        self.up, self.sent = [], set()

    def restart_gateway(self) -> None:
        self.dialogue = new_dialogue()
        self.pipe, self.up, self.sent = [], [], set()
        if self.command is not None:
            self.command = self.command._replace(again=True)
            self.take(self.dialogue.ask(self.command, self.now_us))

    def pass_time(self, seconds: int) -> None:
        self.now_us += seconds * SECOND_US
        self.take(self.dialogue.tick(self.now_us))

    def settle(self) -> None:
        """All goes well from here on."""
        for _ in range(400):
            if self.command is None and not self.down:
                return
            for _ in range(len(self.down)):
                self.hear_down()
            for _ in range(40):
                self.deliver()
                self.store()
                self.receive()
            self.pass_time(1)


STEPS = (
    "ask", "blow", "hear_down", "hear_down", "lose_down", "hear_twice", "deliver", "deliver_all",
    "deliver_all", "deliver_all", "store", "store", "store_all", "receive", "receive_all",
    "receive_all", "lose_receipt", "reconnect", "restart_gateway", "restart_storage", "reboot_hub",
    "second", "seconds", "minute", "settle",
)  # fmt: skip


def do(world: World, step: str) -> None:
    match step:
        case "blow":
            world.hub.spirometer.blow()
        case "lose_down":
            world.hear_down(lose=True)
        case "hear_twice":
            world.hear_down(twice=True)
        case "lose_receipt":
            world.receive(lose=True)
        case "restart_storage":
            world.receipts = []
        case "reboot_hub":
            world.hub.reboot()
            world.reconnect()
        case "deliver_all" | "store_all" | "receive_all":
            for _ in range(20):
                getattr(world, step.removesuffix("_all"))()
        case "seconds":
            world.pass_time(5)
        case "second":
            world.pass_time(1)
        case "minute":
            world.pass_time(60)
        case _:
            getattr(world, step)()


@given(blows=st.integers(0, 3), steps=st.lists(st.sampled_from(STEPS), min_size=20, max_size=60))
def test_nothing_is_cleared_that_is_not_stored_and_in_the_end_it_is(
    blows: int, steps: list[str]
) -> None:
    world = World()
    until(world, blows)
    for step in steps:
        do(world, step)
    world.reconnect()
    world.settle()
    if world.command is None:
        world.ask()
        world.reconnect()
        world.settle()
    assert world.ends[-1].outcome is Answer.DONE
    assert not world.hub.spirometer.memory
    assert {told(result) for result in world.hub.spirometer.cleared} <= world.database
    assert len(world.hub.spirometer.cleared) == world.hub.spirometer.n_blown


def until(world: World, n_results: int) -> None:
    """The unit is known, has been asked and has told all; nothing of it is stored."""
    for _ in range(n_results):
        world.hub.spirometer.blow()
    world.pass_time(0)
    world.hear_down()
    world.send_up()
    for _ in range(len(world.up)):
        world.deliver()
        world.store()
        world.receive()
    world.ask()
    world.hear_down()
    world.send_up()
    for _ in range(len(world.up)):
        world.deliver()


def test_it_is_cleared_when_the_last_message_is_stored_and_not_before() -> None:
    world = World()
    until(world, 3)
    for _ in range(len(world.pipe) - 1):
        world.store()
        world.receive()
        assert not world.down
    world.store()
    assert not world.down
    world.receive()
    (clear,) = layout.split(world.down[0])
    assert clear.message_type == layout.Spirometer.CLEAR
    world.settle()
    assert world.ends == [Finish("c1", Answer.DONE, "3 results cleared")]
    assert world.events == [EventKind.MEMORY_CLEARED]


def test_an_old_answer_from_the_hubs_buffer_clears_nothing() -> None:
    """It comes to a new dialogue after its own ask, and what it announced is stored."""
    world = World()
    until(world, 2)
    old = dict(world.hub.journal)
    world.settle()
    world.hub.spirometer.blow()
    world.hub.spirometer.blow()
    world.hub.journal = old
    world.restart_gateway()
    world.ask()
    world.down.clear()
    for _ in range(len(old)):
        world.deliver()
        world.store()
        world.receive()
    kinds = {message.message_type for data in world.down for message in layout.split(data)}
    assert layout.Spirometer.CLEAR not in kinds
    world.settle()
    assert world.ends[-1].detail == "2 results cleared"


def test_a_memory_is_cleared_by_one_command_at_a_time() -> None:
    world = World()
    until(world, 1)
    assert world.command is not None
    other = world.command._replace(id="other")
    (refused,) = world.dialogue.ask(other, world.now_us)
    assert refused == Finish("other", Answer.REFUSED, "its memory is being cleared already")


def test_an_empty_memory_is_cleared_at_once() -> None:
    world = World()
    until(world, 0)
    assert world.ends == [Finish("c1", Answer.DONE, "0 results cleared")]
    assert not world.events


def test_results_that_are_not_stored_in_time_stay_where_they_are() -> None:
    world = World()
    until(world, 2)
    world.pass_time(9_999)
    assert world.ends == [Finish("c1", Answer.FAILED, "not all announced results are stored yet")]
    assert len(world.hub.spirometer.memory) == 2


def test_a_clearing_that_was_sent_and_not_answered_is_not_called_failed() -> None:
    world = World()
    until(world, 1)
    for _ in range(len(world.pipe)):
        world.store()
        world.receive()
    world.pass_time(9_999)
    assert not world.ends
    assert world.command is not None
    world.dialogue.withdraw(world.command.id)
    world.down.clear()
    world.pass_time(60)
    kinds = {message.message_type for data in world.down for message in layout.split(data)}
    assert kinds == {layout.IDENTIFIER}


def test_a_unit_that_does_not_name_the_ask_is_left_alone() -> None:
    world = World()
    until(world, 0)
    world.ask()
    world.hub.say(layout.encode_result_header(0x53, 2))
    world.deliver()
    assert world.ends[-1].outcome is Answer.FAILED


@pytest.mark.parametrize(("unit", "text"), [("", "a hub itself"), ("0000a1b2", "no memory in an")])
def test_only_a_spirometer_has_a_memory(unit: str, text: str) -> None:
    world = World()
    until(world, 0)
    command = NativeCommand(
        "x", "clear_memory", {}, unit, world.now_us + SECOND_US * 60, again=False
    )
    (refused,) = world.dialogue.ask(command, world.now_us)
    assert isinstance(refused, Finish)
    assert refused.outcome is Answer.REFUSED
    assert refused.detail.startswith(text)


def test_a_unit_that_measures_in_between_keeps_all_and_is_cleared_in_the_end() -> None:
    world = World()
    until(world, 1)
    for _ in range(len(world.pipe)):
        world.store()
        world.receive()
    world.hub.spirometer.blow()  # while the clearing is on its way
    world.hear_down()
    assert len(world.hub.spirometer.memory) == 2
    world.settle()
    assert world.ends == [Finish("c1", Answer.DONE, "2 results cleared")]


def test_a_unit_that_never_stops_measuring_is_left_with_its_results() -> None:
    world = World()
    until(world, 1)
    for _ in range(200):
        world.deliver()
        world.store()
        world.receive()
        if world.down:
            message = layout.split(world.down[0])[0]
            if message.message_type == layout.Spirometer.CLEAR:
                world.hub.spirometer.blow()
            world.hear_down()
    (end,) = world.ends
    assert end.outcome is Answer.FAILED
    assert len(world.hub.spirometer.memory) == world.hub.spirometer.n_blown == 6


def test_no_unit_has_more_results_than_there_is_memory() -> None:
    world = World()
    until(world, 0)
    world.ask()
    (ask,) = layout.split(world.down[-1])
    (number,) = layout.ASK.unpack(ask.payload)
    world.hub.say(layout.encode_result_header(0x53, 1_001, number))
    world.deliver()
    assert world.ends[-1].detail == "no spirometer has 1001 results"


def test_a_command_that_is_given_again_goes_on() -> None:
    world = World()
    until(world, 1)
    assert world.command is not None
    assert world.dialogue.ask(world.command._replace(again=True), world.now_us) == []
