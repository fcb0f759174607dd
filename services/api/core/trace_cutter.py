"""Which samples of a run are new, and where a segment begins. Pure.

Runs come in the order of time. What was there already is left out, a hole or another rate begins a
segment. Where the times of the frames and the number of samples drift apart, a new segment begins,
so that no sample is far from its time.
"""

from dataclasses import dataclass

import numpy as np

_SLACK = 0.5  # of a sample interval, by which frames of one trace may be off
_DRIFT_SAMPLES = 1.5  # of a sample from its time, or half a bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Samples ``[first, last)`` of a run are new and begin at ``start_us``."""

    first: int
    last: int
    start_us: float
    begins: bool
    """Whether they begin a segment"""
    n_missing: int
    """Samples that are missing before them, where a hole is bridged"""


class TraceCutter:
    """Remembers how far a trace has come.

    Parameters
    ----------
    start_us, end_us : samples outside are cut off
    bridged : a hole of fewer samples does not begin a segment
    """

    def __init__(self, *, start_us: int, end_us: int, bridged: int = 0) -> None:
        self._start_us = start_us
        self._end_us = end_us
        self._bridged = bridged
        self._kind = (0, 0)
        self._segment_us = 0.0
        self._n_taken = 0
        self._next_us = 0.0

    def cut(
        self, t0_us: int, interval_ns: int, shape: tuple[int, int], *, end_us: float | None = None
    ) -> Cut | None:
        """What is new of the next run; None when nothing is.

        Parameters
        ----------
        shape : channels and samples of the run
        end_us : where it ends when that is not the sum of its intervals
        """
        channels, n_samples = shape
        interval_us = interval_ns / 1_000
        first = max(0, int(np.ceil((self._start_us - t0_us) / interval_us)))
        last = min(n_samples, int(np.ceil((self._end_us - t0_us) / interval_us)))
        begins, n_missing = self._kind != (interval_ns, channels), 0
        if not begins:
            behind = (t0_us + first * interval_us - self._next_us) / interval_us
            if behind < -_SLACK:
                first += int(np.ceil(-behind - _SLACK))  # a repeat
            elif 1 + _SLACK < behind < self._bridged:
                n_missing = round(behind)
            else:
                begins = behind > 1 + _SLACK
        if first >= last:
            return None
        start_us = t0_us + first * interval_us
        if not begins:
            place_us = self._segment_us + (self._n_taken + n_missing) * interval_us
            drift = abs(start_us - place_us) / interval_us
            begins = drift > max(_DRIFT_SAMPLES, self._bridged / 2)
        if begins:
            self._kind = (interval_ns, channels)
            self._segment_us, self._n_taken, n_missing = start_us, 0, 0
        self._n_taken += n_missing + last - first
        self._next_us = t0_us + last * interval_us
        if end_us is not None and last == n_samples:
            self._next_us = end_us
        return Cut(first=first, last=last, start_us=start_us, begins=begins, n_missing=n_missing)
