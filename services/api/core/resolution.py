"""How coarse a history is shown, and from which stored summaries it is put together. Pure."""

from dataclasses import dataclass
from enum import Enum

from shared.contracts.instants import DAY, HOUR, MINUTE, Interval, Microseconds

# Bucket lengths in seconds that people know from clocks; a history uses the least that fits. From
# a minute on they are whole minutes, from an hour on whole hours, as the summaries need it.
_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200,
    86_400, 172_800, 604_800,
)  # fmt: skip
_EMISSION_S = 5  # a value is stored every 5 s, and at each change of its state


def resolution_s(span_us: int, points: int) -> int:
    """Length of a bucket so that a span has at most so many; 0: each stored value as it is."""
    span_s = span_us / 1e6
    if span_s / _EMISSION_S * 2 <= points:
        return 0
    for step in _STEPS_S:
        if span_s / step <= points:
            return step
    return -(-span_us // (points * DAY)) * 86_400


class Level(Enum):
    """What a piece of a history is read from."""

    VALUES = "values"
    MINUTES = "minutes"
    HOURS = "hours"


def whole_buckets(interval: Interval, step_us: int) -> Interval:
    """The interval widened to whole buckets, so that one bucket is the same in every answer."""
    if step_us == 0:
        return interval
    return Interval(
        start=Microseconds(interval.start // step_us * step_us),
        end=Microseconds(-(-interval.end // step_us) * step_us),
    )


def coarser_s(step_s: int) -> list[int]:
    """Lengths to fall back on where what is finer is not kept any more, finest first."""
    return [length for length in (60, 3_600) if length > step_s]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a history and what it is read from; whole minutes or hours where those are."""

    level: Level
    interval: Interval


_WIDTHS = {Level.HOURS: HOUR, Level.MINUTES: MINUTE}


def pieces(interval: Interval, *, step_us: int, until: dict[Level, int]) -> list[Piece]:
    """The pieces that make up an interval exactly, as coarse as the buckets allow.

    Parameters
    ----------
    step_us : length of a bucket of the answer; summaries longer than it are not used
    until : how far the summaries of a level are made; what is later is read one level finer
    """
    levels = [level for level, width in _WIDTHS.items() if step_us % width == 0]
    return _cover(interval.start, interval.end, levels, until)


def _cover(start: int, end: int, levels: list[Level], until: dict[Level, int]) -> list[Piece]:
    if start >= end:
        return []
    if not levels:
        whole = Interval(start=Microseconds(start), end=Microseconds(end))
        return [Piece(level=Level.VALUES, interval=whole)]
    level, *finer = levels
    width = _WIDTHS[level]
    first = -(-start // width) * width
    last = min(end, until.get(level, 0)) // width * width
    if first >= last:
        return _cover(start, end, finer, until)
    inside = Interval(start=Microseconds(first), end=Microseconds(last))
    return [
        *_cover(start, first, finer, until),
        Piece(level=level, interval=inside),
        *_cover(last, end, finer, until),
    ]
