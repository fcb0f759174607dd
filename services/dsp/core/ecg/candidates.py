"""Places in the ECG that may be a heart beat, each with what tells a QRS complex from the rest.

Every local maximum of the QRS envelope is a candidate, without a threshold; where electrodes move
also every tall one of 17 and 30 Hz that has none beside it: motion is slow, and moves or hides the
maximum of a complex in the other bands. All features are logarithms of ratios, so that gain, unit
and sensor do not matter. Levels are medians over bounded time, not averages that learn from
decisions: nothing locks up, nothing is learned first, and all is forgotten after `LEVELS_S`.

Hot path: of 64 places a second some four are candidates. What is asked of every place is made by
doubling; all else is gathered about the candidates only, neighbours along the first axis, so that
each step runs over all candidates at once.
"""

from collections.abc import Callable
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
MOVED = 0.17  # median QRS envelope of 4 s against its level: where `noise.LIMITS` lets motion end
FAST = slice(3, 5)  # of CENTRES_HZ: 17 and 30 Hz, where electrodes that move are least
TALL = 2.0  # of the fast bands, against their median; 3 finds a little less (docs/science/ecg.md)
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
    here = known[:, _START:_END]
    of_8, of_16 = _maxima(known[:, _BEFORE:_AFTER])
    is_peak = here == _largest_near(of_8)
    is_peak &= (here > known[:, _START - 1 : _END - 1]) & (here > 0)
    levels = _levels(state)
    is_peak |= _fast_peaks(state, levels, is_peak) & (here > 0)
    if holes:
        spoilt, _ = _maxima(missing[:, _BEFORE:_AFTER].astype(np.float32))
        is_peak &= _largest_near(spoilt) == 0
    row, offset = np.divmod(np.flatnonzero(is_peak), ENVELOPE_HZ)
    place = offset + _START
    shape = _about(state.trace, row, trace_place(place), SHAPE)
    wave = _about(state.wave, row, place - (_LENGTH - _BANDS_LENGTH), QRS_SHAPE)
    finite = np.isfinite(shape)
    if not finite.all():
        whole = finite.all(axis=1)
        row, place, shape, wave = row[whole], place[whole], shape[whole], wave[whole]
    features = _features(state, known, (of_8, of_16), levels, row, place, shape)
    covered = ~missing[:, _START:_END]
    size = known[row, place]
    return Candidates(row, place - _START, features, shape, wave, size, covered)


def _fast_peaks(
    state: CandidatesState, levels: Samples, is_peak: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Where the fast bands are tall and no candidate is near, of devices whose electrodes move."""
    found = np.zeros_like(is_peak)
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(levels[_NOISE] > MOVED * levels[_MIDDLE_LEVEL])
    if not len(rows):
        return found
    power = np.square(present(state.envelopes[rows, FAST])).sum(axis=1)
    (usual,) = _quantiles(power, (0.5,))
    first = _START - (_LENGTH - _BANDS_LENGTH) - NEIGHBOUR
    around = power[:, first : first + ENVELOPE_HZ + 2 * NEIGHBOUR]
    here = around[:, NEIGHBOUR:-NEIGHBOUR]
    beside = np.zeros(around.shape, dtype=np.float32)
    beside[:, NEIGHBOUR:-NEIGHBOUR] = is_peak[rows]
    is_top = (here == _largest_of_9(around)) & (here > TALL**2 * usual[:, None])
    found[rows] = is_top & (_largest_of_9(beside) == 0)
    return found


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
    """What lies about each place: (candidates, len(reach)); `reach` has no gaps."""
    history = np.ascontiguousarray(history)
    of_row, of_sample = history.strides
    shape = len(history), history.shape[1] - len(reach) + 1, len(reach)
    # A view by hand: numpy's own takes longer than all the rest.
    windows = np.ndarray(shape, history.dtype, history, 0, (of_row, of_sample, of_sample))
    return np.asarray(windows[row, place + reach[0]])


def _features(
    state: CandidatesState,
    known: Samples,
    maxima: tuple[Samples, Samples],
    levels: Samples,
    row: Rows,
    place: Rows,
    shape: Samples,
) -> Samples:
    """(candidates, len(FEATURES)); a neighbourhood that was not seen says nothing larger."""
    here = known[row, place]
    over, under = np.empty((2, len(FEATURES) - 1, len(row)), dtype=np.float32)
    over[:7], under[:7], under[7:] = here, levels.take(row, axis=1), here
    for k, (first, last) in enumerate((*_RINGS, *_RINGS_AFTER), 7):
        over[k] = _largest(maxima, row, place, first, last)
    single = _single_bands(state.envelopes, row, place)
    single(np.arange(5), _PEAK).max(axis=0, out=over[12:17])
    square = known.ravel().take(row * _LENGTH + place + _WIDE[:, None])
    square *= square
    over[17], under[17] = _sum(square[6:11]), _sum(square)
    middle_shape = np.ascontiguousarray(shape[:, _MIDDLE].T)
    top, bottom = middle_shape.max(axis=0), middle_shape.min(axis=0)
    over[18] = top - bottom
    before = single(np.array([3]), _BAND_BEFORE)[:, 0]
    before[:-1].max(axis=0, out=over[19])
    under[19] = before[-1]
    np.divide(_sum(single(np.array([4, 0, 2]), _SPREAD)), 13, out=over[20:])
    features = np.empty((len(row), len(FEATURES)), dtype=np.float32)
    features[:, :-1] = _log_ratios(over, under).T
    features[:, -1] = (top + bottom) / (top - bottom + TINY)
    return features


def _levels(state: CandidatesState) -> Samples:
    """Levels of the QRS envelope, (7, devices): as the first seven features compare with."""
    of_late = state.levels
    low, middle, high = _quantiles(of_late[:, -20:], (0.25, 0.5, 0.75))
    (recent,) = _quantiles(of_late[:, -10:], (0.5,))
    (long,) = _quantiles(of_late, (0.5,))
    (noise,) = _quantiles(state.qrs[:, ::2], (0.5,))
    (quiet,) = _quantiles(state.qrs[:, -2 * ENVELOPE_HZ :: 2], (0.35,))
    return np.stack((middle, low, high, recent, long, noise, quiet))


_MIDDLE_LEVEL, _NOISE = 0, 5  # of `_levels`
_MIDDLE = slice(2 * SHAPE_BEFORE - TRACE_HALF, 2 * SHAPE_BEFORE + TRACE_HALF + 1)  # of a shape
_BEFORE, _AFTER = _START + _RINGS[-1][0], _END + _RINGS_AFTER[-1][1]  # of all neighbourhoods
_WIDE = np.arange(-8, 9)
_PEAK = np.arange(-2, 3)
_SPREAD = np.arange(-24, 25, 4)
_BAND_BEFORE = np.append(np.arange(-29, -15), 0)  # and here


def _single_bands(envelopes: Samples, row: Rows, place: Rows) -> Callable[[Rows, Rows], Samples]:
    """What gathers single envelopes at offsets about each place: (offsets, bands, candidates)."""
    _, n_bands, length = envelopes.shape
    flat = envelopes.ravel()
    start = row * (n_bands * length) + place - (_LENGTH - _BANDS_LENGTH)

    def gathered(which: Rows, offsets: Rows) -> Samples:
        bands_at = which[:, None] * length + start
        return _present_of(flat.take(bands_at + offsets[:, None, None]))

    return gathered


def _log_ratios(over: Samples, under: Samples) -> Samples:
    """Logarithm of each ratio; nothing counts as hardly anything."""
    over, under = _present_of(over), _present_of(under)
    over += TINY
    under += TINY
    over /= under
    return functions.log(over)


def _present_of(values: Samples) -> Samples:
    """As `present`, without a copy if nothing is missing."""
    return present(values) if np.isnan(values).any() else values


def _maxima(values: Samples) -> tuple[Samples, Samples]:
    """Largest of each 8 and of each 16 neighbours along the last axis."""
    of_2 = np.maximum(values[:, :-1], values[:, 1:])
    of_4 = np.maximum(of_2[:, :-2], of_2[:, 2:])
    of_8 = np.maximum(of_4[:, :-4], of_4[:, 4:])
    return of_8, np.maximum(of_8[:, :-8], of_8[:, 8:])


def _largest_near(of_8: Samples) -> Samples:
    """Largest within `NEIGHBOUR` of each place of the second."""
    first = _START - NEIGHBOUR - _BEFORE
    last = first + 2 * NEIGHBOUR - 7
    return np.asarray(
        np.maximum(of_8[:, first : first + ENVELOPE_HZ], of_8[:, last : last + ENVELOPE_HZ])
    )


def _largest_of_9(values: Samples) -> Samples:
    """Largest within `NEIGHBOUR` of each place of values that reach so far on both sides."""
    of_8, _ = _maxima(values)
    return np.asarray(np.maximum(of_8[:, :-1], of_8[:, 1:]))


def _largest(
    maxima: tuple[Samples, Samples], row: Rows, place: Rows, first: int, last: int
) -> Samples:
    """Largest from `first` to `last` samples after each place: of two spans that overlap."""
    wide = last - first + 1 >= 16
    spans, width = maxima[wide], 16 if wide else 8
    flat, at = spans.ravel(), row * spans.shape[1] + (place - _BEFORE)
    return np.asarray(np.maximum(flat.take(at + first), flat.take(at + (last - width + 1))))


def _sum(values: Samples) -> Samples:
    """Sum along the first axis, always in one order."""
    total: Samples | None = None
    offset, span, count = 0, 1, len(values)
    while count:
        if count & 1:
            part = values[offset]
            total = part if total is None else total + part
            offset += span
        count >>= 1
        if count:
            values = values[:-span] + values[span:]
            span *= 2
    assert total is not None
    return total


def _quantiles(values: Samples, shares: tuple[float, ...]) -> list[Samples]:
    """Quantiles of each row over what is not missing (the sample below); NaN if all is."""
    ordered = np.sort(values, axis=1)  # NaN last
    if np.isfinite(ordered[:, -1]).all():
        return [ordered[:, int(share * ordered.shape[1])] for share in shares]
    n = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    place = [np.clip((share * n).astype(np.intp), 0, np.maximum(n - 1, 0)) for share in shares]
    return [ordered[rows, at] for at in place]
