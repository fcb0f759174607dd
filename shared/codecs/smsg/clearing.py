"""Clearing a spirometer's memory: only once all that it has announced is durably stored.

ask -> header (count) -> results -> stored -> clear -> header (0). A header counts only if it
carries the number of our own ask, which no other ask has, also not one before a restart; and the
clearing carries that number and the count, so that a unit which has measured since keeps all.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum, auto

from shared.codecs.smsg import requests
from shared.codecs.smsg.tasks import RETRY_US, SPARE_US
from shared.contracts.commands import Answer
from shared.contracts.decoding import Note, Word
from shared.contracts.dialogue import Effect, Finish, NativeCommand, Send, Tell
from shared.contracts.events import EventKind
from shared.contracts.identity import MessageId
from shared.contracts.instants import SECOND

PATIENCE_US = 30 * SECOND
"""Results that were announced come within this of one another, or are asked for again."""
MOST_ROUNDS = 5
"""A unit that goes on measuring while it is being cleared is left with its results."""
MOST_RESULTS = 1_000
"""A spirometer keeps 400, by the source."""
RANGES_KEPT = 256


class Step(Enum):
    """What is waited for."""

    HEADER = auto()
    RESULTS = auto()
    STORED = auto()
    CLEARED = auto()


class Clear:
    """One clearing at work."""

    def __init__(self, command: NativeCommand) -> None:
        self._command = command
        self._unit = int(command.unit, 16)
        self._step = Step.HEADER
        self._ask = 0
        self._rounds = 0
        self._count = 0
        self._boot = 0
        self._results: set[int] = set()  # by index
        self._not_stored: set[int] = set()  # messages that brought them, by n
        self._stored: deque[tuple[int, int]] = deque(maxlen=RANGES_KEPT)
        self._n_cleared = 0
        self._may_have_cleared = False
        self.due_us = 0

    def heard(self, word: Word, identity: MessageId, now_us: int) -> list[Effect]:
        """Take a header or a result of the unit."""
        if word.name == "result_header":
            return self._announced(word, identity, now_us)
        if word.name == "result" and self._step is Step.RESULTS and identity.boot == self._boot:
            self._take(word.data["index"], identity.n)
            self.due_us = self._soon(now_us + PATIENCE_US)
            if len(self._results) == self._count:
                self._step = Step.STORED
                self.due_us = self._last_us()
                return self._clear_if_stored(now_us)
        return []

    def stored(self, boot: int, ranges: Sequence[tuple[int, int]], now_us: int) -> list[Effect]:
        """Take what is stored of the hub's messages."""
        if self._step not in {Step.RESULTS, Step.STORED} or boot != self._boot:
            return []
        self._stored.extend(ranges)
        self._not_stored = {n for n in self._not_stored if not _covers(ranges, n)}
        return self._clear_if_stored(now_us) if self._step is Step.STORED else []

    def tick(self, now_us: int) -> list[Effect]:
        """Ask, ask again, or give up while nothing has been done to the memory."""
        if now_us < self._last_us():
            return self._begin(now_us)
        if self._may_have_cleared:  # nobody knows: it ends as unknown
            self.due_us = self._command.expires_us + RETRY_US
            return []
        return [self._finish(Answer.FAILED, _MISSING[self._step])]

    def _begin(self, now_us: int) -> list[Effect]:
        self._step = Step.HEADER
        # Neither another command nor this one before a restart has asked with this number.
        self._ask = zlib.crc32(f"{self._command.id} {now_us} {self._rounds}".encode())
        self.due_us = self._soon(now_us + RETRY_US)
        return [Send(requests.ask_results(self._unit, self._ask))]

    def _announced(self, word: Word, identity: MessageId, now_us: int) -> list[Effect]:
        count, ask = word.data["count"], word.data.get("ask")
        if ask is None and self._step is Step.HEADER:
            return [self._finish(Answer.FAILED, "the unit does not say which ask it answers")]
        if ask != self._ask or self._step not in {Step.HEADER, Step.CLEARED}:
            return []
        if count <= 0:
            done = self._finish(Answer.DONE, f"{self._n_cleared} results cleared")
            if not self._n_cleared:
                return [done]
            data = {"results": self._n_cleared}
            return [Tell(Note(EventKind.MEMORY_CLEARED, 0, self._command.unit, data)), done]
        if self._step is Step.CLEARED:  # it has measured since, and has kept all
            self._may_have_cleared, self._n_cleared = False, 0
            self._rounds += 1
            if self._rounds >= MOST_ROUNDS:
                return [self._finish(Answer.FAILED, f"the unit has {count} results again")]
            return self._begin(now_us)
        if count > MOST_RESULTS:
            return [self._finish(Answer.FAILED, f"no spirometer has {count} results")]
        self._step = Step.RESULTS
        self._count, self._boot = count, identity.boot
        self._results, self._not_stored, self._n_cleared = set(), set(), 0
        self._may_have_cleared = False
        self._stored.clear()
        self.due_us = self._soon(now_us + PATIENCE_US)
        return []

    def _take(self, index: int, n: int) -> None:
        if 0 <= index < self._count:
            self._results.add(index)
            if not _covers(self._stored, n):
                self._not_stored.add(n)

    def _clear_if_stored(self, now_us: int) -> list[Effect]:
        if self._not_stored:
            return []
        self._step = Step.CLEARED
        self._may_have_cleared, self._n_cleared = True, self._count
        self.due_us = self._soon(now_us + RETRY_US)
        return [Send(requests.clear_memory(self._unit, self._count, self._ask))]

    def _soon(self, due_us: int) -> int:
        return min(due_us, self._last_us())

    def _last_us(self) -> int:
        return self._command.expires_us - SPARE_US

    def _finish(self, outcome: Answer, detail: str) -> Finish:
        return Finish(self._command.id, outcome, detail)


def _covers(ranges: Iterable[tuple[int, int]], n: int) -> bool:
    return any(first <= n <= last for first, last in ranges)


_MISSING = {
    Step.HEADER: "the unit has not said how many results it has",
    Step.RESULTS: "not all announced results have come",
    Step.STORED: "not all announced results are stored yet",
    Step.CLEARED: "the unit has not said that its memory is empty",
}
