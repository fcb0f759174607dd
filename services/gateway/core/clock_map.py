"""Device time to UTC: one clock map for each boot of a device.

The offset comes from status messages (the smallest arrival - t), never from the age of data. What
is decided is a `Segment`, kept for ever: from some n on, UTC = device time + offset. So the time
of a frame is a function of its identity and device time alone, also when it comes again.

A boot has two tracks of segments, told apart by the device time itself: times that a calendar
could show, and absurd ones (a clock that starts at 1970 and is set minutes later gives both, out
of one buffer). Times of the absurd track are placed by arrival and flagged.

Rules, in the order of their use:

- The first segment of the plausible track has the offset that is believed, and 0 when that is
  under 2 s or none is. Only a fresh status is listened to: one that did not wait in the broker.
- An offset that falls by more than 2 s is a jump: delay can only make it larger. One that rises
  by 2 to 60 s is believed when two statuses some time apart agree closely, since one may just be
  late, and on a busy machine several (a link that stalls; delays scatter, a clock does not);
  above, at once: keep-alive closes a link that is silent so long.
- A jump opens a segment at the first message, newer than all seen so far, that the new offset
  places between the last known time and now. What was buffered before keeps the old offset.
- Anything slower is drift, recorded as corrections; stored times do not move.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from shared.contracts.identity import MAX_UINT32
from shared.contracts.instants import MINUTE, SECOND
from shared.contracts.quality import FrameFlag

PLAUSIBLE_FROM_US = 1_577_836_800_000_000
"""2020-01-01: before there was this program. Clocks without a battery start at 1970 or 2000."""
PLAUSIBLE_UNTIL_US = 2_114_380_800_000_000
"""2037-01-01: before 32-bit clocks overflow (2038-01-19), with room for wrong time zones."""

JUMP_US = 2 * SECOND
"""Nearer than this a clock is right, and two offsets are one: mobile links delay by as much."""
AGREE_US = 250_000
"""Two statuses so near tell the same clock: those that a stall delays by seconds scatter more."""
APART_US = 10 * SECOND
"""Statuses nearer in time may have waited behind the same stall."""
MOST_RAISED = 4
"""Raised statuses that are compared: among many late ones two agree by chance."""
LONGEST_DELAY_US = MINUTE
"""Keep-alive is 10 s: a status cannot be under way for longer than a few of them."""
DRIFT_STEP_US = 250_000
"""A correction row for each step: a third of a beat at 80 per minute."""
DRIFT_EVERY_US = 10 * MINUTE
LIVE_US = 5 * SECOND
"""How old a message may be to mark a jump when nothing is known from before it."""
ABSURD_FROM_N = MAX_UINT32
MOST_SEGMENTS = 32
"""A clock that jumps more often in one boot says nothing any more; the last offset stays."""


class Segment(NamedTuple):
    """From message ``from_n`` on, UTC = device time + ``offset_us``; ``flags`` go to each frame.

    With the flag ``CLOCK_ABSURD`` it is the one segment for absurd device times, whatever n is;
    its ``from_n`` is `ABSURD_FROM_N`, so that it stands beside the others under one key.
    """

    from_n: int
    offset_us: int
    flags: int


class Correction(NamedTuple):
    """From UTC ``at_us`` on, stored times of the boot are ``correction_us`` too early."""

    at_us: int
    correction_us: int


class _Raised(NamedTuple):
    """A status whose offset is larger than believed: its clock was set back, or it is late."""

    arrival_us: int
    value_us: int


def is_plausible(t_us: int) -> bool:
    """Whether a calendar on this device could show this time today."""
    return PLAUSIBLE_FROM_US <= t_us < PLAUSIBLE_UNTIL_US


@dataclass(slots=True)
class _Track:
    """Segments of one track, by from_n."""

    starts: list[int]
    segments: list[Segment]

    def add(self, segment: Segment) -> None:
        index = bisect_right(self.starts, segment.from_n)
        self.starts.insert(index, segment.from_n)
        self.segments.insert(index, segment)

    def remove(self, from_n: int) -> None:
        if from_n in self.starts:
            index = self.starts.index(from_n)
            del self.starts[index], self.segments[index]


class ClockMap:
    """The clock of one boot of a device.

    Parameters
    ----------
    segments : what was decided before, from the table
    correction_us : the newest recorded correction of the boot
    """

    __slots__ = (
        "_absurd", "_absurd_us", "_anchor_us", "_base_us", "_correction", "_estimate_us",
        "_expected_us", "_newest_n", "_plausible", "_raised", "only", "settled",
    )  # fmt: skip

    def __init__(self, segments: list[Segment] | None = None, correction_us: int = 0) -> None:
        self._plausible = _Track([], [])
        self._absurd: Segment | None = None
        self._absurd_us: int | None = None  # smallest arrival - t of an absurd clock
        self._estimate_us: int | None = None  # of the newest fresh statuses
        self._base_us: int | None = None  # estimate from which drift is counted
        self._correction = Correction(0, correction_us)
        self._expected_us: int | None = None  # a jump that has not met its first message
        self._raised: list[_Raised] = []  # the newest, of which two must agree
        self._newest_n = -1
        self._anchor_us: int | None = None  # newest UTC time given to a message
        self.settled = False
        """True while every plausible message has its segment: the quick way for `find`."""
        self.only: Segment | None = None
        """The segment of every plausible message, where there is only one."""
        for segment in segments or ():
            self.install(segment)

    def find(self, n: int, t_us: int) -> Segment | None:
        """Give the segment of a message; None if one must be made first."""
        if PLAUSIBLE_FROM_US <= t_us < PLAUSIBLE_UNTIL_US:
            track = self._plausible  # looked into here: the hottest line of the gateway
            index = bisect_right(track.starts, n) - 1
            return track.segments[index] if index >= 0 else None
        return self._absurd

    def propose(self, n: int, t_us: int, arrival_us: int) -> Segment | None:
        """Give the segment that must be durable and installed before this message is placed.

        None where the message has its segment already. Asking changes nothing.
        """
        if not is_plausible(t_us):
            if self._absurd is not None:
                return None
            offset_us = arrival_us - t_us if self._absurd_us is None else self._absurd_us
            return Segment(ABSURD_FROM_N, offset_us, int(FrameFlag.CLOCK_ABSURD))
        if not self._plausible.starts:
            return Segment(0, self._settle(self._expected_us), 0)
        if self._expected_us is None or n <= self._newest_n:
            return None
        if n <= self._plausible.starts[-1] or len(self._plausible.starts) >= MOST_SEGMENTS:
            return None
        placed_us = t_us + self._settle(self._expected_us)
        earliest_us = arrival_us - LIVE_US if self._anchor_us is None else self._anchor_us
        if not earliest_us - JUMP_US <= placed_us <= arrival_us + JUMP_US:
            return None
        return Segment(n, self._settle(self._expected_us), int(FrameFlag.CLOCK_JUMP))

    def install(self, segment: Segment) -> None:
        """Use a segment that is durable."""
        if is_absurd(segment):
            self._absurd = segment
            return
        self._plausible.add(segment)
        self._look_for_only()
        if self._expected_us is not None and segment.offset_us == self._settle(self._expected_us):
            self._expected_us = None
        self.settled = self._expected_us is None

    def uninstall(self, segment: Segment) -> None:
        """Take a segment back that could not be made durable; it will be proposed again."""
        if is_absurd(segment):
            self._absurd = None
            return
        self._plausible.remove(segment.from_n)
        self._look_for_only()
        if segment.flags & FrameFlag.CLOCK_JUMP or self._estimate_us is not None:
            self._expected_us = segment.offset_us
        self.settled = False

    def replace(self, ours: Segment, theirs: Segment) -> None:
        """Use the segment that another gateway made durable before us."""
        self.uninstall(ours)
        self._expected_us = None
        self.install(theirs)

    def note_placed(self, n: int, utc_us: int) -> None:
        """Remember how far the boot has come: a jump can only begin after it."""
        if n > self._newest_n:
            self._newest_n = n
            if self._anchor_us is None or utc_us > self._anchor_us:
                self._anchor_us = utc_us

    def observe_status(self, t_us: int, arrival_us: int, *, fresh: bool) -> Correction | None:
        """Learn from a status message; give the correction that should be recorded, if any.

        Parameters
        ----------
        t_us : the device clock in it
        fresh : it came directly, not out of a queue or as a retained message
        """
        if not fresh:
            return None
        value_us = arrival_us - t_us
        if not is_plausible(t_us):
            if self._absurd_us is None or value_us < self._absurd_us:
                self._absurd_us = value_us
            return None
        known_us = self._known_us()
        rise_us = value_us - (known_us or 0)
        if abs(rise_us) <= JUMP_US and known_us is not None:
            self._raised.clear()
            return self._drift(value_us, arrival_us)
        if JUMP_US < rise_us <= LONGEST_DELAY_US:
            agreed_us = self._agreed(_Raised(arrival_us, value_us))
            if agreed_us is None:
                return None
            value_us = agreed_us
        self._raised.clear()
        self._estimate_us = self._base_us = self._expected_us = value_us
        self.settled = False
        return None

    def _agreed(self, newest: _Raised) -> int | None:
        """Give the offset that the newest raised status and an earlier one agree on."""
        agreeing = [
            raised.value_us
            for raised in self._raised
            if abs(raised.value_us - newest.value_us) <= AGREE_US
            and newest.arrival_us - raised.arrival_us >= APART_US
        ]
        self._raised = [*self._raised[1 - MOST_RAISED :], newest]
        return min(*agreeing, newest.value_us) if agreeing else None

    def _look_for_only(self) -> None:
        track = self._plausible
        self.only = track.segments[0] if track.starts == [0] else None

    def _known_us(self) -> int | None:
        """Give the offset that the next status should show."""
        if self._estimate_us is not None:
            return self._estimate_us
        if self._plausible.segments:
            return self._plausible.segments[-1].offset_us + self._correction.correction_us
        return None

    def _drift(self, value_us: int, arrival_us: int) -> Correction | None:
        """Follow a clock that runs a little fast or slow."""
        before_us = self._estimate_us
        if before_us is None or value_us < before_us:
            self._estimate_us = value_us  # the smallest is the least delayed
        else:
            self._estimate_us = before_us + (value_us - before_us) // 4  # it may also run slow
        if self._base_us is None:
            self._base_us = self._estimate_us - self._correction.correction_us
        drift_us = self._estimate_us - self._base_us
        if (
            abs(drift_us - self._correction.correction_us) < DRIFT_STEP_US
            or arrival_us - self._correction.at_us < DRIFT_EVERY_US
        ):
            return None
        self._correction = Correction(arrival_us, drift_us)
        return self._correction

    @staticmethod
    def _settle(offset_us: int | None) -> int:
        """Give the offset to keep: none, and small ones, count as a right clock."""
        return 0 if offset_us is None or abs(offset_us) < JUMP_US else offset_us


def is_absurd(segment: Segment) -> bool:
    """Whether a segment is of the absurd track."""
    return bool(segment.flags & FrameFlag.CLOCK_ABSURD)
