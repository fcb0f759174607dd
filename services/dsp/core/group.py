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
        channels = self.estimator.n_channels
        samples = np.full((len(ready), channels, self.rate_hz), np.nan)
        phase_us = np.zeros(len(ready), dtype=np.int64)
        silent = np.zeros(len(ready), dtype=np.bool_)
        anew: list[int] = []
        for at, (row, seconds) in enumerate(ready):
            second = seconds[0]
            behind = second.second - int(self.clock[row]) - 1
            if behind < 0 or behind >= MEMORY_S:
                anew.append(row)
                self.clock[row] = second.second
                self.begun[row] = second.second
            else:
                self.clock[row] += 1
                if behind:
                    silent[at] = True
                    continue
            seconds.popleft()
            samples[at] = second.values
            phase_us[at] = second.phase_us
            self.received[row] = max(int(self.received[row]), second.received)
            if second.received:
                self.flags[row] = second.flags
        if anew:
            put(self._state, np.array(anew), self.estimator.init(len(anew), self.rate_hz))
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
