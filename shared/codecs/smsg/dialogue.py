"""The server's side of a home hub: who is there, what the units shall do, and their memories.

All units are asked for their identifiers every 10 s, as the published server did, and once more
when one of them does not answer. One that has said nothing for 15 s is gone, if its hub did speak
after that second question: of a hub that is late itself nothing is known, for as long again. A
command is sent again every 5 s until it is answered; what that is,
each task of `tasks` and `clearing` says. Messages that come a second time (the hub was not yet told
that they are stored) say nothing new, and are not listened to.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from shared.codecs.smsg import requests
from shared.codecs.smsg.clearing import Clear
from shared.codecs.smsg.layout import MOST_UNITS, UNIT_KINDS
from shared.codecs.smsg.tasks import Task, Wait, begin
from shared.contracts.commands import Answer
from shared.contracts.decoding import Word
from shared.contracts.dialogue import Effect, Finish, NativeCommand, Seen, Send
from shared.contracts.identity import MessageId
from shared.contracts.instants import MINUTE, SECOND

SILENT_US = MINUTE
"""A hub that has been silent so long is asked as rarely: questions would only pile up."""
ASK_AGAIN_US = 2_500_000
"""Who has not answered the question after so long is asked once more."""
SEEN_AGAIN_US = 30 * SECOND
"""That a unit is still there is told so often."""
MOST_KNOWN = 64
"""Units that were ever heard and are remembered, as many as may ever join a hub."""
MOST_TASKS = 64
MOST_BOOTS = 4
_UNIT = re.compile(r"[0-9a-f]{8}")
SWITCHES = {"start", "stop"}
_KINDS = {*UNIT_KINDS.values()}
_SAID: Mapping[str, tuple[tuple[str, type], ...]] = MappingProxyType(
    {
        "identifier": (("text", str),),
        "data": (),
        "error": (),
        "start": (),
        "stop": (),
        "result_header": (("count", int),),
        "result": (("index", int),),
    }
)
"""The words that a hub says, and what stands in them beside the kind of the unit."""


@dataclass(slots=True)
class _Unit:
    """A unit as far as it has been heard."""

    kind: str
    heard_us: int
    told_us: int = 0
    is_online: bool = False
    text: str = ""


class SmsgDialogue:
    """The conversation with one hub and its units."""

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._sweep_us = int(constants["status_request_s"] * SECOND)
        self._ask_again_us = min(ASK_AGAIN_US, self._sweep_us // 2)
        self._gone_us = int(constants["unit_gone_s"] * SECOND)
        self._units: dict[str, _Unit] = {}
        self._tasks: dict[str, tuple[NativeCommand, Task]] = {}
        self._newest: dict[int, int] = {}  # by boot: the largest n that was heard
        self._heard_us: int | None = None
        self._next_sweep_us = 0
        self._asked_us = 0
        self._asked_again_us = 0
        self._look_again_us = 0  # at units that are silent, of a hub that is late

    def heard(self, words: Sequence[Word], identity: MessageId, now_us: int) -> list[Effect]:
        """Take what the units said in one message of the hub."""
        if not self._is_new(identity):
            return []
        self._heard_us = now_us
        effects: list[Effect] = []
        before: Word | None = None
        for word in words:
            if word is before:  # ten samples more of the same ECG
                continue
            before = word
            if not _is_sound(word):
                continue
            if word.unit:
                effects += self._meet(word, now_us)
            for command, task in list(self._tasks.values()):
                if command.unit in {"", word.unit}:
                    effects += self._settle(command, task.heard(word, identity, now_us))
        return effects

    def ask(self, command: NativeCommand, now_us: int) -> list[Effect]:
        """Begin a command. All of them are harmless twice, so ``again`` makes no difference."""
        if command.id in self._tasks:
            return []
        if len(self._tasks) >= MOST_TASKS:
            return [Finish(command.id, Answer.REFUSED, "too many commands at once")]
        if command.unit and not _UNIT.fullmatch(command.unit):
            return [Finish(command.id, Answer.REFUSED, "units of this hub have other names")]
        effects: list[Effect] = []
        for other, _ in list(self._tasks.values()):
            if other.unit != command.unit:
                continue
            if other.name == command.name == "clear_memory":
                return [Finish(command.id, Answer.REFUSED, "its memory is being cleared already")]
            if other.name in SWITCHES and command.name in SWITCHES:
                instead = Finish(other.id, Answer.FAILED, f"{command.name} has taken its place")
                effects += self._settle(other, [instead])
        return effects + self._begin(command, now_us)

    def withdraw(self, command: str) -> None:
        """Forget a command."""
        self._tasks.pop(command, None)

    def stored(self, boot: int, ranges: Sequence[tuple[int, int]], now_us: int) -> list[Effect]:
        """Tell whoever waits for it what is stored."""
        effects: list[Effect] = []
        for command, task in list(self._tasks.values()):
            effects += self._settle(command, task.stored(boot, ranges, now_us))
        return effects

    def tick(self, now_us: int) -> list[Effect]:
        """Ask who is there, tell who is gone, go on with the commands."""
        effects: list[Effect] = []
        if self._heard_us is None:
            self._heard_us = now_us
        if now_us >= self._next_sweep_us:
            effects.append(Send(requests.who_is_there()))
            self._asked_us = now_us
            silent = now_us - self._heard_us >= SILENT_US
            self._next_sweep_us = now_us + (
                max(SILENT_US, self._sweep_us) if silent else self._sweep_us
            )
        elif self._asked_again_us < self._asked_us <= now_us - self._ask_again_us:
            self._asked_again_us = now_us
            if any(one.is_online and one.heard_us < self._asked_us for one in self._units.values()):
                effects.append(Send(requests.who_is_there()))
        self._look_again_us = now_us + SECOND
        for name, unit in self._units.items():
            silent_us = now_us - unit.heard_us
            was_asked = unit.heard_us < self._asked_again_us <= self._heard_us
            if silent_us >= (self._gone_us if was_asked else 2 * self._gone_us):
                effects += _gone(name, unit)
        for command, task in list(self._tasks.values()):
            if now_us >= task.due_us:
                effects += self._settle(command, task.tick(now_us))
        return effects

    def due_us(self) -> int | None:
        """When something is to be done again; at once after a beginning."""
        due_us = [self._next_sweep_us]
        if self._asked_again_us < self._asked_us:
            due_us.append(self._asked_us + self._ask_again_us)
        due_us += [
            max(unit.heard_us + self._gone_us, self._look_again_us)
            for unit in self._units.values()
            if unit.is_online
        ]
        due_us += [task.due_us for _, task in self._tasks.values()]
        return min(due_us)

    def _begin(self, command: NativeCommand, now_us: int) -> list[Effect]:
        unit = self._units.get(command.unit)
        task: Task | str
        if command.name != "clear_memory":
            task = begin(command, unit.kind if unit else None)
        elif not command.unit:
            task = "a hub itself has no memory: name a unit"
        elif unit is None:
            task = Wait(command)
        else:
            task = Clear(command) if unit.kind == "spirometer" else f"no memory in an {unit.kind}"
        if isinstance(task, str):
            return [Finish(command.id, Answer.REFUSED, task)]
        self._tasks[command.id] = command, task
        return self._settle(command, task.tick(now_us))

    def _settle(self, command: NativeCommand, effects: list[Effect]) -> list[Effect]:
        """Give the effects of a task; with its end it is forgotten."""
        if any(isinstance(effect, Finish) for effect in effects):
            self._tasks.pop(command.id, None)
        return effects

    def _meet(self, word: Word, now_us: int) -> list[Effect]:
        """Note that a unit has spoken."""
        unit = self._units.pop(word.unit, None)
        if unit is None:
            unit = _Unit(word.data["kind"], now_us)
        self._units[word.unit] = unit  # the one that was silent longest stands first
        unit.kind, unit.heard_us = word.data["kind"], now_us
        effects = self._present(word, unit, now_us)
        if len(self._units) > MOST_KNOWN:
            name = next(iter(self._units))
            effects += _gone(name, self._units.pop(name))
        for command, task in list(self._tasks.values()):
            if isinstance(task, Wait) and command.unit == word.unit:
                del self._tasks[command.id]
                effects += self._begin(command, now_us)
        return effects

    def _present(self, word: Word, unit: _Unit, now_us: int) -> list[Effect]:
        """Tell that a unit is there, when that is news."""
        text = word.data["text"] if word.name == "identifier" else unit.text
        if unit.is_online and text == unit.text and now_us - unit.told_us < SEEN_AGAIN_US:
            return []
        if not unit.is_online and self._n_online() >= MOST_UNITS:
            return []
        unit.is_online, unit.text, unit.told_us = True, text, now_us
        reported = {"firmware": text} if text else {}
        return [Seen(word.unit, unit.kind, online=True, reported=reported)]

    def _n_online(self) -> int:
        return sum(unit.is_online for unit in self._units.values())

    def _is_new(self, identity: MessageId) -> bool:
        newest = self._newest.pop(identity.boot, -1)
        self._newest[identity.boot] = max(newest, identity.n)
        if len(self._newest) > MOST_BOOTS:
            del self._newest[next(iter(self._newest))]
        return identity.n > newest


def _is_sound(word: Word) -> bool:
    """Whether this is a word of the decoder of this protocol."""
    said = _SAID.get(word.name)
    if said is None or not all(isinstance(word.data.get(key), kind) for key, kind in said):
        return False
    if not word.unit:
        return word.name == "identifier" and word.data.get("kind") == "core"
    return _UNIT.fullmatch(word.unit) is not None and word.data.get("kind") in _KINDS


def _gone(name: str, unit: _Unit) -> list[Effect]:
    """Tell that a unit is not there any more, if it was."""
    if not unit.is_online:
        return []
    unit.is_online = False
    return [Seen(name, unit.kind, online=False, reported={})]
