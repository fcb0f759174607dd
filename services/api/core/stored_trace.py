"""Stored frames as segments of a trace, thinned so that every extreme stays. Pure.

A hole shorter than the bucket that a pair of points stands for cannot be seen: it is bridged by
missing samples, so that there are never more segments than points. A large bucket is thinned in
two steps (the extremes of extremes are the extremes), so that memory is bounded by some thousand
points and a day of samples passes through in pieces.
"""

from dataclasses import dataclass

import numpy as np

from services.api.core.decimation import Samples, decimate
from services.api.core.trace_cutter import TraceCutter

_FLUSH_SAMPLES = 65_536
_FIRST_STEP_MOST = 4_096  # samples that the first step of thinning looks at together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """Samples without a hole in time; ``values`` (channels, points), NaN where missing."""

    start_us: int
    hz: float
    values: Samples


class TraceBuilder:
    """Joins frames of one stream into segments.

    Parameters
    ----------
    bucket : samples that a pair of points stands for, from ``bucket_size``
    start_us, end_us : samples outside are cut off
    """

    def __init__(self, *, bucket: int, start_us: int, end_us: int) -> None:
        self._second_step = -(-bucket // _FIRST_STEP_MOST)
        self._first_step = -(-bucket // self._second_step)
        self._cutter = TraceCutter(
            start_us=start_us, end_us=end_us, bridged=bucket if bucket > 2 else 0
        )
        self._n_waiting = 0
        self._segments: list[Segment] = []
        self._pieces: list[Samples] = []
        self._points: list[Samples] = []
        self._segment_start_us = 0
        self._interval_ns = 0

    def add(
        self, t0_us: int, interval_ns: int, samples: Samples, *, end_us: float | None = None
    ) -> None:
        """Take the next frame or run of frames.

        Parameters
        ----------
        samples : (channels, samples), NaN where missing
        end_us : where they end when that is not the sum of their intervals
        """
        channels, n_samples = samples.shape
        cut = self._cutter.cut(t0_us, interval_ns, (channels, n_samples), end_us=end_us)
        if cut is None:
            return
        if cut.begins:
            self._end_segment()
            self._segment_start_us = round(cut.start_us)
            self._interval_ns = interval_ns
        if cut.n_missing:
            self._take(np.full((channels, cut.n_missing), np.nan))
        self._take(samples[:, cut.first : cut.last])
        if self._n_waiting >= _FLUSH_SAMPLES:
            self._thin(keep_rest=True)

    def finish(self) -> list[Segment]:
        """All segments, in the order of time."""
        self._end_segment()
        return self._segments

    @property
    def _is_open(self) -> bool:
        return bool(self._pieces or self._points)

    def _take(self, samples: Samples) -> None:
        self._pieces.append(samples)
        self._n_waiting += samples.shape[1]

    def _end_segment(self) -> None:
        if not self._is_open:
            return
        self._thin(keep_rest=False)
        points = np.concatenate(self._points, axis=1)
        if self._second_step > 1:
            points = decimate(points, 1.0, 2 * self._second_step).values
        bucket = self._first_step * self._second_step
        factor = bucket / 2 if bucket > 2 else 1.0
        self._segments.append(
            Segment(
                start_us=self._segment_start_us,
                hz=1e9 / self._interval_ns / factor,
                values=points,
            )
        )
        self._pieces, self._points = [], []

    def _thin(self, *, keep_rest: bool) -> None:
        """Turn whole buckets of what waits into points."""
        if not self._pieces:
            return
        waiting = np.concatenate(self._pieces, axis=1)
        n_samples = waiting.shape[1]
        n_whole = n_samples - n_samples % self._first_step if keep_rest else n_samples
        self._points.append(decimate(waiting[:, :n_whole], 1.0, self._first_step).values)
        rest = waiting[:, n_whole:]
        self._pieces = [rest] if rest.shape[1] else []
        self._n_waiting = rest.shape[1]
