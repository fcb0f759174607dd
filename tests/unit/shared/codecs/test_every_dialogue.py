"""What every dialogue must bear: any words, and what the gateway tells it in any order.

A dialogue comes in by its codec (`Codec.new_dialogue`); the words are those of the codecs' samples,
as they are and with pieces of them wrong or missing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.commands import ENDS, Answer
from shared.contracts.decoding import Word
from shared.contracts.device_model import DeviceModel, ModelCommand
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
from shared.contracts.identity import Boot, DeviceId, DeviceKey, MessageId, unit_id
from shared.contracts.model_values import ModelValue, ValueKind
from shared.device_models.catalogue import load_device_models
from tests.harness.codecs import CODECS, load_samples

DIALOGUES = sorted(name for name, codec in CODECS.items() if codec.new_dialogue is not None)
MODELS = load_device_models()
WORDS = {name: [w for told in one.told for w in told.words] for name, one in load_samples().items()}
BOOT = Boot(7)
SECOND_US = 1_000_000
LARGEST_SEND_BYTES = 64 << 10
OUTCOMES = {Answer.DONE, Answer.REFUSED, Answer.FAILED, Answer.RUNNING}
"""A time that is over is the gateway's affair, and whoever is not asked has nothing unseen."""

every_dialogue = pytest.mark.parametrize("name", DIALOGUES)


def models_of(name: str) -> list[DeviceModel]:
    """Models of devices that speak it, and of the units behind them."""
    speakers = [model for model in MODELS.values() if model.dialogue == name]
    units = [MODELS[unit.model] for model in speakers for unit in model.units]
    return speakers + units


def value_of(value: ModelValue) -> st.SearchStrategy[Any]:
    if value.choices:
        return st.sampled_from(value.choices)
    low = value.low if value.low is not None else 0
    high = value.high if value.high is not None else low + 9
    match value.kind:
        case ValueKind.INTEGER:
            return st.integers(round(low), round(high))
        case ValueKind.NUMBER:
            return st.floats(low, high)
        case ValueKind.BOOLEAN:
            return st.booleans()
        case _:
            return st.text("AZaz09 :\\.é", max_size=value.most)


def commands_of(name: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    known: list[ModelCommand] = [one for model in models_of(name) for one in model.commands]
    unknown: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.just(("no_such_command", {}))
    if not known:
        return unknown
    return unknown | st.sampled_from(known).flatmap(
        lambda one: st.tuples(
            st.just(one.name),
            st.fixed_dictionaries({value.name: value_of(value) for value in one.args}),
        )
    )


def words_of(name: str) -> st.SearchStrategy[Word]:
    codecs = {name, *(codec for model in models_of(name) for codec in model.codecs)}
    known = [word for codec in sorted(codecs) for word in WORDS.get(codec, [])]
    known = known or [Word("no_such_word", data={"no_such_thing": 1})]
    anything = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary()
    told = [(key, value) for word in known for key, value in word.data.items()]
    wrong = st.tuples(st.sampled_from([key for key, _ in told]), anything)
    return st.sampled_from(known) | st.builds(
        Word,
        st.sampled_from([word.name for word in known]) | st.text(max_size=5),
        st.sampled_from([word.unit for word in known]) | st.just("00000099"),
        st.lists(st.sampled_from(told) | wrong, max_size=4).map(dict),
    )


def steps_of(name: str) -> st.SearchStrategy[list[tuple[str, Any]]]:
    step = st.one_of(
        st.tuples(st.just("heard"), st.lists(words_of(name), min_size=1, max_size=4)),
        st.tuples(st.just("ask"), st.tuples(commands_of(name), st.integers(1, 90), st.booleans())),
        st.tuples(st.just("stored"), st.lists(st.integers(0, 20), min_size=1, max_size=3)),
        st.tuples(st.just("passes"), st.sampled_from([0.05, 1.0, 5.0, 10.0, 16.0, 400.0])),
    )
    return st.lists(step, max_size=30)


class Gateway:
    """What the gateway does with a dialogue, and what it must be able to rely on."""

    def __init__(self, name: str) -> None:
        codec = CODECS[name]
        assert codec.new_dialogue is not None
        self.dialogue: Dialogue = codec.new_dialogue(codec.with_constants())
        self.now_us = 1_800_000_000 * SECOND_US
        self.n = 0
        self.open: dict[str, int] = {}
        self.ended: set[str] = set()
        self.withdrawn: set[str] = set()
        self.effects: list[Effect] = []

    def take(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self.check(effect)
        self.effects += effects
        due_us = self.dialogue.due_us()
        assert due_us is None or isinstance(due_us, int)

    def check(self, effect: Effect) -> None:
        match effect:
            case Send(data):
                assert 0 < len(data) <= LARGEST_SEND_BYTES
            case Finish(command, outcome, _):
                assert command in self.open, "a command that it was given"
                assert command not in self.ended, "it ends once"
                assert outcome in OUTCOMES
                if outcome in ENDS:
                    self.ended.add(command)
            case Seen(unit, _, _, reported):
                assert not unit or unit_id(DeviceId("hub-1"), unit) is not None
                assert isinstance(reported, Mapping)
            case Tell(note):
                assert not note.unit or unit_id(DeviceId("hub-1"), note.unit) is not None
            case WantFile(file, n_bytes):
                assert file
                assert n_bytes >= 0
            case FilePart(_, offset, total, data):
                assert 0 <= offset <= offset + len(data) <= total

    def do(self, kind: str, what: Any) -> None:
        match kind:
            case "heard":
                self.n += 1
                identity = MessageId(DeviceKey(1), BOOT, self.n)
                self.take(self.dialogue.heard(what, identity, self.now_us))
            case "ask":
                (name, args), within_s, again = what
                command = NativeCommand(
                    f"c-{len(self.open)}", name, args, "00000053" if within_s % 2 else "",
                    self.now_us + within_s * SECOND_US, again,
                )  # fmt: skip
                self.open[command.id] = command.expires_us
                self.take(self.dialogue.ask(command, self.now_us))
            case "stored":
                ranges = [(n, n + 1) for n in what]
                self.take(self.dialogue.stored(BOOT, ranges, self.now_us))
            case "passes":
                self.pass_time(round(what * SECOND_US))
            case _:
                raise AssertionError(kind)

    def pass_time(self, for_us: int) -> None:
        """The clock goes on; what is due on the way is done in its order."""
        end_us = self.now_us + for_us
        for _ in range(1_000):
            dues = [us for one, us in self.open.items() if one not in self.withdrawn]
            due_us = self.dialogue.due_us()
            if due_us is not None:
                dues.append(due_us)
            if not dues or min(dues) > end_us:
                break
            self.now_us = max(self.now_us, min(dues))
            for command, expires_us in list(self.open.items()):
                if expires_us <= self.now_us and command not in self.withdrawn:
                    self.dialogue.withdraw(command)
                    self.withdrawn.add(command)
            due_us = self.dialogue.due_us()
            if due_us is not None and due_us <= self.now_us:
                self.take(self.dialogue.tick(self.now_us))
                after_us = self.dialogue.due_us()
                assert after_us is None or after_us > self.now_us, "it would be called for ever"
        else:
            raise AssertionError("it wants to be called too often")
        self.now_us = end_us


@every_dialogue
@given(data=st.data())
def test_any_words_in_any_order_are_borne_and_told_the_same_each_time(
    name: str, data: st.DataObject
) -> None:
    steps = data.draw(steps_of(name))
    first, second = Gateway(name), Gateway(name)
    for kind, what in steps:
        first.do(kind, what)
        second.do(kind, what)
    assert first.effects == second.effects, "a dialogue is pure"


@every_dialogue
@given(data=st.data())
def test_a_dialogue_alone_with_a_silent_device_is_not_called_more_than_once_a_second(
    name: str, data: st.DataObject
) -> None:
    gateway = Gateway(name)
    for kind, what in data.draw(steps_of(name)):
        gateway.do(kind, what)
    gateway.pass_time(3_600 * SECOND_US)
    before = len(gateway.effects)
    gateway.pass_time(600 * SECOND_US)
    assert len(gateway.effects) - before <= 600
    assert not [one for one in gateway.effects[before:] if isinstance(one, Finish)]
