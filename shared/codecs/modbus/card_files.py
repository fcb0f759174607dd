"""The files of a monitor's card that are wanted: in which order, by whom, what became of them."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.codecs.modbus.card_reading import CardReading, Progress
from shared.codecs.modbus.pdus import Answer, Request
from shared.contracts import commands
from shared.contracts.decoding import Note
from shared.contracts.dialogue import Effect, FilePart, Finish, Tell, WantFile
from shared.contracts.events import EventKind
from shared.contracts.parking import Reason
from shared.contracts.telecare_card import file_name, recording_key

NO_ANSWER = "no answer"
PART_BYTES = 32_768
MOST_QUIET_ROUNDS = 10
"""So often a file is asked for again of a monitor that does not answer."""
MOST_KNOWN = 512
"""Names remembered, so that the notice of a file repeated is no new file."""
MOST_FILES = 64
"""Files waiting to be read; the monitor keeps the others and names them in its status."""


@dataclass(slots=True)
class _Wanted:
    """A file that is to be read: by a notice, by commands, or both."""

    reading: CardReading
    is_announced: bool = False
    commands: list[str] = field(default_factory=list)
    quiet_rounds: int = 0


class CardFiles:
    """What is known of the files of one monitor.

    Attributes
    ----------
    device_code : of the monitor, once it has told it
    paused_until_us : the monitor did not answer and is left alone until then
    """

    def __init__(self, quiet_us: int) -> None:
        self.device_code = ""
        self.paused_until_us: int | None = None
        self._quiet_us = quiet_us
        # In the order in which they are read: the first one is being read.
        self._wanted: dict[str, _Wanted] = {}
        self._known: dict[str, None] = {}
        self._untold: dict[int, str] = {}

    def announced(self, name: str) -> bool:
        """Take that there is a file; tell whether that was not known."""
        if name in self._known:
            return False
        wanted = self._want(name)
        if wanted is not None:
            wanted.is_announced = True
            self._know(name)
            self._await_storage(name)  # it may have been read before, by another dialogue
        return True

    def ask(self, name: str, command: str) -> bool:
        """Have a file read for a command; false where too many wait."""
        wanted = self._want(name)
        if wanted is not None:
            wanted.commands.append(command)
        return wanted is not None

    def withdraw(self, command: str, *, is_reading: bool) -> None:
        """Read nothing more for a command; a file that is being read goes on."""
        for index, (name, wanted) in enumerate(list(self._wanted.items())):
            if command in wanted.commands:
                wanted.commands.remove(command)
                is_needed = wanted.is_announced or wanted.commands
                if not is_needed and not (is_reading and index == 0):
                    del self._wanted[name]

    def stored(self, boot: int) -> str | None:
        """The file whose frames have this boot, if it is wanted or was read here."""
        name = self._untold.pop(boot, None)
        wanted = self._wanted.get(name) if name is not None else None
        if wanted is not None and name != self._first[0] and not wanted.commands:
            del self._wanted[wanted.reading.card_name]
        return name

    # ------------------------------------------------------------------ reading

    def request(self, now_us: int) -> Request | None:
        """What to ask next, if a file is wanted and the monitor is not left alone."""
        if not self._wanted:
            self.paused_until_us = None
            return None
        if self.paused_until_us is not None and now_us < self.paused_until_us:
            return None
        self.paused_until_us = None
        return self._first[1].reading.request()

    def take(self, answer: Answer) -> list[Effect] | None:
        """Take an answer; None where it is none to the last request."""
        name, wanted = self._first
        reading = wanted.reading
        knew_size = reading.info is not None
        progress = reading.take(answer)
        if progress is Progress.NOT_MINE:
            return None
        wanted.quiet_rounds = 0
        if progress is Progress.FAILED:
            return self._drop(name, reading.detail)
        if progress is Progress.WHOLE:
            return self._give(name, wanted)
        if reading.info is not None and not knew_size:
            return [WantFile(file_name(name), reading.info.n_bytes)]
        return []

    def rest(self, now_us: int) -> list[Effect]:
        """Leave alone a monitor that does not answer, and go on with its file later."""
        name, wanted = self._first
        wanted.quiet_rounds += 1
        if not wanted.is_announced or wanted.quiet_rounds > MOST_QUIET_ROUNDS:
            return self._drop(name, NO_ANSWER)
        ended = _finish(wanted.commands, commands.Answer.FAILED, NO_ANSWER)
        wanted.commands.clear()
        wanted.reading.resume()
        self.paused_until_us = now_us + self._quiet_us
        return ended

    @property
    def _first(self) -> tuple[str, _Wanted]:
        return next(iter(self._wanted.items()))

    def _want(self, name: str) -> _Wanted | None:
        wanted = self._wanted.get(name)
        if wanted is None and len(self._wanted) < MOST_FILES:
            wanted = self._wanted[name] = _Wanted(CardReading(name))
        return wanted

    def _give(self, name: str, wanted: _Wanted) -> list[Effect]:
        """Give a file that is whole, and wait for storage to have it."""
        data = bytes(wanted.reading.data)
        del self._wanted[name]
        self._know(name)
        self._await_storage(name)
        parts: list[Effect] = [
            FilePart(file_name(name), at, len(data), data[at : at + PART_BYTES])
            for at in range(0, len(data), PART_BYTES)
        ]
        return parts + _finish(wanted.commands, commands.Answer.DONE, f"{len(data)} bytes")

    def _drop(self, name: str, why: str) -> list[Effect]:
        """Give up a file. Where nobody answered, it is tried when it is announced again."""
        wanted = self._wanted.pop(name)
        if why == NO_ANSWER:
            self._known.pop(name, None)
        self.paused_until_us = None
        ended = _finish(wanted.commands, commands.Answer.FAILED, why)
        if why == Reason.BAD_CHECKSUM:
            told = {"file": file_name(name), "format": "telecare_file", "reason": why}
            ended.append(Tell(Note(EventKind.FILE_REFUSED, data=told)))
        return ended

    def _await_storage(self, name: str) -> None:
        if self.device_code:
            boot = zlib.crc32(recording_key(self.device_code, name).encode())
            self._untold[boot] = name
            if len(self._untold) > MOST_KNOWN:
                del self._untold[next(iter(self._untold))]

    def _know(self, name: str) -> None:
        self._known[name] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]


def _finish(ended: Iterable[str], outcome: commands.Answer, detail: str) -> list[Effect]:
    return [Finish(one, outcome, detail) for one in ended]
