"""The ECG seen through five wavelets, on a common grid, whatever rate the device has.

Hot path: one matrix product a second for all devices.

References
----------
Elgendi et al. 2010 (QRS energy lies at 8-20 Hz); Gabor 1946 for the wavelets. The envelope of a
complex wavelet is one smooth bump a QRS complex, whatever its polarity and its notches.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered, toeplitz
from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.windows import Floats, Samples, present, shifted

TRACE_HZ = 128  # of the cleaned trace: 1 ms with a parabola
ENVELOPE_HZ = 64  # the envelopes are smooth: their wavelets last 25 ms and more
CENTRES_HZ = (4.0, 7.0, 11.0, 17.0, 30.0)
SIGMAS_S = (0.070, 0.050, 0.034, 0.025, 0.025)
QRS_BANDS = slice(1, 4)  # 7, 11, 17 Hz
WAVELET_HALF_S = 0.3
BASELINE_S = 0.8  # Hann mean that is taken off: leaves P, QRS and T, takes breath and drift

RESAMPLING_DELAY = 8  # of TRACE_HZ: 62.5 ms
WAVELET_HALF = 38  # of TRACE_HZ: 0.3 s, an even number
BASELINE_HALF = 52  # of TRACE_HZ: 0.4 s, rounded up to an even number
ENVELOPE_DELAY = (RESAMPLING_DELAY + WAVELET_HALF) // 2  # of ENVELOPE_HZ: 0.36 s
TRACE_DELAY = RESAMPLING_DELAY + BASELINE_HALF  # of TRACE_HZ: 0.47 s
_WINDOW = TRACE_HZ + 2 * BASELINE_HALF


class Bands(NamedTuple):
    """One second of what the wavelets see; the two parts begin at times of their own.

    Attributes
    ----------
    envelopes : (devices, 5, ENVELOPE_HZ), begins ENVELOPE_DELAY samples before the second
    trace : (devices, TRACE_HZ), without baseline, begins TRACE_DELAY samples before the second
    """

    envelopes: Samples
    trace: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class BandsState:
    """Samples that the next second still needs."""

    resampler: ResamplerState
    tail: Samples  # (devices, 2 * BASELINE_HALF) of TRACE_HZ


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = 0.45 * min(rate_hz, TRACE_HZ)
    return Resampler(rate_hz=rate_hz, to_hz=TRACE_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)


def init(devices: int, rate_hz: int) -> BandsState:
    """Nothing seen yet."""
    tail = np.full((devices, 2 * BASELINE_HALF), np.nan, dtype=np.float32)
    return BandsState(resampler=_resampler(rate_hz).init(devices), tail=tail)


def step(state: BandsState, samples: Samples) -> tuple[BandsState, Bands]:
    """Take one second of samples (devices, rate_hz) in any linear unit."""
    resampler, fresh = _resampler(samples.shape[1]).step(state.resampler, samples)
    window = np.concatenate((state.tail, fresh), axis=1)
    window -= present(window[:, -1:])
    waves = filtered(window, _wavelets())
    parts = waves.astype(np.float32).reshape(len(window), 2, len(CENTRES_HZ), ENVELOPE_HZ)
    envelopes = np.sqrt(parts[:, 0] ** 2 + parts[:, 1] ** 2)
    trace = filtered(window, _baseline_off()).astype(np.float32)
    return BandsState(resampler=resampler, tail=shifted(state.tail, fresh)), Bands(envelopes, trace)


@cache
def _wavelets() -> FilterBank:
    """(window, 2 x 5 x ENVELOPE_HZ): real parts of all wavelets, then imaginary parts."""
    t = np.arange(-WAVELET_HALF, WAVELET_HALF + 1) / TRACE_HZ
    margin = BASELINE_HALF - WAVELET_HALF
    # The wavelets reach less far than the baseline, and give their second so much later.
    columns: list[Floats] = []
    for wave in (np.cos, np.sin):
        for centre_hz, sigma_s in zip(CENTRES_HZ, SIGMAS_S, strict=True):
            bell = np.exp(-0.5 * (t / sigma_s) ** 2)
            kernel = bell * wave(2 * np.pi * centre_hz * t)
            kernel -= bell * (kernel.sum() / bell.sum())
            kernel *= 2 / bell.sum()
            matrix = toeplitz(kernel, ENVELOPE_HZ, stride=TRACE_HZ // ENVELOPE_HZ)
            padded = np.zeros((_WINDOW, ENVELOPE_HZ))
            padded[2 * margin : 2 * margin + len(matrix)] = matrix[: _WINDOW - 2 * margin]
            columns.append(padded)
    return filter_bank(np.concatenate(columns, axis=1))


@cache
def _baseline_off() -> FilterBank:
    hann = np.hanning(2 * BASELINE_HALF + 1)
    kernel = -hann / hann.sum()
    kernel[BASELINE_HALF] += 1
    return filter_bank(toeplitz(kernel, TRACE_HZ))
