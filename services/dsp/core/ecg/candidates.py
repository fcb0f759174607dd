"""Places in the ECG that may be a heart beat, each with what tells a QRS complex from the rest.

Every local maximum of the QRS envelope is a candidate, without a threshold; all features are
logarithms of ratios, so that gain, unit and sensor do not matter. Levels are medians over
bounded time, not averages that learn from decisions: nothing locks up, nothing is learned first,
and all is forgotten after `LEVELS_S`.

Hot path: maxima and sums over neighbourhoods are made for all places at once by doubling, and
picked at the candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import bands
from services.dsp.core.ecg.bands import ENVELOPE_DELAY, ENVELOPE_HZ, TRACE_DELAY, TRACE_HZ
from services.dsp.core.windows import Rows, Samples, present, shifted

HISTORY_S = 4  # of the QRS envelope: the features look 0.9 s back, the noise median 4 s
BANDS_S = 2.25  # of the single envelopes: the features look 0.45 s to both sides
TRACE_S = 3
LEVELS_S = 30
AHEAD = 40  # envelope samples that the features of a candidate look ahead, filters included:
# a second of candidates is judged when the samples of 0.625 s after it are known
NEIGHBOUR = 4  # 62 ms: no second maximum so near
MOST = 13  # candidates that a second can hold
TINY = 1e-9

_LENGTH = HISTORY_S * ENVELOPE_HZ
_BANDS_LENGTH = int(BANDS_S * ENVELOPE_HZ)
_END = _LENGTH - (AHEAD - ENVELOPE_DELAY)  # of the second in question, in the history
_START = _END - ENVELOPE_HZ
# Distances of the neighbourhoods in which a larger bump speaks against this one, in samples.
_RINGS = ((-16, -6), (-29, -16), (-58, -29))  # 0.1-0.25, 0.25-0.45, 0.45-0.9 s before
_RINGS_AFTER = ((6, 16), (16, 24))  # 0.1-0.25, 0.25-0.375 s after: what has been seen by now

FEATURES = (
    "level_10s", "level_10s_low", "level_10s_high", "level_5s", "level_30s", "noise_4s",
    "quiet_1s5", "before_250ms", "before_450ms", "before_900ms", "after_250ms", "after_375ms",
    "band_4", "band_7", "band_11", "band_17", "band_30", "sharpness", "peak_to_peak",
    "before_450ms_17", "near_30", "near_4", "near_11", "sign",
)  # fmt: skip
TRACE_HALF = 8  # of TRACE_HZ, 62 ms: reach of a QRS complex about the middle of its envelope
SHAPE_BEFORE, SHAPE_AFTER = 8, 9  # of ENVELOPE_HZ: 0.125 s before to 0.14 s after
SHAPE = np.arange(-2 * SHAPE_BEFORE, 2 * SHAPE_AFTER + 1)  # of TRACE_HZ
QRS_SHAPE = np.arange(-7, 8)  # of ENVELOPE_HZ: 0.11 s on both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatesState:
    """The last seconds of envelopes and trace, and the levels of half a minute."""

    bands: bands.BandsState
    envelopes: Samples  # (devices, 5, _BANDS_LENGTH)
    qrs: Samples  # (devices, _LENGTH), envelope
    wave: Samples  # (devices, _BANDS_LENGTH), what the QRS bands let through
    trace: Samples  # (devices, TRACE_S * TRACE_HZ)
    levels: Samples  # (devices, 2 * LEVELS_S): largest of a second, each half second


class Candidates(NamedTuple):
    """Candidates of the second that ended `AHEAD` samples ago, by device, then by time.

    Attributes
    ----------
    row : device of each candidate
    place : envelope samples from the start of that second, 0 to 63
    features : (candidates, len(FEATURES))
    shape : (candidates, len(SHAPE)), the trace about it
    wave : (candidates, len(QRS_SHAPE)), the QRS bands about it
    size : (candidates,), the QRS envelope
    covered : (devices, ENVELOPE_HZ), where in the second there was signal to judge
    """

    row: Rows
    place: Rows
    features: Samples
    shape: Samples
    wave: Samples
    size: Samples
    covered: NDArray[np.bool_]

    def picked(self, which: Rows) -> "Candidates":
        """Some of the candidates."""
        return self._replace(
            row=self.row[which], place=self.place[which], features=self.features[which],
            shape=self.shape[which], wave=self.wave[which], size=self.size[which],
        )  # fmt: skip


def init(devices: int, rate_hz: int) -> CandidatesState:
    """Nothing seen yet: all before is missing."""

    def missing(*shape: int) -> Samples:
        return np.full((devices, *shape), np.nan, dtype=np.float32)

    return CandidatesState(
        bands=bands.init(devices, rate_hz),
        envelopes=missing(len(bands.CENTRES_HZ), _BANDS_LENGTH),
        qrs=missing(_LENGTH),
        wave=missing(_BANDS_LENGTH),
        trace=missing(TRACE_S * TRACE_HZ),
        levels=missing(2 * LEVELS_S),
    )


def step(state: CandidatesState, samples: Samples) -> tuple[CandidatesState, Candidates]:
    """Take one second; give the candidates of the second that ended `AHEAD` samples before."""
    bands_state, seen = bands.step(state.bands, samples)
    envelopes = np.concatenate((state.envelopes[:, :, ENVELOPE_HZ:], seen.envelopes), axis=2)
    first, second, third = (seen.envelopes[:, k] for k in range(1, 4))
    newest = np.sqrt((first * first + second * second) + third * third)
    qrs = shifted(state.qrs, newest)
    changed = CandidatesState(
        bands=bands_state,
        envelopes=envelopes,
        qrs=qrs,
        wave=shifted(state.wave, seen.qrs),
        trace=shifted(state.trace, seen.trace),
        levels=shifted(state.levels, _newest_levels(qrs)),
    )
    return changed, _candidates(changed)


def _newest_levels(qrs: Samples) -> Samples:
    """Largest envelope of the last second and of the one half a second before: (devices, 2)."""
    half = ENVELOPE_HZ // 2
    halves = qrs[:, -3 * half :].reshape(len(qrs), 3, half).max(axis=2)  # NaN when one is missing
    return np.asarray(np.maximum(halves[:, :2], halves[:, 1:]))


def _candidates(state: CandidatesState) -> Candidates:
    missing = np.isnan(state.qrs)
    holes = missing.any()
    known = present(state.qrs) if holes else state.qrs
    reach = slice(_START - NEIGHBOUR, _END + NEIGHBOUR)
    here = known[:, _START:_END]
    is_peak = here == _maxima(known[:, reach], 2 * NEIGHBOUR + 1)
    is_peak &= (here > known[:, _START - 1 : _END - 1]) & (here > 0)
    if holes:
        is_peak &= _maxima(missing[:, reach].astype(np.float32), 2 * NEIGHBOUR + 1) == 0
    row, offset = np.nonzero(is_peak)
    place = offset + _START
    shape = _about(state.trace, row, trace_place(place), SHAPE)
    wave = _about(state.wave, row, place - (_LENGTH - _BANDS_LENGTH), QRS_SHAPE)
    whole = np.isfinite(shape).all(axis=1)
    if not whole.all():
        row, place, shape, wave = row[whole], place[whole], shape[whole], wave[whole]
    features = _features(state, known, row, place, shape)
    covered = ~missing[:, _START:_END]
    size = known[row, place]
    return Candidates(row, place - _START, features, shape, wave, size, covered)


def order_in_row(row: Rows) -> Rows:
    """Number of each candidate among those of its device."""
    n = np.arange(len(row))
    first = np.ones(len(row), dtype=np.bool_)
    first[1:] = row[1:] != row[:-1]
    return n - np.maximum.accumulate(np.where(first, n, 0))


def trace_place(place: Rows) -> Rows:
    """Where in the trace history an envelope sample of the history lies."""
    ratio = TRACE_HZ // ENVELOPE_HZ
    newest = ratio * ENVELOPE_DELAY - TRACE_DELAY  # trace samples that the trace is behind, < 0
    return TRACE_S * TRACE_HZ - newest - ratio * (_LENGTH - place)


def _about(history: Samples, row: Rows, place: Rows, reach: Rows) -> Samples:
    return np.asarray(history[row[:, None], place[:, None] + reach])


def _features(
    state: CandidatesState, known: Samples, row: Rows, place: Rows, shape: Samples
) -> Samples:
    """(candidates, len(FEATURES)); a neighbourhood that was not seen says nothing larger."""
    here = known[row, place]
    levels = state.levels
    low, middle, high = _quantiles(levels[:, -20:], (0.25, 0.5, 0.75))
    (recent,) = _quantiles(levels[:, -10:], (0.5,))
    (long,) = _quantiles(levels, (0.5,))
    (noise,) = _quantiles(state.qrs[:, ::2], (0.5,))
    (quiet,) = _quantiles(state.qrs[:, -2 * ENVELOPE_HZ :: 2], (0.35,))
    at = place - (_LENGTH - _BANDS_LENGTH)  # in the shorter histories
    zone = place - _START
    ratios = [(here, level[row]) for level in (middle, low, high, recent, long, noise, quiet)]
    for first, last in (*_RINGS, *_RINGS_AFTER):
        around = _maxima(known[:, _START + first : _END + last], last - first + 1)
        ratios.append((around[row, zone], here))
    envelopes = present(state.envelopes)
    start = _START - (_LENGTH - _BANDS_LENGTH)
    largest = _maxima(envelopes[:, :, start - 2 : start + ENVELOPE_HZ + 2], 5)
    at_peak = largest[row, :, zone]
    ratios += [(at_peak[:, band], here) for band in range(at_peak.shape[1])]
    square = known[:, _START - 8 : _END + 8] ** 2
    near, wide = _sums(square[:, 6:-6], 5, 1), _sums(square, 17, 1)
    ratios.append((near[row, zone], wide[row, zone]))
    middle_shape = shape[:, _MIDDLE - TRACE_HALF : _MIDDLE + TRACE_HALF + 1]
    top, bottom = middle_shape.max(axis=1), middle_shape.min(axis=1)
    ratios.append((top - bottom, here))
    before = _maxima(envelopes[:, 3, start - 29 : start + ENVELOPE_HZ - 16], 14)
    ratios.append((before[row, zone], envelopes[row, 3, at]))
    for band in (4, 0, 2):
        spread = _sums(envelopes[:, band, start - 24 : start + ENVELOPE_HZ + 24], 13, 4)
        ratios.append((spread[row, zone] / 13, here))
    logs = _log_ratios(ratios)
    sign = (top + bottom) / (top - bottom + TINY)
    return np.concatenate((logs, sign[:, None]), axis=1, dtype=np.float32)


_MIDDLE = 2 * SHAPE_BEFORE  # of a shape


def _log_ratios(ratios: Sequence[tuple[Samples, Samples]]) -> Samples:
    """Logarithm of each ratio, one column each; nothing counts as hardly anything."""
    over = np.stack([a for a, _ in ratios], axis=1)
    under = np.stack([b for _, b in ratios], axis=1)
    return functions.log((present(over) + TINY) / (present(under) + TINY))


def _maxima(values: Samples, width: int) -> Samples:
    """Largest of each `width` neighbours along the last axis: shorter by ``width - 1``."""
    span = 1
    while 2 * span <= width:
        values = np.maximum(values[..., :-span], values[..., span:])
        span *= 2
    rest = width - span
    return np.maximum(values[..., :-rest], values[..., rest:]) if rest else values


def _sums(values: Samples, count: int, stride: int) -> Samples:
    """Sum of each `count` values `stride` apart along the last axis, always in one order."""
    total: Samples | None = None
    offset, span, length = 0, 1, values.shape[-1] - (count - 1) * stride
    while count:
        if count & 1:
            part = values[..., offset : offset + length]
            total = part if total is None else total + part
            offset += span * stride
        count >>= 1
        if count:
            values = values[..., : -span * stride] + values[..., span * stride :]
            span *= 2
    assert total is not None
    return total


def _quantiles(values: Samples, shares: tuple[float, ...]) -> list[Samples]:
    """Quantiles of each row over what is not missing (the sample below); NaN if all is."""
    ordered = np.sort(values, axis=1)  # NaN last
    n = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    place = [np.clip((share * n).astype(np.intp), 0, np.maximum(n - 1, 0)) for share in shares]
    return [ordered[rows, at] for at in place]
