"""The same estimators over stored samples, for time that was computed before all had come."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.dsp.core.circumstances import Circumstances, nothing_told
from services.dsp.core.estimators import CHOSEN, chains_for, delay_of, memory_of, warm_up_s
from services.dsp.core.exchange import Span
from services.dsp.core.gaps import HOLE_KEPT_S, SECOND_US
from services.dsp.core.lane import FOR_EVER_US, Computed, LaneSignals, whole_rate_hz
from shared.contracts.beats import BEAT
from shared.contracts.frames import FrameBatch
from shared.contracts.records import Table
from shared.contracts.sample_block import LONGEST_FRAME_US
from shared.contracts.vitals import VITAL

LOOKED_AHEAD_US = 2 * SECOND_US  # beats so long before the second that found them
AFTER_US = (HOLE_KEPT_S + 2) * SECOND_US  # samples behind the last second: they settle it
LEAST_PART_US = 60 * SECOND_US  # computed side by side: a step costs more than a row of it
# Signal computed side by side: a step costs more than a row of it, and memory bounds the rows.
TOGETHER_US = 30_000 * SECOND_US
PIECE_US = 600 * SECOND_US  # computed at once: bounds the samples in memory
KIND = ("channels", "interval_ns", "place")  # of frames, and what their device chose
Numbers = NDArray[np.int64]


def warm_up_us(stream: int) -> int:
    """A run that begins so long before gives the same values of a stream, whatever runs on it."""
    return warm_up_s(memory_of(stream)) * SECOND_US


def needed_us(frames: Table, stream: int) -> int:
    """The same of what runs on these frames, which often remembers less: at a wrist 24 s, not 182.

    Parameters
    ----------
    frames : of one device; those of other streams do not count
    """
    mine = frames[frames["stream"] == stream]
    kinds = zip(
        *(mine[name].tolist() for name in KIND), (mine["flags"] & CHOSEN).tolist(), strict=True
    )
    memories = [
        one.memory_s
        for channels, interval_ns, place, flags in set(kinds)
        for chain in chains_for(stream, channels, whole_rate_hz(interval_ns), place, flags)
        for one in chain
    ]
    return warm_up_s(max(memories, default=0)) * SECOND_US


def touched_before_us(stream: int) -> int:
    """So long before a sample of a stream values rest on it: who looks ahead speaks later."""
    return delay_of(stream) * SECOND_US + LOOKED_AHEAD_US


def touched_us(stream: int) -> int:
    """So long after a sample of a stream values still rest on it."""
    return (memory_of(stream) + 1) * SECOND_US


def recompute(
    frames: FrameBatch,
    *,
    only: int | None = None,
    circumstances: Callable[[], Circumstances] = nothing_told,
) -> Computed:
    """All that comes out of frames of one device when nothing more is waited for.

    Parameters
    ----------
    only : the stream whose values are wanted, others are its companions; None: of all streams
    circumstances : gives what is known now
    """
    return _settled(LaneSignals(only=only, circumstances=circumstances), frames)


class Stretch(NamedTuple):
    """A time [start, end) of one device that is wanted.

    Attributes
    ----------
    frames : of one device, from a warm-up before `start_us` on
    """

    frames: FrameBatch
    start_us: int
    end_us: int


def side_by_side(spans: Sequence[Span]) -> list[slice]:
    """Which of some spans of one stream to compute together, with what they rest on.

    One that is longer than all that is computed together stands alone.
    """
    parts: list[slice] = []
    first, taken_us = 0, 0
    for at, span in enumerate(spans):
        length_us = span.end_us - span.start_us
        warm_up = warm_up_us(span.stream)
        cost_us = length_us + warm_up * (1 + length_us // part_us(span.stream))
        if at > first and taken_us + cost_us > TOGETHER_US:
            parts.append(slice(first, at))
            first, taken_us = at, 0
        taken_us += cost_us
    if first < len(spans):
        parts.append(slice(first, len(spans)))
    return parts


def part_us(stream: int) -> int:
    """How much of a stretch is computed in one row, behind a warm-up of its own."""
    return max(warm_up_us(stream), LEAST_PART_US)


def recompute_in_parts(
    stretches: Sequence[Stretch],
    *,
    only: int,
    circumstances: Callable[[], Circumstances] = nothing_told,
) -> list[Computed]:
    """The same of some stretches, parts of their time side by side as rows of one array.

    A part begins a warm-up before its time, so each gives what one run would give; a step of many
    rows costs little more than one of a single row.

    Returns
    -------
    what came out of each stretch
    """
    length_us = part_us(only)
    frames: list[Table] = []
    starts: list[int] = []
    stops: list[int] = []
    stretch_of: list[int] = []
    device_of: list[int] = []
    samples: list[memoryview] = []
    shift = 0
    for number, stretch in enumerate(stretches):
        t0 = stretch.frames.table["t0"]
        warm_up = needed_us(stretch.frames.table, only)
        for start_us in range(stretch.start_us, stretch.end_us, length_us):
            stop_us = min(start_us + length_us, stretch.end_us)
            near = (t0 >= start_us - warm_up - LONGEST_FRAME_US) & (t0 < stop_us + AFTER_US)
            part = stretch.frames.table[near]  # a copy
            part["device"] = len(starts) + 1
            part["start"] += np.uint32(shift)
            frames.append(part)
            starts.append(start_us)
            stops.append(stop_us)
            stretch_of.append(number)
            device_of.append(int(stretch.frames.table["device"][0]))
        samples.append(stretch.frames.samples)
        shift += len(stretch.frames.samples)
    signals = LaneSignals(
        only=only, told_as=dict(enumerate(device_of, start=1)), circumstances=circumstances
    )
    side_by_side = _settled(
        signals, FrameBatch(np.concatenate(frames), memoryview(b"".join(samples)))
    )
    computed = [Computed() for _ in stretches]
    bounds = np.array(starts), np.array(stops), np.array(device_of), np.array(stretch_of)
    for table in side_by_side.vitals:
        for number, rows in _by_stretch(table, *bounds):
            computed[number].vitals.append(rows)
    for table in side_by_side.beats:
        for number, rows in _by_stretch(table, *bounds):
            computed[number].beats.append(rows)
    for event in side_by_side.events:
        assert event.device is not None
        number = event.device - 1
        if starts[number] <= event.t < stops[number]:
            told = msgspec.structs.replace(event, device=device_of[number])
            computed[stretch_of[number]].events.append(told)
    return computed


def _settled(signals: LaneSignals, frames: FrameBatch) -> Computed:
    order = np.lexsort((frames.table["part"], frames.table["n"], frames.table["t0"]))
    signals.take(FrameBatch(frames.table[order], frames.samples))
    signals.now = FOR_EVER_US  # every hole has been waited for
    return signals.compute()


def _by_stretch(
    table: Table, starts: Numbers, stops: Numbers, device_of: Numbers, stretch_of: Numbers
) -> Iterator[tuple[int, Table]]:
    """Rows that lie in the time of their part, as rows of their device; bounds are by part."""
    number = table["device"] - 1
    inside = table[(table["t"] >= starts[number]) & (table["t"] < stops[number])]  # a copy
    number = inside["device"] - 1
    inside["device"] = device_of[number]
    stretch = stretch_of[number]
    for one in np.unique(stretch).tolist():
        yield one, inside[stretch == one]


def revised(table: Table, *, start_us: int, end_us: int, revision: int) -> Table:
    """Rows (of `VITAL` or `BEAT`) with start_us <= t < end_us, in a revision."""
    inside = table[(table["t"] >= start_us) & (table["t"] < end_us)].copy()
    inside["revision"] = revision
    return inside


def withdrawn(stored: Table, found: Table, *, revision: int) -> Table:
    """Beats that were given out and are not found again, as what takes them back: quality 0."""
    keys = {(row["device"].item(), row["kind"].item(), row["t"].item()) for row in found}
    gone = [
        index
        for index, row in enumerate(stored)
        if (row["device"].item(), row["kind"].item(), row["t"].item()) not in keys
        and row["quality"] > 0
    ]
    table = stored[gone].copy()
    table["quality"], table["rr_ms"], table["revision"] = 0, np.nan, revision
    return table


def all_of(tables: Sequence[Table], *, beats: bool = False) -> Table:
    """One table of several."""
    return np.concatenate([np.empty(0, BEAT if beats else VITAL), *tables])
