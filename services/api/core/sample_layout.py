"""Where the samples of a file stand in time, found in a first pass and kept to in a second. Pure.

A file tells at its beginning how long it is, before its samples are read; so samples are passed
twice. What came or went in between is left out or missing: the file stays whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.api.core.decimation import Samples

_PIECE = 65_536  # samples given at once, so that a long gap costs no memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Samples without a hole in time."""

    start_us: float
    n_samples: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Filling:
    """The next samples of a stretch, (channels, samples), NaN where missing."""

    begins: bool
    """Whether the stretch begins with them"""
    start_us: float
    values: Samples


class LayoutFinder:
    """Collects the stretches of a trace in the order of time."""

    def __init__(self) -> None:
        self._stretches: list[Stretch] = []

    def add(self, start_us: float, n_samples: int, *, begins: bool) -> None:
        """Take samples that begin a stretch or go on with the last one."""
        if begins or not self._stretches:
            self._stretches.append(Stretch(start_us=start_us, n_samples=n_samples))
            return
        last = self._stretches[-1]
        self._stretches[-1] = Stretch(start_us=last.start_us, n_samples=last.n_samples + n_samples)

    def stretches(self) -> tuple[Stretch, ...]:
        """All stretches."""
        return tuple(self._stretches)

    def one_stretch(self, interval_us: float) -> tuple[Stretch, ...]:
        """One stretch from the first sample to the last, holes included."""
        if not self._stretches:
            return ()
        first, last = self._stretches[0], self._stretches[-1]
        n_before = round((last.start_us - first.start_us) / interval_us)
        return (Stretch(start_us=first.start_us, n_samples=n_before + last.n_samples),)


class Filler:
    """Puts samples at their places in a layout and fills what is missing."""

    def __init__(self, stretches: tuple[Stretch, ...], interval_us: float, channels: int) -> None:
        self._stretches = stretches
        self._interval_us = interval_us
        self._channels = channels
        self._stretch = 0
        self._place = 0

    def add(self, start_us: float, values: Samples) -> Iterator[Filling]:
        """What the file gets up to the end of these samples."""
        taken = 0
        while self._stretch < len(self._stretches) and taken < values.shape[1]:
            stretch = self._stretches[self._stretch]
            now_us = start_us + taken * self._interval_us
            place = round((now_us - stretch.start_us) / self._interval_us)
            if place >= stretch.n_samples:
                yield from self._missing(stretch.n_samples)
                self._stretch, self._place = self._stretch + 1, 0
                continue
            if place < self._place:  # nobody planned it
                taken += min(self._place - place, values.shape[1] - taken)
                continue
            yield from self._missing(place)
            part = values[:, taken : taken + stretch.n_samples - place]
            yield self._given(part)
            taken += part.shape[1]

    def finish(self) -> Iterator[Filling]:
        """What the file gets after the last sample."""
        while self._stretch < len(self._stretches):
            yield from self._missing(self._stretches[self._stretch].n_samples)
            self._stretch, self._place = self._stretch + 1, 0

    def _missing(self, until: int) -> Iterator[Filling]:
        while self._place < until:
            n_samples = min(_PIECE, until - self._place)
            yield self._given(np.full((self._channels, n_samples), np.nan))

    def _given(self, values: Samples) -> Filling:
        start_us = self._stretches[self._stretch].start_us + self._place * self._interval_us
        filling = Filling(begins=self._place == 0, start_us=start_us, values=values)
        self._place += values.shape[1]
        return filling
