"""Which partitions must exist before rows are written, and which times are let in."""

from collections.abc import Iterable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from shared.contracts.instants import DAY, HOUR


class Partitioned(StrEnum):
    """Tables of schema ``signal`` that are cut by time."""

    FRAME = "frame"
    VITAL = "vital"
    BEAT = "beat"
    BLOCK = "block"
    VITAL_MINUTE = "vital_minute"
    VITAL_HOUR = "vital_hour"


WIDTH_US: dict[Partitioned, int] = {
    Partitioned.FRAME: HOUR,
    Partitioned.VITAL: DAY,
    Partitioned.BEAT: DAY,
    Partitioned.BLOCK: DAY,
    Partitioned.VITAL_MINUTE: 7 * DAY,
    Partitioned.VITAL_HOUR: 91 * DAY,
}


def partition_starts(table: Partitioned, times_us: NDArray[np.int64]) -> list[int]:
    """Starts (us UTC) of the partitions that hold these times, ascending."""
    width = WIDTH_US[table]
    starts: list[int] = (np.unique(times_us // width) * width).tolist()
    return starts


def partitions_ahead(table: Partitioned, now_us: int) -> list[int]:
    """Starts of the partitions that live data needs now and next."""
    width = WIDTH_US[table]
    current = now_us // width * width
    return [current, current + width]


def compactable(starts_us: Iterable[int], *, now_us: int, hot_us: int) -> list[int]:
    """Hours of frames, oldest first, that ended at least `hot_us` ago."""
    return sorted(start for start in starts_us if start + HOUR + hot_us <= now_us)


def outlived(
    table: Partitioned, starts_us: Iterable[int], *, now_us: int, keep_us: int
) -> list[int]:
    """Partitions, oldest first, all of whose rows are older than what is kept."""
    return sorted(start for start in starts_us if start + WIDTH_US[table] + keep_us <= now_us)


def admitted(
    times_us: NDArray[np.int64], *, now_us: int, back_us: int, ahead_us: int
) -> NDArray[np.bool_]:
    """Which times are let in: not older than `back_us`, not further ahead than `ahead_us`.

    Without this bound one absurd clock would make a partition for each hour of history.
    """
    mask: NDArray[np.bool_] = (times_us >= now_us - back_us) & (times_us <= now_us + ahead_us)
    return mask
