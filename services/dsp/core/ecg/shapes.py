"""What one beat of the ECG looks like: its shape, and measures that tell wide from narrow.

All is scaled by the beat itself and rounded to whole numbers before anything is summed, so that
neither gain nor unit matters and sums are exact, beside whatever other rows.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered, toeplitz
from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.windows import Instants, Rows, Samples, present, shifted

TRACE_HZ = 128  # QRS complexes have hardly anything above 40 Hz; the same for any device
BASELINE_HALF = (
    52  # of TRACE_HZ, 0.4 s: a Hann mean of 0.8 s takes breath and drift, leaves P and T
)
RESAMPLING_DELAY = 8
TRACE_S = 8
DELAY = RESAMPLING_DELAY + BASELINE_HALF  # of TRACE_HZ: the trace is 0.47 s behind
SECOND_US = 1_000_000

# Offsets from the fiducial in samples of TRACE_HZ.
QRS = np.arange(-16, 22, 2)  # -0.125 to 0.16 s at 64 Hz: a wide QRS complex lasts 0.16 s
QRS_SHIFTS = (-4, -2, 0, 2, 4)  # 31 ms: the largest deflection may be the R or the S wave
P_WAVE = np.arange(-38, -11, 2)  # -0.30 to -0.09 s: PR intervals of 0.12 to 0.25 s
COMPLEX = np.arange(-26, 33)  # -0.20 to 0.25 s: the QRS complex with its surroundings
_LATEST = 33
SHAPE_ONE = 255  # norm of a shape in whole numbers: 19 products of them fit 24 bits
P_ONE = 256  # the height of the complex, for P waves in whole numbers
COMPLEX_ONE = 1024
WIDE_SHARE = 0.35  # of the largest deflection: what is above counts as the width
TINY = 1e-9

MEASURES = ("size", "sharp", "width", "spread", "sign")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapesState:
    """The last seconds of the trace: (devices, TRACE_S * TRACE_HZ)."""

    resampler: ResamplerState
    tail: Samples
    trace: Samples


class Shapes(NamedTuple):
    """Beats as they look.

    Attributes
    ----------
    known : (beats,), whether all samples about the beat were there
    qrs : (beats, shifts, len(QRS)), whole numbers of norm `SHAPE_ONE`
    p_wave : (beats, len(P_WAVE)), about their mean, in parts of the complex's height
    measures : (beats, len(MEASURES)), logarithms: height of the complex, steepness against
        height, share of time that is high, standard deviation of time; and its polarity -1 to 1
    """

    known: NDArray[np.bool_]
    qrs: Samples
    p_wave: Samples
    measures: Samples


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = 0.45 * min(rate_hz, TRACE_HZ)
    return Resampler(rate_hz=rate_hz, to_hz=TRACE_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)


def init(devices: int, rate_hz: int) -> ShapesState:
    """Nothing seen yet."""
    return ShapesState(
        resampler=_resampler(rate_hz).init(devices),
        tail=np.full((devices, 2 * BASELINE_HALF), np.nan),
        trace=np.full((devices, TRACE_S * TRACE_HZ), np.nan, dtype=np.float32),
    )


def step(state: ShapesState, samples: Samples) -> ShapesState:
    """Take one second (devices, rate_hz)."""
    resampler, fresh = _resampler(samples.shape[1]).step(state.resampler, samples)
    window = np.concatenate((state.tail, fresh), axis=1)
    window -= present(window[:, -1:])
    trace = shifted(state.trace, filtered(window, _baseline_off()))
    return ShapesState(resampler=resampler, tail=shifted(state.tail, fresh), trace=trace)


@cache
def _baseline_off() -> FilterBank:
    hann = np.hanning(2 * BASELINE_HALF + 1)
    kernel = -hann / hann.sum()
    kernel[BASELINE_HALF] += 1
    return filter_bank(toeplitz(kernel, TRACE_HZ))


def cut(state: ShapesState, row: Rows, t: Instants, times: Instants) -> Shapes:
    """The looks of beats at `t`; `times` is the begin of the second that `step` took last."""
    newest = times[row] + SECOND_US - DELAY * SECOND_US // TRACE_HZ  # the end of the trace
    length = state.trace.shape[1]
    place = length - np.rint((newest - t) * (TRACE_HZ / SECOND_US)).astype(np.intp)
    inside = (place + P_WAVE[0] + QRS_SHIFTS[0] >= 0) & (place + _LATEST <= length)
    place = np.where(inside, place, length // 2)
    around = np.arange(P_WAVE[0] - 2, _LATEST)
    seen = state.trace[row[:, None], place[:, None] + around].astype(np.float64)
    known = inside & np.isfinite(seen).all(axis=1)
    seen = np.where(known[:, None], seen, 0)
    zero = -int(around[0])
    whole = seen[:, zero + COMPLEX]
    low, high = whole.min(axis=1), whole.max(axis=1)
    height = np.maximum(high - low, TINY)
    smooth = seen.copy()
    smooth[:, 1:-1] = (seen[:, :-2] + 2 * seen[:, 1:-1] + seen[:, 2:]) / 4  # before halving
    qrs = _unit(smooth[:, zero + QRS + np.array(QRS_SHIFTS)[:, None]])
    p_wave = np.rint(smooth[:, zero + P_WAVE] * (P_ONE / height)[:, None])
    p_wave = np.rint(p_wave - p_wave.sum(axis=1, keepdims=True) / len(P_WAVE))
    p_wave = np.clip(p_wave, -2 * P_ONE, 2 * P_ONE)
    measures = np.empty((len(row), len(MEASURES)), dtype=np.float32)
    measures[:, 0] = functions.log(height)
    measures[:, 1:4] = _widths(whole)
    measures[:, 4] = (high + low) / height
    return Shapes(known, qrs.astype(np.float32), p_wave.astype(np.float32), measures)


def _unit(samples: Samples) -> Samples:
    """About their mean, of norm `SHAPE_ONE`, in whole numbers: along the last axis."""
    scale = np.maximum(np.abs(samples).max(axis=-1, keepdims=True), TINY)
    near = np.rint(samples * (COMPLEX_ONE / scale))
    near = near * samples.shape[-1] - near.sum(axis=-1, keepdims=True)
    norm = np.sqrt(np.einsum("ijk,ijk->ij", near, near))[..., None]
    return np.asarray(np.rint(near * (SHAPE_ONE / np.maximum(norm, 1))))


def _widths(whole: Samples) -> Samples:
    """(beats, 3): steepness, share of time that is high, spread in time; logarithms."""
    middle = whole.shape[1] // 2  # of an odd number
    level = np.partition(whole, middle, axis=1)[:, middle]
    scale = np.maximum(np.abs(whole - level[:, None]).max(axis=1), TINY)
    near = np.rint((whole - level[:, None]) * (COMPLEX_ONE / scale)[:, None])
    n = near.shape[1]
    power = near * near
    energy = np.maximum(power.sum(axis=1), 1)
    about_mean = np.maximum(n * energy - near.sum(axis=1) ** 2, 1) / n
    steep = (np.diff(near, axis=1) ** 2).sum(axis=1) / about_mean
    high = (np.abs(near) > WIDE_SHARE * COMPLEX_ONE).sum(axis=1)
    k = np.arange(n)
    middle = (power * k).sum(axis=1) / energy
    spread = np.maximum((power * k**2).sum(axis=1) / energy - middle**2, 0)
    return np.stack(
        (
            functions.log(steep + 1e-6) / 2,
            functions.log(np.maximum(high, 1) / TRACE_HZ),
            functions.log(spread / TRACE_HZ**2 + 1e-6) / 2,
        ),
        axis=1,
    )
