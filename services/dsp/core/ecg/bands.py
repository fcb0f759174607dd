"""The ECG seen through five wavelets, on a common grid, whatever rate the device has.

Hot path: three matrix products a second for all devices.

References
----------
Elgendi et al. 2010 (QRS energy lies at 8-20 Hz); Gabor 1946 for the wavelets. The envelope of a
complex wavelet is one smooth bump a QRS complex, whatever its polarity and its notches.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from services.dsp.core.conditioning.filters import (
    FilterBank,
    Rounded,
    filter_bank,
    filtered,
    filtered_whole,
    rounded,
    sums,
    toeplitz,
)
from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.windows import Floats, Samples, present, shifted

TRACE_HZ = 128  # of the cleaned trace: 1 ms with a parabola
ENVELOPE_HZ = 64  # the envelopes are smooth: their wavelets last 25 ms and more
CENTRES_HZ = (4.0, 7.0, 11.0, 17.0, 30.0)
SIGMAS_S = (0.060, 0.050, 0.034, 0.025, 0.025)
MAINS_HZ = (50, 60)
BASELINE_S = 0.8  # Hann mean that is taken off: leaves P, QRS and T, takes breath and drift

RESAMPLING_DELAY = 8  # of TRACE_HZ: 62.5 ms
WAVELET_HALF = 24  # of TRACE_HZ: 0.19 s, three sigma of the longest; an even number
BASELINE_HALF = 52  # of TRACE_HZ: 0.4 s, rounded up to an even number
BASELINE_STEP = 8  # of TRACE_HZ: a mean over 0.8 s is a straight line over 62 ms
ENVELOPE_DELAY = (RESAMPLING_DELAY + WAVELET_HALF) // 2  # of ENVELOPE_HZ: 0.25 s
TRACE_DELAY = RESAMPLING_DELAY + BASELINE_HALF  # of TRACE_HZ: 0.47 s
BLOCK = 16  # envelope samples that one product gives: less of the band matrix is zeros
_RATIO = TRACE_HZ // ENVELOPE_HZ
_BLOCK_IN = (BLOCK - 1) * _RATIO + 2 * WAVELET_HALF + 1


class Bands(NamedTuple):
    """One second of what the wavelets see; the two parts begin at times of their own.

    Attributes
    ----------
    envelopes : (devices, 5, ENVELOPE_HZ), begins ENVELOPE_DELAY samples before the second
    qrs : (devices, ENVELOPE_HZ), the QRS bands together, as the envelopes: the signal without
        its slow and its fast parts
    trace : (devices, TRACE_HZ), without baseline, begins TRACE_DELAY samples before the second
    """

    envelopes: Samples
    qrs: Samples
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
    whole = rounded(window)
    envelopes, qrs = _waves(whole)
    means = filtered_whole(whole, _means())
    trace = _without_mains(window)
    trace -= filtered(means, _between())
    return BandsState(resampler=resampler, tail=shifted(state.tail, fresh)), Bands(
        envelopes, qrs, trace.astype(np.float32)
    )


def _without_mains(window: Samples) -> Samples:
    """The middle second, smoothed by five weights that let neither 50 nor 60 Hz through."""
    outer, inner, middle = _notches()
    at = [window[:, BASELINE_HALF + k : BASELINE_HALF + k + TRACE_HZ] for k in range(-2, 3)]
    smooth, near = at[0] + at[4], at[1] + at[3]
    smooth *= outer
    near *= inner
    smooth += near
    smooth += np.multiply(at[2], middle, out=near)
    return smooth


@cache
def _notches() -> tuple[float, float, float]:
    one, other = (-2 * np.cos(2 * np.pi * mains / TRACE_HZ) for mains in MAINS_HZ)
    kernel = np.convolve((1, one, 1), (1, other, 1))
    outer, inner, middle = kernel[:3] / kernel.sum()
    return float(outer), float(inner), float(middle)


def _waves(window: Rounded) -> tuple[Samples, Samples]:
    """Envelopes (devices, 5, ENVELOPE_HZ) and the sum of the real QRS bands."""
    devices, blocks, bands = len(window.whole), ENVELOPE_HZ // BLOCK, len(CENTRES_HZ)
    waves = np.empty((blocks, devices, 2, bands * BLOCK), dtype=np.float32)
    for block in range(blocks):
        start = 2 * (BASELINE_HALF - WAVELET_HALF) + block * BLOCK * _RATIO
        seen = slice(start, start + _BLOCK_IN)
        missing = None if window.missing is None else window.missing[:, seen]
        rows = Rounded(window.whole[:, seen], window.unit, missing)
        waves[block] = sums(rows, _wavelets()).reshape(devices, 2, -1)
    # Powers of two: they may as well be multiplied with at the end, where less is left.
    unit = (window.unit * _wavelets().scale).astype(np.float32)[:, None, None]
    real, imaginary = waves[:, :, 0], waves[:, :, 1]
    of_bands = real.reshape(blocks, devices, bands, BLOCK)
    qrs = np.empty((devices, blocks, BLOCK), dtype=np.float32)
    together = (of_bands[:, :, 1] + of_bands[:, :, 2]) + of_bands[:, :, 3]
    np.multiply(together.transpose(1, 0, 2), unit, out=qrs)
    waves *= waves
    power = np.add(real, imaginary)
    root = np.sqrt(power, out=power).reshape(blocks, devices, bands, BLOCK)
    envelopes = np.empty((devices, bands, blocks, BLOCK), dtype=np.float32)
    np.multiply(root.transpose(1, 2, 0, 3), unit[..., None], out=envelopes)
    return envelopes.reshape(devices, bands, ENVELOPE_HZ), qrs.reshape(devices, ENVELOPE_HZ)


@cache
def _wavelets() -> FilterBank:
    """(_BLOCK_IN, 2 x 5 x BLOCK): real parts of all wavelets, then imaginary parts."""
    t = np.arange(-WAVELET_HALF, WAVELET_HALF + 1) / TRACE_HZ
    columns: list[Floats] = []
    for wave in (np.cos, np.sin):
        for centre_hz, sigma_s in zip(CENTRES_HZ, SIGMAS_S, strict=True):
            bell = np.exp(-0.5 * (t / sigma_s) ** 2)
            kernel = bell * wave(2 * np.pi * centre_hz * t)
            kernel -= bell * (kernel.sum() / bell.sum())
            kernel *= 2 / bell.sum()
            columns.append(toeplitz(kernel, BLOCK, stride=_RATIO)[:_BLOCK_IN])
    return filter_bank(np.concatenate(columns, axis=1))


@cache
def _means() -> FilterBank:
    """Hann means of `BASELINE_S` every `BASELINE_STEP` samples, one more than fit the second."""
    hann = np.hanning(2 * BASELINE_HALF + 1)[1:-1]
    matrix = np.zeros((TRACE_HZ + 2 * BASELINE_HALF, TRACE_HZ // BASELINE_STEP + 1))
    for i in range(matrix.shape[1]):
        matrix[1 + i * BASELINE_STEP :, i][: len(hann)] = hann / hann.sum()
    return filter_bank(matrix)


@cache
def _between() -> FilterBank:
    """Straight lines between the means."""
    place = np.arange(TRACE_HZ) / BASELINE_STEP
    knots = np.arange(TRACE_HZ // BASELINE_STEP + 1)
    return filter_bank(np.clip(1 - np.abs(place[None, :] - knots[:, None]), 0, None))
