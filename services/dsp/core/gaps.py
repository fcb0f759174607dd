"""What is there of one stream of one device, what is missing, and when that is settled.

Frames may come in any order, twice, overlapping and with holes. A second of UTC is settled when
all of it is there, or when something after it came `HOLE_WAIT_US` ago: then what is not there is
missing. Time here is the time of arrival at the gateway, as the frames tell it, so that a replay
of the same frames settles the same seconds.

Frames that hold other samples for the same time contradict each other: samples come faster than
their rate says, or two devices speak under one name. When such samples were taken nobody knows;
they are missing, as those are that come slower than their rate says.
"""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from services.dsp.core.windows import Samples

HOLE_WAIT_US = 2_000_000
HOLE_KEPT_S = 10  # longer holes are left out, with the second that they begin in: nothing is to
# be said of them, and a run that has not seen what was before gives the same
SMALL_HOLE_S = 0.02  # clocks jitter: so little between two frames is no hole, see `Second`, and
# frames that overlap by so little do not contradict each other
SAME = 0.01  # of the largest step between samples: repeats that are interpolated anew are rounded
REMEMBERED_S = 180  # of what was there, to tell a repeat from what comes late
AHEAD_US = 10_000_000  # settled so far beyond the arrival of a frame: the clock had been ahead
SECOND_US = 1_000_000
FRESH_US = 30_000_000  # older than that at arrival is late (architecture.md, section 7)


class Piece(NamedTuple):
    """Samples of one frame on the grid of its stream. (Hot path: a plain tuple.)

    Attributes
    ----------
    first, end : number of the first sample since 1970, and of the one after the last
    values : (channels, n), in the unit of the stream, NaN where missing
    phase_us : how much later than its place on the grid the first sample was taken
    received : us UTC
    flags : `FrameFlag` of the frame
    """

    first: int
    end: int
    values: Samples
    phase_us: int
    received: int
    flags: int


class Second(NamedTuple):
    """One settled second. (Hot path: a plain tuple.)

    Attributes
    ----------
    second : its begin, in seconds since 1970
    values : (channels, rate_hz), NaN where missing; single samples between frames interpolated
    phase_us : of its first samples
    received : newest frame it rests on, 0 when nothing is there
    flags : of all frames in it
    contradicts : frames in it hold other samples for the same time, which are missing
    """

    second: int
    values: Samples
    phase_us: int
    received: int
    flags: int
    contradicts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """Samples for a time that was settled already: [start, end) in us UTC."""

    start_us: int
    end_us: int


_first = attrgetter("first")


def _repeats(before: Piece, after: Piece, most: int) -> bool:
    """Whether two frames that overlap hold the same samples, up to `most` places apart.

    What is sent again may come in other parts, and the clock of the device may be known better by
    then. Frames that overlap by no more than that do not contradict each other.
    """
    n = min(before.end, after.end) - after.first
    if n <= most:
        return True
    at = after.first - before.first
    mine, theirs = before.values[:, at : at + n], after.values[:, :n]
    for apart in sorted(range(-most, most + 1), key=abs):
        here = mine[:, max(apart, 0) : n + min(apart, 0)]
        there = theirs[:, max(-apart, 0) : n - max(apart, 0)]
        if (np.isnan(here) != np.isnan(there)).any():
            continue
        known, other = (np.where(np.isnan(one), 0.0, one) for one in (here, there))
        step = np.abs(np.diff(known, axis=1)).max(axis=1, initial=0.0)
        if (np.abs(known - other).max(axis=1, initial=0.0) <= SAME * step).all():
            return True
    return False


@dataclass(slots=True, kw_only=True)
class Track:
    """The stream of one device, from frames to settled seconds.

    Attributes
    ----------
    rate_hz : a whole number
    channels : as many are kept of each frame
    following : the second that is settled next; None before the first frame
    hole_wait_us : how long a hole may still be filled; 0 where readings come at any pace
    ready : settled and not yet taken. Over a hole of more than `HOLE_KEPT_S` seconds they jump.
    left : the seconds in which such holes began, as far as they are there; who wants them clears
    """

    rate_hz: int
    channels: int
    following: int | None = None
    hole_wait_us: int = HOLE_WAIT_US
    ready: deque[Second] = field(default_factory=deque)
    left: deque[Second] = field(default_factory=lambda: deque(maxlen=1024))
    _pending: list[Piece] = field(default_factory=list)
    _known: list[tuple[int, int]] = field(default_factory=list)  # merged, in order
    small_hole: int = field(init=False)
    _phase_us: int = 0
    _left_at: int = 0  # the second from which the seconds jumped last

    def __post_init__(self) -> None:
        # A reading that stands for a whole second is missing where it is not: none is made up.
        self.small_hole = max(1, int(SMALL_HOLE_S * self.rate_hz)) if self.rate_hz > 1 else 0

    def add(self, piece: Piece, now: int) -> Late | None:
        """Take a piece; tells when it came too late to be settled in its turn.

        Parameters
        ----------
        now : time of arrival that the whole lane had reached before, us UTC: what is settled
            by then is settled, whether it was asked for or not
        """
        self.settle(now)
        if self._is_known(piece.first, piece.end):
            return None
        second = piece.first // self.rate_hz
        if self.following is None:
            self.following = second
        elif self.following > second and self._is_ahead(piece):
            self._restart(second)
        start = self.following * self.rate_hz
        self._remember(piece)
        if piece.end > start:
            insort(self._pending, piece, key=_first)
        if piece.first >= start:
            return None
        end = min(piece.end, start)
        return Late(
            start_us=piece.first * SECOND_US // self.rate_hz,
            end_us=-(-end * SECOND_US // self.rate_hz),
        )

    def settle(self, now: int) -> bool:
        """Move every second that is settled at `now` (us UTC, of arrival) to `ready`.

        Returns
        -------
        Whether something came after a hole that may still be filled: time alone settles it.
        """
        while self.following is not None and self._pending:
            start = self.following * self.rate_hz
            end = start + self.rate_hz
            if self._known[-1][1] < end:
                return False  # nothing reaches its end: the ordinary case
            if not self._is_whole(start, end):
                if not self._has_expired(end, now):
                    return self._pending[-1].end > end
                resumed = self._resumed(end)
                if resumed > self.following + HOLE_KEPT_S:
                    self._left_at = self.following
                    self.left.append(self._cut(start, end))
                    self.following = resumed
                    self._forget(resumed * self.rate_hz)
                    continue
            self.ready.append(self._cut(start, end))
            self.following += 1
            self._forget(end)
        return False

    @property
    def newest(self) -> int:
        """The second in which the newest sample lies; -1 before the first."""
        return (self._known[-1][1] - 1) // self.rate_hz if self._known else -1

    def as_it_is(self, second: int) -> Second:
        """A second that is not settled yet, with what is there of it by now."""
        phase_us = self._phase_us
        cut = self._cut(second * self.rate_hz, (second + 1) * self.rate_hz)
        self._phase_us = phase_us  # it is cut again when it is settled
        return cut

    def _resumed(self, end: int) -> int:
        """The second in which the first piece that reaches beyond `end` begins."""
        first = next(piece.first for piece in self._pending if piece.end > end)
        return first // self.rate_hz

    def _is_ahead(self, piece: Piece) -> bool:
        """Whether what is settled lies in the future of this piece's arrival."""
        assert self.following is not None
        return self.following * SECOND_US > piece.received + AHEAD_US

    def _restart(self, second: int) -> None:
        """Begin anew in the past: what was ahead of its time is forgotten here."""
        self.following = max(second, self._left_at)
        self._pending.clear()
        self._known.clear()

    def _is_known(self, first: int, end: int) -> bool:
        at = bisect_left(self._known, (first + 1, 0)) - 1
        return at >= 0 and self._known[at][0] <= first and end <= self._known[at][1]

    def _is_whole(self, first: int, end: int) -> bool:
        """Whether all from `first` to `end` is known but for small holes.

        At the very end only what comes next tells a small hole from a large one.
        """
        small = self.small_hole
        at = first
        for start, stop in self._known:
            if stop <= at:
                continue
            if start > at + small:
                return False
            at = stop
            if at >= end:
                return True
        return False

    def _has_expired(self, end: int, now: int) -> bool:
        """Whether something after `end` came long enough ago."""
        before = now - self.hole_wait_us
        return any(piece.end > end and piece.received <= before for piece in self._pending)

    def _forget(self, end: int) -> None:
        """Drop the pieces that no later second needs, for itself or for a bridge."""
        n = 0
        while n < len(self._pending) and self._pending[n].end < end - self.small_hole:
            n += 1
        del self._pending[:n]

    def _remember(self, piece: Piece) -> None:
        """Join the piece to what is known; forget what is too old to come again."""
        known = self._known
        first, end = piece.first, piece.end
        if known and known[-1][0] <= first <= known[-1][1]:  # the ordinary case
            known[-1] = (known[-1][0], max(known[-1][1], end))
        else:
            kept: list[tuple[int, int]] = []
            for start, stop in known:
                if stop < first or start > end:
                    kept.append((start, stop))
                else:
                    first, end = min(first, start), max(end, stop)
            insort(kept, (first, end))
            self._known = known = kept
        oldest = known[-1][1] - REMEMBERED_S * self.rate_hz
        while known[0][1] < oldest:
            del known[0]

    def _cut(self, start: int, end: int) -> Second:
        """The samples from `start` to `end`; of those that frames repeat, the earlier count."""
        inside = [piece for piece in self._pending if piece.first < end and piece.end > start]
        if len(inside) == 2:  # nearly always
            one, two = inside
            if one.first <= start and one.end == two.first and two.end >= end:
                self._phase_us = one.phase_us
                parts = (one.values[:, start - one.first :], two.values[:, : end - two.first])
                return Second(
                    start // self.rate_hz,
                    np.concatenate(parts, axis=1),
                    one.phase_us,
                    max(one.received, two.received),
                    one.flags | two.flags,
                )
        return self._pieced_together(start, end)

    def _pieced_together(self, start: int, end: int) -> Second:
        """The same of any pieces, with holes and overlaps."""
        small = self.small_hole
        near = [
            piece for piece in self._pending
            if piece.first < end + small and piece.end > start - small
        ]  # fmt: skip
        values = np.empty((self.channels, self.rate_hz))
        values.fill(np.nan)
        received = flags = 0
        for piece in reversed(near):
            first, last = max(piece.first, start), min(piece.end, end)
            if first >= last:
                continue
            part = piece.values[:, first - piece.first : last - piece.first]
            values[:, first - start : last - start] = part
            received = max(received, piece.received)
            flags |= piece.flags
            self._phase_us = piece.phase_us
        contradicts = False
        if len(near) > 1:
            self._bridge(values, near, start)
            contradicts = self.rate_hz > 1 and self._leave_out_contradictions(values, near, start)
        return Second(
            second=start // self.rate_hz,
            values=values,
            phase_us=self._phase_us if received else 0,
            received=received,
            flags=flags,
            contradicts=contradicts,
        )

    def _leave_out_contradictions(self, values: Samples, near: list[Piece], start: int) -> bool:
        """Call samples missing of which frames say different things; whether there are any."""
        before, found = near[0], False
        for after in near[1:]:
            end = min(before.end, after.end)
            low, high = max(after.first - start, 0), min(end - start, values.shape[1])
            if low < high and not _repeats(before, after, self.small_hole):
                values[:, low:high] = np.nan
                found = True
            if after.end > before.end:
                before = after
        return found

    def _bridge(self, values: Samples, near: list[Piece], start: int) -> None:
        """Interpolate over small holes between two frames (not over samples marked missing)."""
        for before, after in pairwise(near):
            gap = after.first - before.end
            if not 0 < gap <= self.small_hole:
                continue
            left, right = before.values[:, -1], after.values[:, 0]
            for step in range(1, gap + 1):
                at = before.end + step - 1 - start
                if 0 <= at < values.shape[1]:
                    values[:, at] = left + (right - left) * (step / (gap + 1))
