"""The same estimators over stored samples, for time that was computed before all had come."""

from collections.abc import Sequence

import msgspec
import numpy as np

from services.dsp.core.estimators import memory_of, warm_up_s
from services.dsp.core.gaps import HOLE_KEPT_S, SECOND_US
from services.dsp.core.lane import FOR_EVER_US, Computed, LaneSignals
from shared.contracts.beats import BEAT
from shared.contracts.frames import FrameBatch
from shared.contracts.records import Table
from shared.contracts.sample_block import LONGEST_FRAME_US
from shared.contracts.vitals import VITAL

BEFORE_US = 2 * SECOND_US  # beats so long before a sample have looked ahead at it
AFTER_US = (HOLE_KEPT_S + 2) * SECOND_US  # samples behind the last second: they settle it
LEAST_PART_US = 60 * SECOND_US  # computed side by side: a step costs more than a row of it
PIECE_US = 600 * SECOND_US  # computed at once: bounds the samples in memory


def warm_up_us(stream: int) -> int:
    """A run that begins so long before gives the same values of a stream."""
    return warm_up_s(stream) * SECOND_US


def touched_us(stream: int) -> int:
    """So long after a sample of a stream values still rest on it."""
    return (memory_of(stream) + 1) * SECOND_US


def recompute(frames: FrameBatch, *, only: int | None = None) -> Computed:
    """All that comes out of frames of one device when nothing more is waited for.

    Parameters
    ----------
    only : the stream whose values are wanted, others are its companions; None: of all streams
    """
    return _settled(LaneSignals(only=only), frames)


def recompute_in_parts(frames: FrameBatch, *, only: int, start_us: int, end_us: int) -> Computed:
    """The same of [start, end), parts of the time side by side as rows of one array.

    A part begins a warm-up before its time, so each gives what one run would give; a step of many
    rows costs little more than one of a single row.

    Parameters
    ----------
    frames : of one device, from a warm-up before `start_us` on
    """
    warm_up = warm_up_us(only)
    part_us = max(warm_up, LEAST_PART_US)
    starts = range(start_us, end_us, part_us)
    if len(starts) < 2:
        return _within(recompute(frames, only=only), start_us, end_us)
    device = int(frames.table["device"][0])
    t0 = frames.table["t0"]
    parts = []
    for number, start in enumerate(starts):
        stop = min(start + part_us, end_us)
        near = (t0 >= start - warm_up - LONGEST_FRAME_US) & (t0 < stop + AFTER_US)
        part = frames.table[near]  # a copy
        part["device"] = number + 1
        parts.append(part)
    signals = LaneSignals(only=only, told_as=device)
    side_by_side = _settled(signals, FrameBatch(np.concatenate(parts), frames.samples))
    computed = Computed()
    for table in side_by_side.vitals:
        computed.vitals.append(_of_device(table, starts, end_us, device))
    for table in side_by_side.beats:
        computed.beats.append(_of_device(table, starts, end_us, device))
    for event in side_by_side.events:
        assert event.device is not None
        start = starts[event.device - 1]
        if start <= event.t < min(start + part_us, end_us):
            computed.events.append(msgspec.structs.replace(event, device=device))
    return computed


def _settled(signals: LaneSignals, frames: FrameBatch) -> Computed:
    order = np.lexsort((frames.table["part"], frames.table["n"], frames.table["t0"]))
    signals.take(FrameBatch(frames.table[order], frames.samples))
    signals.now = FOR_EVER_US  # every hole has been waited for
    return signals.compute()


def _of_device(table: Table, starts: range, end_us: int, device: int) -> Table:
    """Rows that lie in the time of their part, as rows of the device."""
    start = np.array(starts)[table["device"] - 1]
    inside = (table["t"] >= start) & (table["t"] < np.minimum(start + starts.step, end_us))
    mine: Table = table[inside]
    mine["device"] = device
    return mine


def _within(computed: Computed, start_us: int, end_us: int) -> Computed:
    def inside(table: Table) -> Table:
        mine: Table = table[(table["t"] >= start_us) & (table["t"] < end_us)]
        return mine

    return Computed(
        vitals=[inside(table) for table in computed.vitals],
        beats=[inside(table) for table in computed.beats],
        events=[event for event in computed.events if start_us <= event.t < end_us],
    )


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
