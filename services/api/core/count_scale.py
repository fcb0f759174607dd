"""Samples as 16-bit counts for files that hold nothing else, exact where that can be. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.api.core.decimation import Samples
from services.api.core.sample_runs import Run
from shared.contracts.frames import SampleFormat

MISSING_COUNT = -32_768
_GREATEST = 32_767
_SPAN = 2 * _GREATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class CountScale:
    """Value = count * scale + offset; counts from -32,767 to 32,767, -32,768 where missing."""

    scale: float
    offset: float
    is_exact: bool
    """Whether every count is the device's own, shifted at most; else it is rounded"""

    def counts(self, values: Samples) -> NDArray[np.int16]:
        """Counts of values in the unit of the stream, NaN where missing."""
        counts = np.clip(np.rint((values - self.offset) / self.scale), -_GREATEST, _GREATEST)
        counts[np.isnan(counts)] = MISSING_COUNT
        return counts.astype(np.int16)


class ScaleFinder:
    """Looks at all samples once and says how each channel fits into 16 bits."""

    def __init__(self, channels: int) -> None:
        self._low: Samples = np.full(channels, np.inf)
        self._high: Samples = np.full(channels, -np.inf)
        self._kinds: set[tuple[SampleFormat, float, float]] = set()

    def add(self, run: Run, values: Samples) -> None:
        """Take the samples of a run, (channels, samples)."""
        self._kinds.add((run.format, run.scale, run.offset))
        self._low = np.fmin(self._low, np.fmin.reduce(values, axis=1))
        self._high = np.fmax(self._high, np.fmax.reduce(values, axis=1))

    def scales(self) -> tuple[CountScale, ...]:
        """The scale of each channel."""
        return tuple(
            self._scale(low, high)
            for low, high in zip(self._low.tolist(), self._high.tolist(), strict=True)
        )

    def _scale(self, low: float, high: float) -> CountScale:
        if low > high:
            return CountScale(scale=1.0, offset=0.0, is_exact=True)
        if len(self._kinds) == 1:
            ((form, scale, offset),) = self._kinds
            least, greatest = sorted(((low - offset) / scale, (high - offset) / scale))
            if form is SampleFormat.INT16 and least >= -_GREATEST:
                return CountScale(scale=scale, offset=offset, is_exact=True)
            if form is not SampleFormat.FLOAT32 and greatest - least <= _SPAN:
                middle = np.rint((least + greatest) / 2)
                return CountScale(scale=scale, offset=float(offset + middle * scale), is_exact=True)
        scale = (high - low) / (_SPAN - 2) or 1.0
        middle = np.rint((high + low) / 2 / scale)  # a whole count, as WFDB wants it
        return CountScale(scale=scale, offset=float(middle * scale), is_exact=False)
