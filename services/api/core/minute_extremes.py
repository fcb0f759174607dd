"""The least and the greatest sample of each minute, for a trace that is seen from far. Pure.

A stored block tells its extremes without being unpacked. Where a pair of points stands for a
minute and a half or more, whole minutes are as good as samples and a thousand times as quick.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.api.core.decimation import Samples
from services.api.core.stored_trace import Segment, TraceBuilder
from shared.contracts.instants import MINUTE, SECOND, Interval

HALF_MINUTE_NS = 30 * SECOND * 1_000
_LEAST_BUCKET_US = 1.5 * MINUTE  # rounded up to whole minutes


def is_far(bucket_us: float) -> bool:
    """Whether a bucket is long enough to be made of minutes."""
    return bucket_us >= _LEAST_BUCKET_US


class MinuteExtremes:
    """Collects the extremes of an interval in any order.

    Parameters
    ----------
    interval : what is outside is left out
    channels : of each sample
    """

    def __init__(self, interval: Interval, channels: int) -> None:
        self._interval = interval
        self._first = interval.start // MINUTE
        n_minutes = -(-interval.end // MINUTE) - self._first
        self._low: Samples = np.full((channels, n_minutes), np.nan)
        self._high: Samples = np.full((channels, n_minutes), np.nan)

    def add_minute(
        self, t0_us: int, low: Sequence[float | None], high: Sequence[float | None]
    ) -> None:
        """Take the extremes of one minute, a number a channel, None without a sample."""
        index = t0_us // MINUTE - self._first
        if 0 <= index < self._low.shape[1] and len(low) == len(high) == len(self._low):
            self._put(
                np.array([index]),
                np.array([low], dtype=np.float64).T,
                np.array([high], dtype=np.float64).T,
            )

    def add(self, t0_us: int, interval_ns: int, samples: Samples) -> None:
        """Take samples, (channels, samples)."""
        times_us = t0_us + np.arange(samples.shape[1]) * (interval_ns / 1_000)
        inside = (times_us >= self._interval.start) & (times_us < self._interval.end)
        samples, times_us = samples[:, inside], times_us[inside]
        if not len(times_us):
            return
        minutes = (times_us // MINUTE).astype(np.int64) - self._first
        edges = np.flatnonzero(np.diff(minutes, prepend=-1))
        self._put(
            minutes[edges],
            np.fmin.reduceat(samples, edges, axis=1),
            np.fmax.reduceat(samples, edges, axis=1),
        )

    def finish(self, bucket_us: float) -> list[Segment]:
        """Segments with a least and a greatest point for each bucket of whole minutes."""
        bucket = 2 * -(-int(bucket_us) // MINUTE)
        start_us = self._first * MINUTE
        end_us = start_us + self._low.shape[1] * MINUTE
        builder = TraceBuilder(bucket=bucket, start_us=start_us, end_us=end_us)
        filled = ~np.isnan(self._low).all(axis=0)
        edges = np.flatnonzero(np.diff(filled.astype(np.int8), prepend=0, append=0))
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            pairs = np.stack([self._low[:, first:last], self._high[:, first:last]], axis=2)
            builder.add(
                start_us + first * MINUTE, HALF_MINUTE_NS, pairs.reshape(len(self._low), -1)
            )
        return builder.finish()

    def _put(self, minutes: NDArray[np.int64], low: Samples, high: Samples) -> None:
        self._low[:, minutes] = np.fmin(self._low[:, minutes], low)
        self._high[:, minutes] = np.fmax(self._high[:, minutes], high)
