"""One device for a scorer: its samples cut into whole seconds, as the service does it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Floats, Samples
from shared.contracts.measures import Measure

START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
Result = dict[str, Any]
Step = Callable[[Any, Samples, Any], tuple[Any, Output]]
Told = Callable[[Output, float], Iterator[Result]]


class Seconds:
    """Samples of one device, cut into whole seconds, as the service does it."""

    def __init__(
        self, fs: float, take: Callable[[Floats, int], list[Result]], *, more_s: int = 1
    ) -> None:
        if fs != int(fs):
            raise ValueError(f"rates are whole numbers here, not {fs} Hz")
        self._rate_hz = int(fs)
        self._step = take
        self._more_s = more_s
        self._rest = np.empty((0, 0))
        self._second = 0

    def push(self, samples: Floats) -> list[Result]:
        """Take samples (n, channels); give what became known."""
        self._rest = np.concatenate((self._rest, samples)) if self._rest.size else samples
        results: list[Result] = []
        while len(self._rest) >= self._rate_hz:
            second, self._rest = self._rest[: self._rate_hz], self._rest[self._rate_hz :]
            results += self._take(second)
        return results

    def finish(self) -> list[Result]:
        """The unfinished second filled up as missing, and more that bring out what waits."""
        results: list[Result] = []
        for rest in (self._rest, *[self._rest[:0]] * self._more_s):
            second = np.full((self._rate_hz, self._rest.shape[1]), np.nan)
            second[: len(rest)] = rest
            results += self._take(second)
        self._rest = self._rest[:0]
        return results

    def _take(self, second: Floats) -> list[Result]:
        self._second += 1
        return self._step(np.ascontiguousarray(second.T), self._second)


def stream(fs: float, state: Any, step: Step, told: Told, *, more_s: int = 1) -> Seconds:
    """A device whose seconds go through a step; `told` makes results of what comes out."""

    def take(second: Floats, end_s: int) -> list[Result]:
        nonlocal state
        one = second if len(second) == 1 else second[None]
        times = np.array([START_US + (end_s - 1) * SECOND_US])
        state, out = step(state, one, times)
        return list(told(out, float(end_s)))

    return Seconds(fs, take, more_s=more_s)


def reading_of(measure: Measure, delay_s: float, least: float = 0.0) -> Told:
    """Tells one measure, at the end of the stretch that it speaks of."""

    def told(out: Output, end_s: float) -> Iterator[Result]:
        for reading in out.readings:
            if reading.measure == measure:
                yield {"t": end_s - delay_s, **shown(reading, least)}

    return told


def shown(reading: Reading, least: float = 0.0) -> Result:
    """Value and quality of the first device; None below the least quality."""
    value, quality = float(reading.value[0]), float(reading.quality[0])
    told = np.isfinite(value) and quality >= least
    return {"value": value if told else None, "quality": quality}


def only(channels: list[str], *wanted: str) -> None:
    """Refuse other channels.

    Raises
    ------
    ValueError : the channels are not these
    """
    if tuple(channels) != wanted:
        raise ValueError(f"no estimator for {channels}")
