"""When a batch of frames is full, and its bytes.

A batch costs a millisecond in client, broker and reader, hardly more for 400 frames than for 20
(docs/decisions/0010-larger-batches.md). So the window follows the rate, steeply at first: a quiet
lane sends at once, a loaded one waits up to 125 ms, or until some 450 frames are there.

Hot path (`make bench`): 1 us a frame one by one, 0.3 us as rows, hence plain lists.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shared.contracts.frames import FRAMES, RECORD
from shared.contracts.records import Table

MOST_FRAMES = 512
MOST_BYTES = 262_144
"""Of samples: 512 frames of a second of 250 samples. One larger message may exceed it."""
SHORTEST_WINDOW_S = 0.010
LONGEST_WINDOW_S = 0.125
WORTH_WAITING_RATE = 640.0
"""Frames a second from which a batch waits its longest: 80 of them share its cost then."""
ONE_READ_RATE = 200.0
"""Frames a second from which the socket is looked into once a window: there are always some."""
GOOD_FRAMES = 448
"""What a window should bring at most: frames do not come evenly, and one too many is a batch."""
_FORGET_S = 1.0
"""The rate is that of about the last second: longer than a burst of one device."""


class ClosedBatch(NamedTuple):
    """The bytes of a batch, and which messages are settled when it is confirmed."""

    body: bytes
    n_frames: int
    numbers: list[int]
    newest_received_us: int


class Batch:
    """Collects the frames of one lane; a message is never split over two batches."""

    __slots__ = ("_n_bytes", "_n_frames", "_numbers", "_received_us", "_records", "_samples")

    def __init__(self) -> None:
        self._records: list[bytes] = []
        self._samples: list[bytes] = []
        self._numbers: list[int] = []
        self._n_bytes = 0
        self._n_frames = 0
        self._received_us = 0

    def __len__(self) -> int:
        """Frames in it."""
        return self._n_frames

    def has_room_for(self, n_frames: int, n_bytes: int) -> bool:
        """Whether a message fits; an empty batch takes any, so that a large one travels alone."""
        return not self._n_frames or (
            self._n_frames + n_frames <= MOST_FRAMES and self._n_bytes + n_bytes <= MOST_BYTES
        )

    def add_frame(
        self,
        head: tuple[int, int, int, int, int, int, int, int, int, int, int, int, float, float],
        samples: bytes,
    ) -> None:
        """Add one frame.

        Parameters
        ----------
        head : the fields of a record before ``start`` and ``size``, in their order
        """
        size = len(samples)
        self._records.append(RECORD.pack(*head, self._n_bytes, size))
        self._samples.append(samples)
        self._n_bytes += size
        self._n_frames += 1
        self._received_us = head[7]

    def add_rows(self, records: Table, samples: Sequence[bytes], numbers: Sequence[int]) -> int:
        """Add messages of one frame each, as many as there is room for; gives how many.

        An empty batch takes at least one.

        Parameters
        ----------
        records : of `FRAME`; ``start`` and ``size`` are filled in here
        samples, numbers : of each record
        """
        sizes = np.fromiter(map(len, samples), np.int64, len(samples))
        ends = np.cumsum(sizes)
        fits = int(np.searchsorted(ends, MOST_BYTES - self._n_bytes, side="right"))
        fits = min(fits, MOST_FRAMES - self._n_frames)
        if not self._n_frames:
            fits = max(1, fits)
        if fits <= 0:
            return 0
        taken = records[:fits]
        taken["size"] = sizes[:fits]
        taken["start"] = self._n_bytes + ends[:fits] - sizes[:fits]
        self._records.append(taken.tobytes())
        self._samples += samples[:fits]
        self._numbers += numbers[:fits]
        self._n_frames += fits
        self._n_bytes += int(ends[fits - 1])
        self._received_us = int(taken["received"][-1])
        return fits

    def end_message(self, number: int) -> None:
        """Say that all frames of a message are in: it is settled with this batch."""
        self._numbers.append(number)

    def close(self) -> ClosedBatch:
        """Give the batch and begin the next one."""
        body = b"".join((FRAMES.head(self._n_frames), *self._records, *self._samples))
        closed = ClosedBatch(body, self._n_frames, self._numbers, self._received_us)
        self._records, self._samples, self._numbers = [], [], []
        self._n_bytes = self._n_frames = 0
        return closed


class BatchWindow:
    """How long a batch stays open, from the rate of its lane.

    It grows with the root of the rate from 10 to 125 ms, since what a batch costs weighs more the
    more of them there are, and shrinks again where a batch is full sooner. The root,
    because batches of two and three frames are what a ward costs: at 100/s there are half as many
    for 20 ms more.
    """

    __slots__ = ("_at_s", "_rate_hz")

    def __init__(self) -> None:
        self._rate_hz = 0.0
        self._at_s = 0.0

    def observe(self, n_frames: int, now_s: float) -> None:
        """Count the frames that came since the last time."""
        elapsed_s = max(now_s - self._at_s, 1e-6)
        self._at_s = now_s
        weight = min(1.0, elapsed_s / _FORGET_S)
        self._rate_hz += (n_frames / elapsed_s - self._rate_hz) * weight

    @property
    def rate_hz(self) -> float:
        """Frames a second, of about the last second."""
        return self._rate_hz

    @property
    def window_s(self) -> float:
        """Seconds from the first frame of a batch to its end."""
        share = math.sqrt(min(1.0, self._rate_hz / WORTH_WAITING_RATE))
        grown_s = SHORTEST_WINDOW_S + (LONGEST_WINDOW_S - SHORTEST_WINDOW_S) * share
        return max(SHORTEST_WINDOW_S, min(grown_s, GOOD_FRAMES / max(self._rate_hz, 1.0)))

    @property
    def is_read_once(self) -> bool:
        """Whether so much comes that one look into the socket a window is enough."""
        return self._rate_hz >= ONE_READ_RATE
