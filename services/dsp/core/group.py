"""The devices of one chain of estimators and rate: states as rows of arrays, stepped together."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.circumstances import Circumstances, nothing_told
from services.dsp.core.conditioning.contact import without_flat_lines
from services.dsp.core.conditioning.means import at_rate
from services.dsp.core.emission import beat_rows, finding_event, vital_rows
from services.dsp.core.estimator import Chain, Estimator
from services.dsp.core.estimators import forgets_s
from services.dsp.core.gaps import SECOND_US, Second
from services.dsp.core.outputs import Output
from services.dsp.core.position.places import Devices
from services.dsp.core.windows import Rows, Samples, at_once, join, owned, put, take
from shared.contracts.events import Event
from shared.contracts.quality import FrameFlag
from shared.contracts.records import Table
from shared.contracts.streams import Stream

FIRST_ROWS = 16
MAY_BE_FLAT = frozenset({Stream.ACCELEROMETER, Stream.GYROSCOPE, Stream.FLOW})
"""A body at rest gives the same coarse count for seconds, and no breath is no flow."""
Beside = tuple[Second | None, ...]
GroupKey = tuple[int, tuple[str, ...]]


class Ready(Protocol):
    """What waits to be stepped in one row.

    Attributes
    ----------
    ready : settled seconds of the main stream
    beside : the same seconds of each companion, one entry for each of `ready`; empty without
    """

    row: int
    ready: deque[Second]
    beside: deque[Beside]


class Emitted(NamedTuple):
    """Tables of ``vitals.v1`` and ``beats.v1``, and what was found."""

    vitals: list[Table]
    beats: list[Table]
    events: list[Event]


_row = attrgetter("row")


@dataclass(slots=True, kw_only=True)
class Group:
    """Rows of one chain at one rate. A row joins with its device, pauses and starts again.

    Attributes
    ----------
    told_as : the device of which findings speak, see `LaneSignals`
    circumstances : gives what is known now
    clock : (rows,), the second that each row stepped last, 0 before the first
    begun : (rows,), its first second
    """

    chain: Chain
    rate_hz: int
    told_as: Mapping[int, int] | None = None
    circumstances: Callable[[], Circumstances] = nothing_told
    device: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    clock: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    begun: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    received: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    flags: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, dtype=np.uint32))
    _states: list[Any] = field(default_factory=list)
    _free: list[int] = field(default_factory=list)
    _n_channels: int = field(init=False)
    _forgets_s: int = field(init=False)

    def __post_init__(self) -> None:
        self._n_channels = max(estimator.n_channels for estimator in self.chain)
        self._forgets_s = forgets_s(self.chain)

    @staticmethod
    def key_of(chain: Chain, rate_hz: int) -> GroupKey:
        """Name of the group of a chain at a rate."""
        return rate_hz, tuple(estimator.key for estimator in chain)

    @property
    def key(self) -> GroupKey:
        """Name of the group."""
        return self.key_of(self.chain, self.rate_hz)

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
        empty = self._init(more)
        if self._states:
            empty = [join([mine, new]) for mine, new in zip(self._states, empty, strict=True)]
        self._states = empty
        for name in ("device", "clock", "begun", "received", "flags"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate((array, np.zeros(more, dtype=array.dtype))))

    def _init(self, rows: int) -> list[Any]:
        return [estimator.init(rows, self.rate_hz) for estimator in self.chain]

    def step(self, ready: Sequence[Ready]) -> Emitted:
        """Step each row by one second: the next that is ready, or a missing one in a hole."""
        ready = sorted(ready, key=_row)  # as they lie in the states
        rows = np.array([one.row for one in ready], dtype=np.intp)
        next_ones = [one.ready[0] for one in ready]
        number = np.array([second.second for second in next_ones], dtype=np.int64)
        clock = self.clock[rows]
        behind = number - clock - 1
        anew = (behind < 0) | (behind >= self._forgets_s)
        silent = ~anew & (behind > 0)
        self.clock[rows] = np.where(anew, number, clock + 1)
        if anew.any():
            begin = rows[anew]
            self.begun[begin] = number[anew]
            for state, empty in zip(self._states, self._init(len(begin)), strict=True):
                put(state, begin, empty)
        beside: list[Beside] = []
        n_beside = len(self.chain[0].companions)
        for one, is_silent in zip(ready, silent.tolist(), strict=True):
            if not is_silent:
                one.ready.popleft()
            if n_beside:
                beside.append((None,) * n_beside if is_silent else one.beside.popleft())
        n = self._n_channels
        samples = np.concatenate([second.values[:n] for second in next_ones])
        samples = samples.reshape(len(rows), n, self.rate_hz)
        samples[silent] = np.nan
        phase_us = np.array([second.phase_us for second in next_ones], dtype=np.int64)
        received = np.array([second.received for second in next_ones], dtype=np.int64)
        flags = np.array([second.flags for second in next_ones], dtype=np.uint32)
        phase_us[silent] = received[silent] = 0
        self.received[rows] = np.maximum(self.received[rows], received)
        self.flags[rows] = np.where(received > 0, flags, self.flags[rows])
        return self._emitted(rows, samples, self._beside(beside), phase_us, silent)

    def _beside(self, beside: list[Beside]) -> tuple[Samples, ...]:
        """One second of each companion: (rows, channels, rate), NaN where it is not there."""
        found = []
        for place, companion in enumerate(self.chain[0].companions):
            to_hz = companion.rate_hz or self.rate_hz
            samples = np.full((len(beside), companion.n_channels, to_hz), np.nan)
            by_form: dict[tuple[int, ...], list[int]] = {}
            for index, seconds in enumerate(beside):
                second = seconds[place]
                if second is not None and second.received:
                    by_form.setdefault(second.values.shape, []).append(index)
            for (channels, _), rows in by_form.items():
                n = min(channels, companion.n_channels)
                seen = [second.values[:n] for i in rows if (second := beside[i][place])]
                known = np.array(seen)
                if companion.stream not in MAY_BE_FLAT:
                    known, _ = without_flat_lines(known)
                samples[rows, :n] = at_rate(known, to_hz)
            found.append(samples)
        return tuple(found)

    def _emitted(
        self,
        rows: Rows,
        samples: Samples,
        beside: tuple[Samples, ...],
        phase_us: NDArray[np.int64],
        silent: NDArray[np.bool_],
    ) -> Emitted:
        flags = self.flags[rows]
        if self.rate_hz > 1 and self.chain[0].stream not in MAY_BE_FLAT:
            samples, flat = without_flat_lines(samples)
            flags = np.where(flat, flags | FrameFlag.LEAD_OFF, flags)
        times = self.clock[rows] * SECOND_US + phase_us
        emitted = Emitted([], [], [])
        given: dict[str, Output] = {}
        at, changed = at_once(rows), []
        for place, estimator in enumerate(self.chain):
            mine = (
                samples[:, 0] if estimator.n_channels == 1 else samples[:, : estimator.n_channels]
            )
            taken = (mine, *beside) if beside else mine
            earlier = () if estimator.after is None else (given[estimator.after],)
            told: tuple[Any, ...] = ()
            if estimator.circumstance is not None:
                told = (estimator.circumstance(self.circumstances()), self._devices(rows))
            chosen = {"flags": flags} if estimator.takes_flags else {}
            state = take(self._states[place], at)
            part, output = estimator.step(state, taken, times, *earlier, *told, **chosen)
            changed.append(owned(part) if isinstance(at, slice) else part)
            given[estimator.key] = given[estimator.instead_of] = output
            self._tell(emitted, estimator, output, rows, flags, ~silent)
        for state, part in zip(self._states, changed, strict=True):
            put(state, at, part)  # when all is told: outputs may be views of what was before
        return emitted

    def _devices(self, rows: Rows) -> Devices:
        """The devices of some rows, as the world numbers them."""
        devices = self.device[rows]
        if self.told_as is None:
            return devices
        return np.array([self.told_as[device] for device in devices.tolist()], dtype=np.int32)

    def _tell(
        self, emitted: Emitted, estimator: Estimator, output: Output, rows: Rows,
        flags: NDArray[np.uint32], told: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        t = (self.clock[rows] + 1 - estimator.delay_s) * SECOND_US
        for reading in output.readings:
            table = vital_rows(
                reading._replace(coverage=np.where(told, reading.coverage, 0.0)),
                device=self.device[rows],
                t=t,
                received=self.received[rows],
                frame_flags=flags.astype(np.uint32),
                age_s=self.clock[rows] - self.begun[rows] + 1,
            )
            if len(table):
                emitted.vitals.append(table)
        if output.beats is not None and len(output.beats.row):
            emitted.beats.append(beat_rows(output.beats, self.device[rows]))
        for finding in output.findings:
            device = int(self.device[rows[finding.row]])
            told_as = device if self.told_as is None else self.told_as[device]
            emitted.events.append(finding_event(finding, device, estimator.stream, told_as=told_as))
