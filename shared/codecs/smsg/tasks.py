"""Commands to units that take one message and an answer: each a small state of its own."""

from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from shared.codecs.smsg import requests
from shared.contracts.commands import Answer
from shared.contracts.decoding import Word
from shared.contracts.dialogue import Effect, Finish, NativeCommand, Send
from shared.contracts.identity import MessageId
from shared.contracts.instants import SECOND

RETRY_US = 5 * SECOND
"""What was not answered is sent again; all that is sent so is harmless twice."""
QUIET_US = 3 * SECOND
"""A unit that was told to stop, is there and has sent no data for so long has stopped."""
SPARE_US = SECOND
"""So long before its time is over, a command that was not answered is told as failed."""


class Task(Protocol):
    """One command at work. `heard` is given words of its unit only; of a hub, those of all.

    When it gives a `Finish` it is over.
    """

    due_us: int

    def heard(self, word: Word, identity: MessageId, now_us: int) -> list[Effect]:
        """Take one thing that the unit said after the command was given."""
        ...

    def stored(self, boot: int, ranges: Sequence[tuple[int, int]], now_us: int) -> list[Effect]:
        """Take what is durably stored."""
        ...

    def tick(self, now_us: int) -> list[Effect]:
        """Do what is due."""
        ...


class _Asking:
    """What all of them share: one message, sent again until it is answered or time is over."""

    def __init__(self, command: NativeCommand, message: bytes, missing: str) -> None:
        self._command = command
        self._message = message
        self._missing = missing
        self.due_us = 0

    def stored(
        self,
        boot: int,  # noqa: ARG002 - nothing here waits for it
        ranges: Sequence[tuple[int, int]],  # noqa: ARG002
        now_us: int,  # noqa: ARG002
    ) -> list[Effect]:
        """Do nothing: none of these waits for storage."""
        return []

    def tick(self, now_us: int) -> list[Effect]:
        """Send, or give up."""
        last_us = self._command.expires_us - SPARE_US
        if now_us >= last_us:
            return [self._finish(Answer.FAILED, self._missing)]
        self.due_us = min(now_us + RETRY_US, last_us)
        return [Send(self._message)]

    def _finish(self, outcome: Answer, detail: str = "") -> Finish:
        return Finish(self._command.id, outcome, detail)


class Identify(_Asking):
    """A unit says that it is there."""

    def __init__(self, command: NativeCommand) -> None:
        message = requests.who_is_there(int(command.unit, 16))
        super().__init__(command, message, "the unit has not answered")

    def heard(self, word: Word, identity: MessageId, now_us: int) -> list[Effect]:  # noqa: ARG002
        """Its identifier is the answer."""
        if word.name != "identifier":
            return []
        return [self._finish(Answer.DONE, word.data["text"])]


class Sweep(_Asking):
    """All units say that they are there: whoever has answered for a while is counted."""

    def __init__(self, command: NativeCommand) -> None:
        super().__init__(command, requests.who_is_there(), "neither the core nor a unit answers")
        self._answered: dict[str, str] = {}
        self._sent_us: int | None = None

    def heard(self, word: Word, identity: MessageId, now_us: int) -> list[Effect]:  # noqa: ARG002
        """Count the units that answer."""
        if word.name == "identifier":
            self._answered[word.unit] = word.data["kind"]
        return []

    @override
    def tick(self, now_us: int) -> list[Effect]:
        """Send; look after a while who has answered."""
        if self._answered and self._sent_us is not None and now_us >= self._sent_us + QUIET_US:
            units = sorted(f"{unit} {kind}" for unit, kind in self._answered.items() if unit)
            return [self._finish(Answer.DONE, ", ".join(units) or "no units")]
        effects = super().tick(now_us)
        if self._sent_us is None:
            self._sent_us = now_us
        self.due_us = min(self.due_us, now_us + QUIET_US)
        return effects


class Start(_Asking):
    """A unit measures: its data after the command, or its own message back, says that it does."""

    def __init__(self, command: NativeCommand, kind: str) -> None:
        message = requests.switch(kind, "start", int(command.unit, 16))
        super().__init__(command, message, "the unit has sent nothing since")

    def heard(self, word: Word, identity: MessageId, now_us: int) -> list[Effect]:  # noqa: ARG002
        """Data is the answer."""
        if word.name in {"data", "error", "start"}:
            return [self._finish(Answer.DONE)]
        return []


class Stop(_Asking):
    """A unit does not measure any more: it is there, and sends no data."""

    def __init__(self, command: NativeCommand, kind: str) -> None:
        unit = int(command.unit, 16)
        message = requests.switch(kind, "stop", unit) + requests.who_is_there(unit)
        super().__init__(command, message, "the unit has not answered")
        self._quiet_since_us: int | None = None
        self._is_there = False
        self._again_us = 0

    def heard(self, word: Word, identity: MessageId, now_us: int) -> list[Effect]:  # noqa: ARG002
        """Its own message back is the answer; data is none yet, and an identifier half of one."""
        if word.name == "stop":
            return [self._finish(Answer.DONE)]
        if word.name == "data":
            self._quiet_since_us = now_us
            self._missing = "the unit still sends data"
        elif word.name == "identifier":
            self._is_there = True
            if self._quiet_since_us is not None:
                self.due_us = min(self.due_us, self._quiet_since_us + QUIET_US)
        return []

    @override
    def tick(self, now_us: int) -> list[Effect]:
        """Send; look whether it has been quiet for long enough."""
        if self._quiet_since_us is None:
            self._quiet_since_us = now_us
        quiet_us = self._quiet_since_us + QUIET_US
        if self._is_there and now_us >= quiet_us:
            return [self._finish(Answer.DONE)]
        effects: list[Effect] = []
        if now_us >= self._again_us:
            effects = super().tick(now_us)
            self._again_us = self.due_us
        self.due_us = min(self._again_us, quiet_us) if quiet_us > now_us else self._again_us
        return effects


class Wait(_Asking):
    """A unit of which it is not known what it is: it is asked, and then given the command."""

    def __init__(self, command: NativeCommand) -> None:
        message = requests.who_is_there(int(command.unit, 16))
        super().__init__(command, message, "no such unit has been heard")
        self.command = command

    def heard(self, word: Word, identity: MessageId, now_us: int) -> list[Effect]:  # noqa: ARG002
        """Do nothing: the dialogue begins the command once it knows the kind."""
        return []


def begin(command: NativeCommand, kind: str | None) -> Task | str:
    """Give the task of a command to a unit of this kind (None: not known), or why there is none."""
    name = command.name
    if name in {"identify", "status_request"}:
        return Identify(command) if command.unit else Sweep(command)
    if name not in {"start", "stop"}:
        return f"there is no command {name[:40]!r}"
    if not command.unit:
        return "a hub itself measures nothing: name a unit"
    if kind is None:
        return Wait(command)
    if not requests.can_switch(kind):
        return f"units of kind {kind} are neither started nor stopped"
    return Start(command, kind) if name == "start" else Stop(command, kind)
