"""The server's side of the monitor's Modbus: answers its notices, then asks as its master.

One request is on its way at a time. It is safe to begin anew: the monitor itself says which of the
files that it announced are not taken yet, and is told that one is taken only when storage has it.
"""

import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from shared.codecs.modbus.card_reading import CardReading, Progress
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
    write_name,
)
from shared.codecs.modbus.words import read_word
from shared.contracts import commands
from shared.contracts.codec import Constant
from shared.contracts.decoding import Note, Word
from shared.contracts.dialogue import (
    Effect,
    FilePart,
    Finish,
    NativeCommand,
    Send,
    Tell,
    WantFile,
)
from shared.contracts.events import EventKind
from shared.contracts.identity import MessageId
from shared.contracts.instants import SECOND
from shared.contracts.parking import Reason
from shared.contracts.telecare_card import CARD_NAME, file_name, recording_key

NOTICE_REGISTERS = 28
NO_ANSWER = "no answer"
PART_BYTES = 32_768
MOST_QUIET_ROUNDS = 10
"""So often a file is asked for again of a monitor that does not answer."""
MOST_STATUS_TRIES = 5
MOST_KNOWN = 512
"""Names remembered, so that the notice of a file repeated is no new file."""
MOST_TAKING = 16
"""Commands that wait for the notice of their recording."""
MOST_FILES = 64
"""Files waiting to be read; the monitor keeps the others and names them in its status."""
FORMS = tuple(Form)

DIALOGUE_CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "answer_timeout_s": Constant(5, "s", "decided: a short message takes a few seconds"),
        "tries": Constant(3, "", "decided"),
        "quiet_s": Constant(60, "s", "decided: after a monitor did not answer"),
        "form": Constant(0, "", "decided: 0 RTU, 1 ASCII, 2 GSM; until the monitor has spoken"),
    }
)


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


@dataclass(slots=True)
class _Wanted:
    """A file that is to be read: by a notice, by commands, or both."""

    reading: CardReading
    is_announced: bool
    commands: list[str] = field(default_factory=list)
    quiet_rounds: int = 0


class ModbusDialogue:
    """One conversation with one monitor."""

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._address = int(constants["slave_address"])
        self._timeout_us = int(constants["answer_timeout_s"] * SECOND)
        self._tries = max(1, int(constants["tries"]))
        self._quiet_us = int(constants["quiet_s"] * SECOND)
        self._form = FORMS[int(constants["form"]) % len(FORMS)]
        self._device_code = ""
        self._flight: _Asked | None = None
        self._waiting: deque[_Asked] = deque()
        # In the order in which they are read: the first one is being read.
        self._files: dict[str, _Wanted] = {}
        self._paused_until_us: int | None = None
        self._known: dict[str, None] = {}
        self._taking: deque[str] = deque(maxlen=MOST_TAKING)
        self._untold: dict[int, str] = {}
        self._status_due_us: int | None = 0
        self._status_tries = 0

    # ------------------------------------------------------------------ what is heard

    def heard(self, words: Sequence[Word], identity: MessageId, now_us: int) -> list[Effect]:  # noqa: ARG002 - nothing here depends on it
        """Take what the monitor said."""
        effects: list[Effect] = []
        for word in words:
            said = read_word(word)
            if said is None:
                continue  # of the codec of its samples
            self._form = said.form
            if self._paused_until_us is not None:
                self._paused_until_us = now_us  # it is there again
            if isinstance(said.told, Notice):
                effects += self._notice(said.told)
            else:
                effects += self._answer(said.told, now_us)
        return effects + self._go_on(now_us)

    def _notice(self, notice: Notice) -> list[Effect]:
        """Answer a notice, each time that it comes; a file is read once."""
        self._device_code, name = notice
        effects: list[Effect] = [self._send(Written(NEW_FILE, NOTICE_REGISTERS))]
        if name in self._known:
            return effects
        effects += [Finish(one, commands.Answer.DONE, name) for one in self._taking]
        self._taking.clear()
        self._want(name)
        return effects

    def _answer(self, answer: Answer, now_us: int) -> list[Effect]:
        asked = self._flight
        if asked is None:
            return []
        match asked.purpose:
            case _Purpose.FILE:
                return self._file_answer(answer)
            case _Purpose.TAKE:
                return self._take_answer(asked, answer)
            case _Purpose.STATUS:
                return self._status_answer(asked, answer, now_us)
            case _Purpose.TAKEN:
                if answer == Written(FILE_TAKEN, NAME_REGISTERS) or isinstance(answer, Excepted):
                    self._flight = None
                return []

    # ------------------------------------------------------------------ files

    def _want(self, name: str, command: str = "") -> bool:
        """Have a file read; false where too many wait."""
        wanted = self._files.get(name)
        if wanted is None:
            if len(self._files) >= MOST_FILES:
                return False
            wanted = self._files[name] = _Wanted(CardReading(name), not command)
        if command:
            wanted.commands.append(command)
        else:
            wanted.is_announced = True
            self._know(name)
        return True

    def _know(self, name: str) -> None:
        self._known[name] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _file_answer(self, answer: Answer) -> list[Effect]:
        name, wanted = next(iter(self._files.items()))
        reading = wanted.reading
        knew_size = reading.info is not None
        progress = reading.take(answer)
        if progress is Progress.NOT_MINE:
            return []
        self._flight = None
        wanted.quiet_rounds = 0
        if progress is Progress.FAILED:
            return self._drop(name, reading.detail)
        if progress is Progress.WHOLE:
            return self._give(name, wanted)
        if reading.info is not None and not knew_size:
            return [WantFile(file_name(name), reading.info.n_bytes)]
        return []

    def _give(self, name: str, wanted: _Wanted) -> list[Effect]:
        """Give a file that is whole, and wait for storage to have it."""
        data = bytes(wanted.reading.data)
        del self._files[name]
        self._know(name)
        if self._device_code:
            boot = zlib.crc32(recording_key(self._device_code, name).encode())
            self._untold[boot] = name
            if len(self._untold) > MOST_KNOWN:
                del self._untold[next(iter(self._untold))]
        parts: list[Effect] = [
            FilePart(file_name(name), at, len(data), data[at : at + PART_BYTES])
            for at in range(0, len(data), PART_BYTES)
        ]
        told = f"{len(data)} bytes"
        return parts + [Finish(one, commands.Answer.DONE, told) for one in wanted.commands]

    def _drop(self, name: str, why: str) -> list[Effect]:
        """Give up a file. Where nobody answered, it is tried when it is announced again."""
        wanted = self._files.pop(name)
        if why == NO_ANSWER:
            self._known.pop(name, None)
        self._paused_until_us = None
        ended: list[Effect] = [Finish(one, commands.Answer.FAILED, why) for one in wanted.commands]
        if why == Reason.BAD_CHECKSUM:
            told = {"file": file_name(name), "format": "telecare_file", "reason": why}
            ended.append(Tell(Note(EventKind.FILE_REFUSED, data=told)))
        return ended

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
        self._device_code = status.device_code or self._device_code
        for name in status.untaken:
            if name not in self._known:
                self._want(name)
        if status.n_untaken > MOST_UNTAKEN:
            self._status_due_us = now_us + self._quiet_us  # for those that it could not name
        if not asked.command:
            return []
        return [Finish(asked.command, commands.Answer.DONE, in_words(status))]

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
                if not self._want(name, command.id):
                    return [Finish(command.id, commands.Answer.REFUSED, "too many files wait")]
                return self._go_on(now_us)
            case _:
                return [Finish(command.id, commands.Answer.REFUSED, "no command of a monitor")]
        self._waiting.append(asked)
        return self._go_on(now_us)

    def withdraw(self, command: str) -> None:
        """Send nothing more for a command."""
        self._waiting = deque(one for one in self._waiting if one.command != command)
        for name, wanted in list(self._files.items()):
            if command in wanted.commands:
                wanted.commands.remove(command)
                is_needed = wanted.is_announced or wanted.commands
                if not is_needed and not self._is_being_read(name):
                    del self._files[name]
        if self._flight is not None and self._flight.command == command:
            self._flight.tries_left = 0

    def _is_being_read(self, name: str) -> bool:
        in_flight = self._flight is not None and self._flight.purpose is _Purpose.FILE
        return in_flight and next(iter(self._files)) == name

    # ------------------------------------------------------------------ storage and clock

    def stored(self, boot: int, ranges: Sequence[tuple[int, int]], now_us: int) -> list[Effect]:  # noqa: ARG002 - a file goes to storage whole or not at all
        """Tell the monitor that a file is taken, once storage has of it."""
        name = self._untold.pop(boot, None)
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
                return self._rest_file(now_us)

    def _rest_file(self, now_us: int) -> list[Effect]:
        """Leave a monitor alone that does not answer, and go on with its file later."""
        name, wanted = next(iter(self._files.items()))
        wanted.quiet_rounds += 1
        if not wanted.is_announced or wanted.quiet_rounds > MOST_QUIET_ROUNDS:
            return self._drop(name, NO_ANSWER)
        ended: list[Effect] = [
            Finish(one, commands.Answer.FAILED, NO_ANSWER) for one in wanted.commands
        ]
        wanted.commands.clear()
        wanted.reading.resume()
        self._paused_until_us = now_us + self._quiet_us
        return ended

    def due_us(self) -> int | None:
        """When an answer is overdue, or when to ask again of oneself."""
        if self._flight is not None:
            return self._flight.due_us
        due = [one for one in (self._status_due_us, self._paused_until_us) if one is not None]
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
        if not self._files:
            self._paused_until_us = None
            return []
        if self._paused_until_us is not None and now_us < self._paused_until_us:
            return []
        self._paused_until_us = None
        reading = next(iter(self._files.values())).reading
        asked = _Asked(_Purpose.FILE, reading.request(), tries_left=self._tries)
        return [self._launch(asked, now_us)]

    def _launch(self, asked: _Asked, now_us: int) -> Effect:
        if asked.purpose is _Purpose.FILE and asked is self._flight:
            asked.request = next(iter(self._files.values())).reading.request()
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
