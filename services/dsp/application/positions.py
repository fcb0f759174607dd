"""Where a replay of a lane must begin, and up to where its output was given out. Pure."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from services.dsp.core.exchange import Position
from services.dsp.core.lane import LONGEST_HORIZON_US

SECOND_US = 1_000_000


class _Mark(NamedTuple):
    offset: int
    now_us: int


@dataclass(slots=True)
class ReplayMarks:
    """Remembers which offset came when, about once a second."""

    _marks: deque[_Mark] = field(default_factory=deque)

    def note(self, offset: int, now_us: int) -> None:
        """A message with this offset is about to be taken; the lane has reached that time."""
        if not self._marks or now_us - self._marks[-1].now_us >= SECOND_US:
            self._marks.append(_Mark(offset, now_us))
        while len(self._marks) > 1 and self._marks[1].now_us <= now_us - LONGEST_HORIZON_US:
            self._marks.popleft()

    def clear(self) -> None:
        """The stream began anew."""
        self._marks.clear()

    def position(self, given_offset: int, now_us: int) -> Position:
        """The position to save when all output up to `given_offset` is out."""
        replay = self._marks[0].offset if self._marks else given_offset + 1
        return Position(min(replay, given_offset + 1), given_offset, now_us)
