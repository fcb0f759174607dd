"""Places in the ECG that may be a heart beat, each with what tells a QRS complex from the rest.

Every local maximum of the QRS envelope is a candidate, without a threshold; all features are
logarithms of ratios, so that gain, unit and sensor do not matter. Levels are medians over
bounded time, not averages that learn from decisions: nothing locks up, nothing is learned first,
and all is forgotten after `LEVELS_S`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import bands
from services.dsp.core.ecg.bands import ENVELOPE_DELAY, ENVELOPE_HZ, TRACE_DELAY, TRACE_HZ
from services.dsp.core.windows import Rows, Samples, present, shifted

HISTORY_S = 5  # of the QRS envelope: the features look 0.9 s back, the noise median 4 s
BANDS_S = 2.5  # of the single envelopes: the features look 0.45 s to both sides
TRACE_S = 4
LEVELS_S = 30
SHIFT = 4  # the second in question begins so many envelope samples (62 ms) after a whole second:
# the largest deflection of a QRS complex may lie so much before the middle of its envelope, and
# no beat shall be told more than 2 s after it happened
BESIDE = 13  # 0.2 s: candidates beside the second in question, which may outdo one inside
NEIGHBOUR = 4  # 62 ms: no second maximum so near
TINY = 1e-9

_AHEAD = ENVELOPE_HZ - ENVELOPE_DELAY - SHIFT  # after the second in question: 0.58 s
_LENGTH = HISTORY_S * ENVELOPE_HZ
_BANDS_LENGTH = int(BANDS_S * ENVELOPE_HZ)
_END = _LENGTH - _AHEAD  # of the second in question, in the history
_START = _END - ENVELOPE_HZ
# Distances of the neighbourhoods in which a larger bump speaks against this one, in samples.
_RINGS = ((6, 16), (16, 29), (29, 58))  # 0.1-0.25, 0.25-0.45, 0.45-0.9 s before
_RINGS_AFTER = ((6, 16), (16, 24))  # 0.1-0.25, 0.25-0.375 s after: what has been seen by now

FEATURES = (
    "level_10s", "level_10s_low", "level_10s_high", "level_5s", "level_30s", "noise_4s",
    "quiet_1s5", "before_250ms", "before_450ms", "before_900ms", "after_250ms", "after_375ms",
    "band_4", "band_7", "band_11", "band_17", "band_30", "sharpness", "peak_to_peak", "sign",
    "before_450ms_17", "near_30", "near_4",
)  # fmt: skip
TRACE_HALF = 8  # of TRACE_HZ, 62 ms: reach of a QRS complex about the middle of its envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatesState:
    """The last seconds of envelopes and trace, and the levels of half a minute."""

    bands: bands.BandsState
    envelopes: Samples  # (devices, 5, _BANDS_LENGTH)
    qrs: Samples  # (devices, _LENGTH)
    trace: Samples  # (devices, TRACE_S * TRACE_HZ)
    levels: Samples  # (devices, 2 * LEVELS_S): largest of a second, each half second


class Candidates(NamedTuple):
    """Candidates of one second and of `BESIDE` samples on both sides, by device, then by time.

    Attributes
    ----------
    row : device of each candidate
    place : envelope samples from the start of the second in question, -BESIDE to 64 + BESIDE
    features : (candidates, len(FEATURES))
    shape : (candidates, 2 * TRACE_HALF + 1), the trace about it
    covered : (devices, ENVELOPE_HZ), where in the second there was signal to judge
    """

    row: Rows
    place: Rows
    features: Samples
    shape: Samples
    covered: NDArray[np.bool_]


def init(devices: int, rate_hz: int) -> CandidatesState:
    """Nothing seen yet: all before is missing."""

    def missing(*shape: int) -> Samples:
        return np.full((devices, *shape), np.nan, dtype=np.float32)

    return CandidatesState(
        bands=bands.init(devices, rate_hz),
        envelopes=missing(len(bands.CENTRES_HZ), _BANDS_LENGTH),
        qrs=missing(_LENGTH),
        trace=missing(TRACE_S * TRACE_HZ),
        levels=missing(2 * LEVELS_S),
    )


def step(state: CandidatesState, samples: Samples) -> tuple[CandidatesState, Candidates]:
    """Take one second; give the candidates of the second before (`SHIFT` later than whole)."""
    bands_state, seen = bands.step(state.bands, samples)
    envelopes = np.concatenate((state.envelopes[:, :, ENVELOPE_HZ:], seen.envelopes), axis=2)
    newest = np.sqrt((seen.envelopes[:, bands.QRS_BANDS] ** 2).sum(axis=1))
    qrs = shifted(state.qrs, newest)
    trace = shifted(state.trace, seen.trace)
    levels = shifted(state.levels, _newest_levels(qrs))
    changed = CandidatesState(
        bands=bands_state, envelopes=envelopes, qrs=qrs, trace=trace, levels=levels
    )
    return changed, _candidates(changed)


def _newest_levels(qrs: Samples) -> Samples:
    """Largest envelope of the last second and of the one half a second before: (devices, 2)."""
    half = ENVELOPE_HZ // 2
    halves = qrs[:, -3 * half :].reshape(len(qrs), 3, half)
    covered = np.isfinite(halves).all(axis=2)
    largest = np.where(covered, present(halves).max(axis=2), np.nan)
    return np.maximum(largest[:, :2], largest[:, 1:])  # NaN when either half is missing


def _candidates(state: CandidatesState) -> Candidates:
    start, end = _START - BESIDE, _END + BESIDE
    qrs = state.qrs
    known = present(qrs)
    around = known[:, start - NEIGHBOUR : end + NEIGHBOUR]
    largest = maximum_filter1d(around, 2 * NEIGHBOUR + 1, axis=1)[:, NEIGHBOUR:-NEIGHBOUR]
    here = known[:, start:end]
    is_peak = (here == largest) & (here > known[:, start - 1 : end - 1]) & (here > 0)
    missing = np.isnan(qrs)
    hole = maximum_filter1d(
        missing[:, start - NEIGHBOUR : end + NEIGHBOUR].astype(np.uint8), 2 * NEIGHBOUR + 1, axis=1
    )[:, NEIGHBOUR:-NEIGHBOUR]
    row, offset = np.nonzero(is_peak & (hole == 0))
    place = offset + start
    shape, whole = _shapes(state.trace, row, place)
    row, place, shape = row[whole], place[whole], shape[whole]
    features = _features(state, known, row, place, shape)
    covered = ~missing[:, _START:_END]
    return Candidates(row, place - _START, features, shape, covered)


def trace_place(place: Rows) -> Rows:
    """Where in the trace history an envelope sample of the history lies."""
    ratio = TRACE_HZ // ENVELOPE_HZ
    newest = ratio * ENVELOPE_DELAY - TRACE_DELAY  # trace samples that the trace is behind, < 0
    return TRACE_S * TRACE_HZ - newest - ratio * (_LENGTH - place)


def _shapes(trace: Samples, row: Rows, place: Rows) -> tuple[Samples, NDArray[np.bool_]]:
    around = trace_place(place)[:, None] + np.arange(-TRACE_HALF, TRACE_HALF + 1)
    shape = trace[row[:, None], around]
    return shape, np.isfinite(shape).all(axis=1)


def _features(
    state: CandidatesState, known: Samples, row: Rows, place: Rows, shape: Samples
) -> Samples:
    """(candidates, len(FEATURES)); a neighbourhood that was not seen says nothing larger."""
    here = known[row, place]
    levels = state.levels
    low, middle, high = _quantiles(levels[:, -20:], (0.25, 0.5, 0.75))
    (recent,) = _quantiles(levels[:, -10:], (0.5,))
    (long,) = _quantiles(levels, (0.5,))
    (noise,) = _quantiles(state.qrs[:, -4 * ENVELOPE_HZ :: 2], (0.5,))
    (quiet,) = _quantiles(state.qrs[:, -2 * ENVELOPE_HZ :: 2], (0.35,))
    bumps = [state.envelopes[:, band] for band in range(len(bands.CENTRES_HZ))]
    at = place - (_LENGTH - _BANDS_LENGTH)  # in the shorter history
    near = known[row[:, None], place[:, None] + np.arange(-8, 9)] ** 2
    top, bottom = shape.max(axis=1), shape.min(axis=1)
    ratios = [(here, level[row]) for level in (middle, low, high, recent, long)]
    ratios += [(here, level[row]) for level in (noise, quiet)]
    ratios += [(_largest(known, row, place, -b, -a), here) for a, b in _RINGS]
    ratios += [(_largest(known, row, place, a, b), here) for a, b in _RINGS_AFTER]
    ratios += [(_largest(bump, row, at, -2, 2), here) for bump in bumps]
    ratios.append((_sum(near[:, 6:11]), _sum(near)))
    ratios.append((top - bottom, here))
    ratios.append((_largest(bumps[3], row, at, -29, -16), present(bumps[3][row, at])))
    for band in (4, 0):
        spread = present(bumps[band][row[:, None], at[:, None] + np.arange(-24, 25, 4)])
        ratios.append((_sum(spread) / spread.shape[1], here))
    logs = _log_ratios(ratios)
    sign = (top + bottom) / (top - bottom + TINY)
    before = FEATURES.index("sign")
    columns = (logs[:, :before], sign[:, None], logs[:, before:])
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _log_ratios(ratios: Sequence[tuple[Samples, Samples]]) -> Samples:
    """Logarithm of each ratio, one column each; nothing counts as hardly anything."""
    over = np.stack([a for a, _ in ratios], axis=1)
    under = np.stack([b for _, b in ratios], axis=1)
    return functions.log((present(over) + TINY) / (present(under) + TINY))


def _sum(values: Samples) -> Samples:
    """Sum of each row, added in one order whatever the number of rows."""
    total = values[:, 0].copy()
    for column in range(1, values.shape[1]):
        total += values[:, column]
    return total


def _largest(values: Samples, row: Rows, place: Rows, first: int, last: int) -> Samples:
    """Largest of `values` from `first` to `last` samples about each place."""
    width = last - first + 1
    span = values[row[:, None], place[:, None] + np.arange(first, first + width)]
    return np.asarray(present(span).max(axis=1))


def _quantiles(values: Samples, shares: tuple[float, ...]) -> list[Samples]:
    """Quantiles of each row over what is not missing (the sample below); NaN if all is."""
    ordered = np.sort(values, axis=1)  # NaN last
    n = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    place = [np.clip((share * n).astype(np.intp), 0, np.maximum(n - 1, 0)) for share in shares]
    return [ordered[rows, at] for at in place]
