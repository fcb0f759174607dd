"""Every n-th sample of a live trace, after a low-pass filter, cut anywhere into blocks.

The filter keeps what the lower rate can carry and takes away what would fold back into it. Its
delay is taken out of the times, so a peak stays where it was.
"""

import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

_TAPS_A_FACTOR = (
    8  # half-width of the filter in output samples: 4; stop band below -50 dB (Hamming)
)
_PASS_BAND = 0.8  # share of the new Nyquist rate that passes at -6 dB
_MAX_FACTOR = 1_000


def decimation_factor(hz: float, rate_hz: float) -> int:
    """The least whole factor that brings ``hz`` to at most ``rate_hz``."""
    factor = math.ceil(hz / rate_hz - 1e-9)
    return min(max(factor, 1), _MAX_FACTOR)


class Downsampler:
    """Gives every ``factor``-th sample of one stream of evenly spaced samples.

    The same samples give the same output however they are cut into blocks. After a hole the caller
    makes a new one. A missing sample (NaN) is bridged by the one before for the filter, and missing
    in the output where it would have stood.
    """

    def __init__(self, factor: int, channels: int) -> None:
        if not 1 <= factor <= _MAX_FACTOR:
            raise ValueError(f"the factor is 1 to {_MAX_FACTOR}, not {factor}")
        self._factor = factor
        self._taps = _low_pass(factor)
        self._half = len(self._taps) // 2
        self._last: Samples = np.zeros((1, channels))  # what bridges a missing sample
        self._bridged: Samples = np.empty((0, channels))
        self._missing: NDArray[np.bool_] = np.empty((0, channels), dtype=np.bool_)
        self._started = False
        self._next_centre = 0  # index into _bridged of the sample the next output stands for

    def feed(self, samples: Samples) -> tuple[Samples, int]:
        """The output that these samples complete, and where its first sample stood.

        Parameters
        ----------
        samples : (samples, channels), NaN where missing

        Returns
        -------
        (outputs, channels), and the place of the first output relative to ``samples[0]``, in
        samples; negative when it belongs to an earlier block
        """
        if not len(samples):
            return samples, 0
        missing = np.isnan(samples)
        bridged = _bridge(samples, missing, self._last)
        self._last = bridged[-1:]
        if not self._started:
            # The trace is thought to have stood at its first value before it began.
            self._bridged = np.repeat(bridged[:1], self._half, axis=0)
            self._missing = np.ones(self._bridged.shape, dtype=np.bool_)
            self._next_centre = self._half
            self._started = True
        n_before = len(self._bridged)
        joined = np.concatenate([self._bridged, bridged])
        joined_missing = np.concatenate([self._missing, missing])
        centres = np.arange(self._next_centre, len(joined) - self._half, self._factor)
        first_place = self._next_centre - n_before
        out = self._filter(joined, joined_missing, centres)
        self._next_centre += len(centres) * self._factor
        keep_from = min(max(self._next_centre - self._half, 0), len(joined))
        self._bridged, self._missing = joined[keep_from:], joined_missing[keep_from:]
        self._next_centre -= keep_from
        return out, first_place

    def _filter(
        self, joined: Samples, missing: NDArray[np.bool_], centres: NDArray[np.int64]
    ) -> Samples:
        if not len(centres):
            return np.empty((0, joined.shape[1]))
        windows = np.lib.stride_tricks.sliding_window_view(joined, len(self._taps), axis=0)
        out = np.asarray(windows[centres - self._half] @ self._taps, dtype=np.float64)
        out[missing[centres]] = np.nan
        return out


def _low_pass(factor: int) -> Samples:
    if factor == 1:
        return np.ones(1)
    half = _TAPS_A_FACTOR * factor // 2
    place = np.arange(-half, half + 1)
    taps = np.sinc(place * _PASS_BAND / factor) * np.hamming(2 * half + 1)
    return np.asarray(taps / taps.sum(), dtype=np.float64)


def _bridge(samples: Samples, missing: NDArray[np.bool_], last: Samples) -> Samples:
    if not missing.any():
        return samples
    behind_last = np.concatenate([last, samples])
    place = np.arange(1, len(samples) + 1)[:, np.newaxis] * ~missing
    np.maximum.accumulate(place, axis=0, out=place)
    return np.take_along_axis(behind_last, place, axis=0)
