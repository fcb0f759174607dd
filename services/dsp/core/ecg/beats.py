"""Heart beats in one lead of the ECG or in two, each with the probability that it is one.

Every candidate gets odds from a small net (`candidates`), surely told ones teach what the beats of
this person look like (`templates`), a second net judges with that, and the best path through all
candidates (`paths`) decides with the intervals of this heart. All look at bounded time, so that a
beat depends on nothing that is older than the memory of the estimator.

References
----------
Pan and Tompkins 1985, IEEE TBME 32:230 (band, slope, T waves, refractory time). Departs from it:
levels are medians over fixed time instead of running estimates of signal and noise; the features
meet in nets trained on annotated records, whose outputs are probabilities on unseen people
(``docs/science/ecg.md``).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import beat_weights, candidates, leads, paths, templates
from services.dsp.core.ecg.bands import ENVELOPE_HZ, TRACE_HZ
from services.dsp.core.ecg.candidates import SHAPE_BEFORE, TRACE_HALF
from services.dsp.core.ecg.nets import Net, from_text
from services.dsp.core.outputs import Beats
from services.dsp.core.windows import Instants, Rows, Samples, State, each_array, shifted
from shared.contracts.beats import BeatKind

SLOTS = 6  # beats that a second can hold: refractory time, and one for the rounding
KEPT_S = 12  # seconds of beats kept: the window of the heart rate, and one at each edge
SECOND_US = 1_000_000
DELAY_S = 1  # of the beats behind the newest sample
MAX_RR_US = 5 * SECOND_US  # a pause longer than that is no interval
TOO_NEAR_US = 180_000  # of a beat that was told a second ago, when the path has changed since
SEEN = ("fit", "near_30", "quiet_1s5")  # features that tell how good the signal is
SEEN_UNIT = 1024
SEEN_AHEAD = ENVELOPE_HZ - candidates.AHEAD  # of ENVELOPE_HZ: what is judged of the last second

# Log odds of beats that were told, and the share of such that were annotated, in quiet and in
# doubtful time; people unseen by the nets, clean and noisy copies (docs/science/ecg.md).
CHANCE = (
    (-4.0, -2.4, -1.4, -0.5, 0.5, 1.5, 2.5, 3.5, 5.0, 8.0),
    (0.30, 0.57, 0.65, 0.81, 0.90, 0.944, 0.966, 0.980, 0.993, 0.999),
    (0.13, 0.25, 0.42, 0.65, 0.78, 0.845, 0.855, 0.86, 0.92, 0.97),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatsState:
    """Beats of the last seconds, in `SLOTS` places a second, and what was seen of each second.

    Attributes
    ----------
    candidates, templates : of one lead, (devices, ...), or of two, (devices, 2, ...)
    t : (devices, KEPT_S * SLOTS), us UTC, 0 in empty places
    seen : (devices, KEPT_S * SLOTS, len(SEEN)), of each beat, whole numbers of 1 / `SEEN_UNIT`
    missing : (devices, KEPT_S * ENVELOPE_HZ), whether there was nothing to judge
    doubt : (devices, KEPT_S), expected number of wrong beats of each second
    """

    candidates: candidates.CandidatesState
    templates: templates.TemplatesState
    paths: paths.PathsState
    t: Instants
    seen: NDArray[np.int32]
    missing: NDArray[np.bool_]
    doubt: Samples


def init(devices: int, rate_hz: int, n_leads: int = 1) -> BeatsState:
    """Nothing seen yet."""
    rows = devices * n_leads
    return BeatsState(
        candidates=_of_devices(candidates.init(rows, rate_hz), n_leads),
        templates=_of_devices(templates.init(rows), n_leads),
        paths=paths.init(devices),
        t=np.zeros((devices, KEPT_S * SLOTS), dtype=np.int64),
        seen=np.zeros((devices, KEPT_S * SLOTS, len(SEEN)), dtype=np.int32),
        missing=np.ones((devices, KEPT_S * ENVELOPE_HZ), dtype=np.bool_),
        doubt=np.zeros((devices, KEPT_S), dtype=np.float32),
    )


def step(state: BeatsState, samples: Samples, times: Instants) -> tuple[BeatsState, Beats]:
    """Take one second, give the beats of the second before it.

    Parameters
    ----------
    samples : (devices, rate_hz) or (devices, 2, rate_hz), any linear unit, NaN where missing
    times : (devices,), us UTC of the first of them
    """
    n_leads = 1 if samples.ndim == 2 else samples.shape[1]
    second = times // SECOND_US
    candidates_state, templates_state, judged = _judged(state, samples, np.repeat(second, n_leads))
    paths_state, decided = paths.step(
        state.paths, judged.row, judged.place, judged.summit_us, judged.odds, judged.first,
        judged.seen, second,
    )  # fmt: skip
    t = decided.t + (times % SECOND_US)[decided.row]
    new = t - state.t.max(axis=1)[decided.row] >= TOO_NEAR_US
    row, t = decided.row[new], t[new]
    changed = BeatsState(
        candidates=_of_devices(candidates_state, n_leads),
        templates=_of_devices(templates_state, n_leads),
        paths=paths_state,
        t=shifted(state.t, _in_slots(row, t, len(samples))),
        seen=shifted(state.seen, _in_slots(row, decided.seen[new], len(samples))),
        missing=shifted(state.missing, ~judged.covered),
        doubt=shifted(state.doubt, decided.doubt[:, None].astype(np.float32)),
    )
    rr_us = _interval_before(changed, row, t, times)
    rr_ms = np.where(rr_us > 0, rr_us / 1000, np.nan).astype(np.float32)
    quality = _chance(decided.odds[new], decided.noise[row]).astype(np.float32)
    return changed, Beats(BeatKind.R_PEAK, row, t, rr_ms, quality)


def _judged(
    state: BeatsState, samples: Samples, second: Instants
) -> tuple[candidates.CandidatesState, templates.TemplatesState, leads.Judged]:
    """Candidates and what the nets say of them; `second` of each lead."""
    n_leads = 1 if samples.ndim == 2 else samples.shape[1]
    rows = samples.reshape(-1, samples.shape[-1])
    candidates_state, found = candidates.step(_of_leads(state.candidates, n_leads), rows)
    first = first_net().log_odds(found.features)
    before = _of_leads(state.templates, n_leads)
    templates_state, worth, fits = templates.step(before, found, first, second)
    both = np.concatenate((found.features[worth], fits), axis=1)
    odds = first.copy()
    odds[worth] = second_net().log_odds(both)
    seen = np.zeros((len(odds), len(SEEN)), dtype=np.float32)
    seen[worth] = both[:, _seen_places()]
    judged = leads.Judged(
        found.row, found.place, summit_us(found.shape), odds, first, seen, found.covered
    )
    if n_leads > 1:
        judged = leads.fused(judged, templates.mean_doubt(templates_state))
    return candidates_state, templates_state, judged


def _of_leads(state: State, n_leads: int) -> State:
    """A row for each lead."""
    if n_leads == 1:
        return state
    return each_array(state, lambda array: array.reshape(-1, *array.shape[2:]))


def _of_devices(state: State, n_leads: int) -> State:
    """A row for each device."""
    if n_leads == 1:
        return state
    return each_array(state, lambda array: array.reshape(-1, n_leads, *array.shape[1:]))


def _chance(odds: Samples, noise: Samples) -> Samples:
    """Share of such beats that are annotated ones, by log odds and by the noise of late."""
    clean, noisy = (np.interp(odds, CHANCE[0], shares) for shares in CHANCE[1:])
    return clean + (noisy - clean) * noise


@cache
def _seen_places() -> list[int]:
    names = (*candidates.FEATURES, *templates.FEATURES)
    return [names.index(name) for name in SEEN]


@cache
def first_net() -> Net:
    """Judges a candidate by itself."""
    sizes = (len(candidates.FEATURES), *beat_weights.FIRST_UNITS, 1)
    return from_text(beat_weights.FIRST, sizes)


@cache
def second_net() -> Net:
    """Judges a candidate knowing the beats of the person."""
    inputs = len(candidates.FEATURES) + len(templates.FEATURES)
    return from_text(beat_weights.SECOND, (inputs, *beat_weights.SECOND_UNITS, 1))


def summit_us(shape: Samples) -> NDArray[np.int64]:
    """Time of the largest deflection of each shape from its middle, by a parabola: us."""
    middle = 2 * SHAPE_BEFORE
    size = np.abs(shape[:, middle - TRACE_HALF : middle + TRACE_HALF + 1])
    n = np.arange(len(size))
    at = np.clip(np.argmax(size, axis=1), 1, size.shape[1] - 2)
    before, top, after = size[n, at - 1], size[n, at], size[n, at + 1]
    bend = before - 2 * top + after
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0, 0.5 * (before - after) / bend, 0.0)
    place = at - TRACE_HALF + np.clip(shift, -0.5, 0.5)
    return np.asarray(np.rint(place * (SECOND_US / TRACE_HZ)), dtype=np.int64)


def _in_slots(row: Rows, values: NDArray[Any], devices: int) -> NDArray[Any]:
    """What belongs to beats as (devices, SLOTS, ...), 0 in empty places."""
    if values.dtype == np.float32:
        values = np.rint(values * SEEN_UNIT).astype(np.int32)
    slots = np.zeros((devices, SLOTS, *values.shape[1:]), dtype=values.dtype)
    first = np.searchsorted(row, row, side="left")
    rank = np.arange(len(row)) - first
    fits = rank < SLOTS
    slots[row[fits], rank[fits]] = values[fits]
    return slots


def _interval_before(
    state: BeatsState, row: Rows, t: Instants, times: Instants
) -> NDArray[np.int64]:
    """Microseconds from the beat before, 0 where there is none or samples are missing between."""
    earlier = state.t[row]
    before = np.where(earlier < t[:, None], earlier, 0).max(axis=1, initial=0)
    gap = t - before
    known = (before > 0) & (gap <= MAX_RR_US)
    known &= ~missing_between(state, row, before, t, times)
    return np.where(known, gap, 0)


def missing_between(
    state: BeatsState, row: Rows, start: Instants, end: Instants, times: Instants
) -> NDArray[np.bool_]:
    """Whether samples are missing between two moments of the last `KEPT_S` seconds.

    `times` is what `step` got last: what was judged ends `SEEN_AHEAD` after it.
    """
    found = np.zeros(len(row), dtype=np.bool_)
    if not state.missing.any():  # as nearly always: else all of it would be counted in vain
        return found
    has_holes = np.asarray(state.missing.any(axis=1))
    asked = np.flatnonzero(has_holes[row])
    if not len(asked):
        return found
    row, start, end = row[asked], start[asked], end[asked]
    some = np.flatnonzero(has_holes)
    before = np.zeros((len(some), 1), dtype=np.int64)
    count = np.concatenate((before, np.cumsum(state.missing[some], axis=1)), axis=1)
    kept = KEPT_S * ENVELOPE_HZ - SEEN_AHEAD
    origin = times[row] - kept * SECOND_US // ENVELOPE_HZ
    length = state.missing.shape[1]
    first = np.clip((start - origin) * ENVELOPE_HZ // SECOND_US, 0, length)
    last = np.clip((end - origin) * ENVELOPE_HZ // SECOND_US, 0, length)
    place = np.searchsorted(some, row)
    found[asked] = count[place, last] > count[place, first]
    return found
