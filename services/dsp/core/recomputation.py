"""The same estimators over stored samples, for time that was computed before all had come."""

from collections.abc import Sequence

import numpy as np

from services.dsp.core.estimators import memory_of, warm_up_s
from services.dsp.core.gaps import HOLE_KEPT_S, SECOND_US
from services.dsp.core.lane import FOR_EVER_US, Computed, LaneSignals
from shared.contracts.beats import BEAT
from shared.contracts.frames import FrameBatch
from shared.contracts.records import Table
from shared.contracts.vitals import VITAL

BEFORE_US = 2 * SECOND_US  # beats so long before a sample have looked ahead at it
AFTER_US = (HOLE_KEPT_S + 2) * SECOND_US  # samples behind the last second: they settle it
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
    signals = LaneSignals(only=only)
    order = np.lexsort((frames.table["part"], frames.table["n"], frames.table["t0"]))
    signals.take(FrameBatch(frames.table[order], frames.samples))
    signals.now = FOR_EVER_US  # every hole has been waited for
    return signals.compute()


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
