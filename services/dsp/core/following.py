"""One stream of one device on its way into estimators, alone or with its companions.

What a chain with companions is stepped with is decided by what has come and by the time of
arrival that the lane has reached, never by when it is asked: before a frame is added, all that
is due by then is decided.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from services.dsp.core.estimator import Companion
from services.dsp.core.gaps import HOLE_KEPT_S, HOLE_WAIT_US, SECOND_US, Late, Piece, Second, Track
from services.dsp.core.group import Beside, Group

BEGIN_S = 3  # seconds of the main stream in which companions that were never seen are waited for
BESIDE_KEPT = 64  # seconds of a companion whose main stream does not come on


class Key(NamedTuple):
    """Which stream of which device, and where it is worn."""

    device: int
    stream: int
    place: int


@dataclass(slots=True, kw_only=True, eq=False)
class Seat:
    """The row of a stream in the group of one chain."""

    group: Group
    row: int
    ready: deque[Second] = field(default_factory=deque)
    beside: deque[Beside] = field(default_factory=deque)
    joint: "Joint | None" = None


@dataclass(slots=True, kw_only=True, eq=False)
class Followed:
    """One stream of one device from one place.

    When the device sends it at another rate, with other channels or by another choice, it begins
    anew.

    Attributes
    ----------
    seats : where its seconds go
    joints : where it meets other streams, as the main one or as a companion
    told : settled seconds whose events were not looked for yet
    chosen : of the flags of its frames, what decides which estimators run
    """

    key: Key
    channels: int
    chosen: int
    track: Track
    seats: list[Seat] = field(default_factory=list)
    joints: list["Joint"] = field(default_factory=list)
    told: list[Second] = field(default_factory=list)
    flags: int = 0
    in_hole: bool = False
    following: int = 0  # the second that should be settled next; 0 before the first

    def settle(self, now: int) -> bool:
        """Hand on what is settled at `now`; whether time alone will settle more."""
        waits = self.track.settle(now)
        self.hand_on()
        return waits

    def hand_on(self) -> None:
        """Hand settled seconds to all who want them."""
        ready = self.track.ready
        if not ready:
            return
        for seat in self.seats:
            target = seat.ready if seat.joint is None else seat.joint.waiting
            target.extend(ready)
        if self.joints:
            known = sorted((*self.track.left, *ready), key=_second)
            for joint in self.joints:
                joint.hear(self, known)
        self.track.left.clear()
        self.told.extend(ready)
        ready.clear()


def _second(one: Second) -> int:
    return one.second


@dataclass(slots=True, kw_only=True, eq=False)
class Joint:
    """A seat whose chain takes seconds of other streams beside those of its own.

    A second is ready when all companions have settled it, or `HOLE_WAIT_US` after the main
    stream had it. A companion that was not heard of for `HOLE_KEPT_S` is not waited for, nor is
    one that did not begin with the main stream.

    Attributes
    ----------
    companions : the streams beside the main one, None while one has not been seen
    waiting : seconds of the main stream that are settled and not ready
    used : the second after the last one that became ready
    """

    main: Followed
    seat: Seat
    wanted: tuple[Companion, ...]
    companions: list[Followed | None] = field(default_factory=list)
    waiting: deque[Second] = field(default_factory=deque)
    used: int = 0
    _heard: list[deque[Second]] = field(default_factory=list)
    _was_open: list[bool] = field(default_factory=list)
    _received: int = 0
    _first: int = 0

    def __post_init__(self) -> None:
        self.companions = [None for _ in self.wanted]
        self._heard = [deque() for _ in self.wanted]
        self._was_open = [False for _ in self.wanted]

    def hear(self, followed: Followed, seconds: list[Second]) -> None:
        """Take settled seconds of a companion."""
        for companion, heard in zip(self.companions, self._heard, strict=True):
            if companion is followed:
                heard.extend(seconds)

    def settle(self, now: int) -> bool:
        """Decide all that is due at `now`; whether time alone will decide more."""
        self.main.settle(now)
        for companion in self.companions:
            if companion is not None:
                companion.settle(now)
        while self.waiting:
            second = self.waiting[0]
            self._first = self._first or second.second
            self._received = max(self._received, second.received)
            is_due = now - self._received >= HOLE_WAIT_US
            beside, was_open = [], []
            for place in range(len(self.wanted)):
                found, is_open = self._at(place, second.second)
                if is_open and not is_due:
                    return True
                beside.append(found)
                was_open.append(found is not None and not self._heard[place])
            self.seat.ready.append(self.waiting.popleft())
            self.seat.beside.append(tuple(beside))
            self.used = second.second + 1
            self._was_open = was_open
        for heard in self._heard:
            while len(heard) > BESIDE_KEPT:
                heard.popleft()
        return False

    def _at(self, place: int, second: int) -> tuple[Second | None, bool]:
        """A companion's second as it is by now, and whether more of it may come."""
        heard, companion = self._heard[place], self.companions[place]
        while heard and heard[0].second < second:
            heard.popleft()
        if heard:
            return (heard[0] if heard[0].second == second else None), False
        if companion is None or companion.track.following is None:
            return None, second < self._first + BEGIN_S
        if companion.track.following > second:
            return None, False
        is_heard_of = companion.track.newest + HOLE_KEPT_S >= second
        return companion.track.as_it_is(second), is_heard_of

    def late(self, followed: Followed, piece: Piece) -> Late | None:
        """The time of a companion's piece that was done without it.

        A piece that comes right behind a second that was used as it was may fill a small hole at
        its end.
        """
        if followed is self.main:
            return None
        rate_hz = followed.track.rate_hz
        place = next(at for at, one in enumerate(self.companions) if one is followed)
        small = followed.track.small_hole if self._was_open[place] else 0
        if piece.first >= self.used * rate_hz + small:
            return None
        first = min(piece.first, self.used * rate_hz - 1)
        end = min(piece.end, self.used * rate_hz)
        return Late(start_us=first * SECOND_US // rate_hz, end_us=-(-end * SECOND_US // rate_hz))
