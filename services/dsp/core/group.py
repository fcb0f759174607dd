"""The devices of one estimator and rate: their states as rows of arrays, stepped together."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.contact import without_flat_lines
from services.dsp.core.emission import beat_rows, vital_rows
from services.dsp.core.estimators import Estimator
from services.dsp.core.gaps import SECOND_US, Second
from services.dsp.core.outputs import Output
from services.dsp.core.windows import MEMORY_S, Rows, Samples, join, put, take
from shared.contracts.quality import FrameFlag
from shared.contracts.records import Table

FIRST_ROWS = 16
Ready = tuple[int, deque[Second]]


class Emitted(NamedTuple):
    """Tables of ``vitals.v1`` and ``beats.v1``."""

    vitals: list[Table]
    beats: list[Table]


@dataclass(slots=True, kw_only=True)
class Group:
    """Rows of one estimator at one rate. A row joins with its device, pauses and starts again.

    Attributes
    ----------
    clock : (rows,), the second that each row stepped last, 0 before the first
    begun : (rows,), its first second
    """

    estimator: Estimator
    rate_hz: int
    device: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    clock: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    begun: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    received: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    flags: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, dtype=np.uint32))
    _state: Any = None
    _free: list[int] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, int]:
        """Name of the group."""
        return (self.estimator.key, self.rate_hz)

    def join(self, device: int) -> int:
        """A row for a device, as if nothing had ever been in it."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        self.device[row] = device
        self.clock[row] = self.begun[row] = self.received[row] = self.flags[row] = 0
        return row

    def leave(self, row: int) -> None:
        """Free the row of a device that is not followed here any more."""
        self._free.append(row)

    @property
    def is_empty(self) -> bool:
        """Whether no row belongs to a device."""
        return len(self._free) == len(self.device)

    def _grow(self) -> None:
        more = max(FIRST_ROWS, len(self.device))
        self._free = list(range(len(self.device) + more - 1, len(self.device) - 1, -1))
        empty = self.estimator.init(more, self.rate_hz)
        self._state = empty if self._state is None else join([self._state, empty])
        for name in ("device", "clock", "begun", "received", "flags"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate((array, np.zeros(more, dtype=array.dtype))))

    def step(self, ready: list[Ready]) -> Emitted:
        """Step each row by one second: the next that is ready, or a missing one in a hole."""
        rows = np.array([row for row, _ in ready], dtype=np.intp)
        next_ones = [seconds[0] for _, seconds in ready]
        number = np.array([second.second for second in next_ones], dtype=np.int64)
        clock = self.clock[rows]
        behind = number - clock - 1
        anew = (behind < 0) | (behind >= MEMORY_S)
        silent = ~anew & (behind > 0)
        self.clock[rows] = np.where(anew, number, clock + 1)
        if anew.any():
            begin = rows[anew]
            self.begun[begin] = number[anew]
            put(self._state, begin, self.estimator.init(len(begin), self.rate_hz))
        for (_, seconds), is_silent in zip(ready, silent.tolist(), strict=True):
            if not is_silent:
                seconds.popleft()
        samples = np.concatenate([second.values for second in next_ones])
        samples = samples.reshape(len(rows), self.estimator.n_channels, self.rate_hz)
        samples[silent] = np.nan
        phase_us = np.array([second.phase_us for second in next_ones], dtype=np.int64)
        received = np.array([second.received for second in next_ones], dtype=np.int64)
        flags = np.array([second.flags for second in next_ones], dtype=np.uint32)
        phase_us[silent] = received[silent] = 0
        self.received[rows] = np.maximum(self.received[rows], received)
        self.flags[rows] = np.where(received > 0, flags, self.flags[rows])
        return self._emitted(rows, samples, phase_us, silent)

    def _emitted(
        self,
        rows: Rows,
        samples: Samples,
        phase_us: NDArray[np.int64],
        silent: NDArray[np.bool_],
    ) -> Emitted:
        flags = self.flags[rows]
        if self.rate_hz > 1:
            samples, flat = without_flat_lines(samples)
            flags = np.where(flat, flags | FrameFlag.LEAD_OFF, flags)
        if self.estimator.n_channels == 1:
            samples = samples[:, 0]
        times = self.clock[rows] * SECOND_US + phase_us
        part, output = self.estimator.step(take(self._state, rows), samples, times)
        put(self._state, rows, part)
        return self._tables(output, rows, flags, ~silent)

    def _tables(
        self, output: Output, rows: Rows, flags: NDArray[np.uint32], told: NDArray[np.bool_]
    ) -> Emitted:
        t = (self.clock[rows] + 1 - self.estimator.delay_s) * SECOND_US
        vitals = [
            vital_rows(
                reading._replace(coverage=np.where(told, reading.coverage, 0.0)),
                device=self.device[rows],
                t=t,
                received=self.received[rows],
                frame_flags=flags.astype(np.uint32),
                age_s=self.clock[rows] - self.begun[rows] + 1,
            )
            for reading in output.readings
        ]
        beats = []
        if output.beats is not None and len(output.beats.row):
            beats = [beat_rows(output.beats, self.device[rows])]
        return Emitted([table for table in vitals if len(table)], beats)
