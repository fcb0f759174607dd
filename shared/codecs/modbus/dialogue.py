"""The server's side of the monitor's Modbus: answers its notices, then asks as its master.

One request is on its way at a time. It is safe to begin anew: the monitor itself says which of the
files that it announced are not taken yet, and is told that one is taken only when storage has it.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from shared.codecs.modbus.card_files import NO_ANSWER, CardFiles
from shared.codecs.modbus.frames import Form, write_frame
from shared.codecs.modbus.pdus import (
    FUNCTION_READ,
    FUNCTION_TAKE_ECG,
    Answer,
    Excepted,
    ReadRegisters,
    Registers,
    Request,
    TakeEcg,
    Written,
    failure_name,
    is_refusal,
    write_pdu,
)
from shared.codecs.modbus.registers import (
    FILE_TAKEN,
    MOST_UNTAKEN,
    NAME_REGISTERS,
    NEW_FILE,
    STATUS,
    STATUS_REGISTERS,
    Notice,
    in_words,
    read_status,
    state_of,
    write_name,
)
from shared.codecs.modbus.words import read_state, read_word
from shared.contracts import commands
from shared.contracts.codec import Constant
from shared.contracts.decoding import Word
from shared.contracts.dialogue import (
    Effect,
    Finish,
    NativeCommand,
    Seen,
    Send,
)
from shared.contracts.identity import MessageId
from shared.contracts.instants import SECOND
from shared.contracts.telecare_card import CARD_NAME

NOTICE_REGISTERS = 28
MOST_STATUS_TRIES = 5
MOST_TAKING = 16
"""Commands that wait for the notice of their recording."""
FORMS = tuple(Form)

DIALOGUE_CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "answer_timeout_s": Constant(5, "s", "decided: a short message takes a few seconds"),
        "tries": Constant(3, "", "decided"),
        "quiet_s": Constant(60, "s", "decided: after a monitor did not answer"),
        "form": Constant(0, "", "decided: 0 RTU, 1 ASCII, 2 GSM; until the monitor has spoken"),
    }
)

_RANGES = {
    "slave_address": (1.0, 247.0),  # Modbus over Serial Line V1.02, 2.2
    "answer_timeout_s": (0.1, 3_600.0),
    "tries": (1.0, 20.0),
    "quiet_s": (1.0, 86_400.0),
    "form": (0.0, 2.0),
}


def check_constants(constants: Mapping[str, float]) -> None:
    """Refuse constants by which no monitor could be spoken with.

    Raises
    ------
    ValueError : one is out of its range
    """
    for name, (low, high) in _RANGES.items():
        if not low <= constants[name] <= high:
            raise ValueError(f"modbus: {name} is from {low:g} to {high:g}")


class _Purpose(Enum):
    STATUS = "status"
    TAKE = "take"
    FILE = "file"
    TAKEN = "taken"


@dataclass(slots=True)
class _Asked:
    """A request that waits or is on its way."""

    purpose: _Purpose
    request: Request
    command: str = ""
    expires_us: int = 0
    due_us: int = 0
    tries_left: int = 0


class ModbusDialogue:
    """One conversation with one monitor."""

    def __init__(self, constants: Mapping[str, float]) -> None:
        check_constants(constants)
        self._address = int(constants["slave_address"])
        self._timeout_us = int(constants["answer_timeout_s"] * SECOND)
        self._tries = int(constants["tries"])
        self._quiet_us = int(constants["quiet_s"] * SECOND)
        self._form = FORMS[int(constants["form"])]
        self._files = CardFiles(self._quiet_us)
        self._flight: _Asked | None = None
        self._waiting: deque[_Asked] = deque()
        self._taking: deque[str] = deque(maxlen=MOST_TAKING)
        self._status_due_us: int | None = 0
        self._status_tries = 0
        self._reported: dict[str, Any] = {}

    # ------------------------------------------------------------------ what is heard

    def heard(self, words: Sequence[Word], identity: MessageId, now_us: int) -> list[Effect]:  # noqa: ARG002 - nothing here depends on it
        """Take what the monitor said."""
        effects: list[Effect] = []
        for word in words:
            said = read_word(word)
            if said is None:
                effects += self._report(read_state(word))
                continue
            self._form = said.form
            self._files.paused_until_us = None  # it is there again
            if isinstance(said.told, Notice):
                effects += self._notice(said.told)
            else:
                effects += self._answer(said.told, now_us)
        return effects + self._go_on(now_us)

    def _report(self, state: dict[str, Any] | None) -> list[Effect]:
        """Tell how the monitor is, where that is not as it was."""
        if state is None or state == self._reported:
            return []
        self._reported = state
        return [Seen("", "", online=True, reported=state)]

    def _notice(self, notice: Notice) -> list[Effect]:
        """Answer a notice, each time that it comes; a file is read once."""
        self._files.device_code, name = notice
        effects: list[Effect] = [self._send(Written(NEW_FILE, NOTICE_REGISTERS))]
        if self._files.announced(name):
            effects += [Finish(one, commands.Answer.DONE, name) for one in self._taking]
            self._taking.clear()
        return effects

    def _answer(self, answer: Answer, now_us: int) -> list[Effect]:
        asked = self._flight
        if asked is None:
            return []
        match asked.purpose:
            case _Purpose.FILE:
                effects = self._files.take(answer)
                if effects is None:
                    return []
                self._flight = None
                return effects
            case _Purpose.TAKE:
                return self._take_answer(asked, answer)
            case _Purpose.STATUS:
                return self._status_answer(asked, answer, now_us)
            case _Purpose.TAKEN:
                if answer == Written(FILE_TAKEN, NAME_REGISTERS) or isinstance(answer, Excepted):
                    self._flight = None
                return []

    # ------------------------------------------------------------------ other answers

    def _take_answer(self, asked: _Asked, answer: Answer) -> list[Effect]:
        if isinstance(answer, TakeEcg):
            self._flight = None
            self._taking.append(asked.command)
            return [Finish(asked.command, commands.Answer.RUNNING)]
        if isinstance(answer, Excepted) and answer.function == FUNCTION_TAKE_ECG:
            self._flight = None
            return [_excepted(asked.command, answer.code)]
        return []

    def _status_answer(self, asked: _Asked, answer: Answer, now_us: int) -> list[Effect]:
        if isinstance(answer, Excepted) and answer.function == FUNCTION_READ:
            self._flight = None
            return [_excepted(asked.command, answer.code)] if asked.command else []
        status = read_status(answer.data) if isinstance(answer, Registers) else None
        if status is None:
            return []
        self._flight = None
        self._files.device_code = status.device_code or self._files.device_code
        for name in status.untaken:
            self._files.announced(name)
        if status.n_untaken > MOST_UNTAKEN:
            self._status_due_us = now_us + self._quiet_us  # for those that it could not name
        effects = self._report(state_of(status))
        if asked.command:
            effects.append(Finish(asked.command, commands.Answer.DONE, in_words(status)))
        return effects

    # ------------------------------------------------------------------ commands

    def ask(self, command: NativeCommand, now_us: int) -> list[Effect]:
        """Begin a command."""
        if command.unit:
            return [Finish(command.id, commands.Answer.REFUSED, "a monitor has no units")]
        asked: _Asked
        match command.name:
            case "take_ecg":
                if command.again:
                    return []  # a second ECG is not harmless to whoever lies still for it
                asked = _Asked(_Purpose.TAKE, TakeEcg(), command.id, command.expires_us)
            case "status_request":
                asked = _Asked(_Purpose.STATUS, _STATUS_REQUEST, command.id, command.expires_us)
            case "read_file":
                name = str(command.args.get("file", ""))
                if not CARD_NAME.fullmatch(name):
                    told = "no name of a recording, as M0:\\20180919\\12M28S36.txt"
                    return [Finish(command.id, commands.Answer.REFUSED, told)]
                if not self._files.ask(name, command.id):
                    return [Finish(command.id, commands.Answer.REFUSED, "too many files wait")]
                return self._go_on(now_us)
            case _:
                return [Finish(command.id, commands.Answer.REFUSED, "no command of a monitor")]
        self._waiting.append(asked)
        return self._go_on(now_us)

    def withdraw(self, command: str) -> None:
        """Send nothing more for a command."""
        self._waiting = deque(one for one in self._waiting if one.command != command)
        is_reading = self._flight is not None and self._flight.purpose is _Purpose.FILE
        self._files.withdraw(command, is_reading=is_reading)
        if self._flight is not None and self._flight.command == command:
            self._flight.tries_left = 0

    # ------------------------------------------------------------------ storage and clock

    def stored(self, boot: int, ranges: Sequence[tuple[int, int]], now_us: int) -> list[Effect]:  # noqa: ARG002 - a file goes to storage whole or not at all
        """Tell the monitor that a file is taken, once storage has of it."""
        name = self._files.stored(boot)
        if name is None:
            return []
        self._waiting.append(_Asked(_Purpose.TAKEN, write_name(FILE_TAKEN, name)))
        return self._go_on(now_us)

    def tick(self, now_us: int) -> list[Effect]:
        """Ask again, give up, and ask for the files that nobody has read."""
        effects: list[Effect] = []
        asked = self._flight
        if asked is not None and now_us >= asked.due_us:
            if asked.tries_left > 0:
                return [self._launch(asked, now_us)]
            self._flight = None
            effects += self._give_up(asked, now_us)
        if self._status_due_us is not None and now_us >= self._status_due_us:
            self._status_due_us = None
            self._waiting.append(_Asked(_Purpose.STATUS, _STATUS_REQUEST))
        return effects + self._go_on(now_us)

    def _give_up(self, asked: _Asked, now_us: int) -> list[Effect]:
        """Take that the monitor does not answer."""
        match asked.purpose:
            case _Purpose.TAKE:
                self._taking.append(asked.command)  # it may have begun: its notice will tell
                return []
            case _Purpose.STATUS:
                if asked.command:
                    return [Finish(asked.command, commands.Answer.FAILED, NO_ANSWER)]
                self._status_tries += 1
                if self._status_tries < MOST_STATUS_TRIES:
                    self._status_due_us = now_us + self._quiet_us
                return []
            case _Purpose.TAKEN:
                return []
            case _Purpose.FILE:
                return self._files.rest(now_us)

    def due_us(self) -> int | None:
        """When an answer is overdue, or when to ask again of oneself."""
        if self._flight is not None:
            return self._flight.due_us
        due = [one for one in (self._status_due_us, self._files.paused_until_us) if one is not None]
        return min(due, default=None)

    # ------------------------------------------------------------------ sending

    def _go_on(self, now_us: int) -> list[Effect]:
        """Send the next request if none is on its way: commands first, then files."""
        if self._flight is not None:
            return []
        while self._waiting:
            asked = self._waiting.popleft()
            if asked.expires_us and now_us >= asked.expires_us:
                continue
            asked.tries_left = 1 if asked.purpose is _Purpose.TAKE else self._tries
            return [self._launch(asked, now_us)]
        request = self._files.request(now_us)
        if request is None:
            return []
        asked = _Asked(_Purpose.FILE, request, tries_left=self._tries)
        return [self._launch(asked, now_us)]

    def _launch(self, asked: _Asked, now_us: int) -> Effect:
        if asked.purpose is _Purpose.FILE and asked is self._flight:
            asked.request = self._files.request(now_us) or asked.request
        asked.tries_left -= 1
        asked.due_us = now_us + self._timeout_us
        self._flight = asked
        return self._send(asked.request)

    def _send(self, pdu: Request | Answer) -> Effect:
        return Send(write_frame(self._form, self._address, write_pdu(pdu)))


_STATUS_REQUEST = ReadRegisters(STATUS, STATUS_REGISTERS)


def _excepted(command: str, code: int) -> Finish:
    outcome = commands.Answer.REFUSED if is_refusal(code) else commands.Answer.FAILED
    return Finish(command, outcome, failure_name(code))
