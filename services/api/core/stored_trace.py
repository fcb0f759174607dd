"""Stored frames as segments of a trace, thinned so that every extreme stays. Pure.

Frames come in the order of time; a hole or another rate ends a segment, a repeat is left out. A
large bucket is thinned in two steps (the extremes of extremes are the extremes), so that memory is
bounded by some thousand points and a day of samples passes through in pieces.
"""

from dataclasses import dataclass

import numpy as np

from services.api.core.decimation import Samples, decimate

_FLUSH_SAMPLES = 65_536
_FIRST_STEP_MOST = 4_096  # samples that the first step of thinning looks at together
_SLACK = 0.5  # of a sample interval, by which frames of one trace may be off


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
        self._n_waiting = 0
        self._start_us = start_us
        self._end_us = end_us
        self._segments: list[Segment] = []
        self._pieces: list[Samples] = []
        self._points: list[Samples] = []
        self._segment_start_us = 0
        self._next_us = 0.0
        self._interval_ns = 0
        self._channels = 0

    def add(self, t0_us: int, interval_ns: int, samples: Samples) -> None:
        """Take the next frame: (channels, samples)."""
        interval_us = interval_ns / 1_000
        first = max(0, int(np.ceil((self._start_us - t0_us) / interval_us)))
        last = min(samples.shape[1], int(np.ceil((self._end_us - t0_us) / interval_us)))
        if self._pieces or self._points:
            behind_us = t0_us + first * interval_us - self._next_us
            same = interval_ns == self._interval_ns and samples.shape[0] == self._channels
            if same and behind_us < -_SLACK * interval_us:
                first += int(np.ceil(-behind_us / interval_us - _SLACK))  # a repeat
            elif not same or behind_us > (1 + _SLACK) * interval_us:
                self._end_segment()
        if first >= last:
            return
        if not self._pieces and not self._points:
            self._segment_start_us = round(t0_us + first * interval_us)
            self._interval_ns = interval_ns
            self._channels = samples.shape[0]
        self._pieces.append(samples[:, first:last])
        self._n_waiting += last - first
        self._next_us = t0_us + last * interval_us
        if self._n_waiting >= _FLUSH_SAMPLES:
            self._thin(keep_rest=True)

    def finish(self) -> list[Segment]:
        """All segments, in the order of time."""
        self._end_segment()
        return self._segments

    def _end_segment(self) -> None:
        if not self._pieces and not self._points:
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
