"""Heart beats in one lead of the ECG, each with the probability that it is one.

A candidate is a beat when a small net says so (more likely than not) and no likelier candidate
lies within the refractory time. Both look at bounded time on either side, so that a beat depends
on nothing before, not even on the beat before it.

References
----------
Pan and Tompkins 1985, IEEE TBME 32:230 (band, slope, T waves, refractory time). Departs from it:
levels are medians over fixed time instead of running estimates of signal and noise; the features
meet in a net trained on annotated records, whose outputs are probabilities on unseen people
(``docs/science/ecg.md``).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import beat_weights, candidates
from services.dsp.core.ecg.bands import ENVELOPE_HZ, TRACE_HZ
from services.dsp.core.ecg.candidates import TRACE_HALF, Candidates
from services.dsp.core.outputs import Beats
from services.dsp.core.windows import Instants, Rows, Samples, shifted
from shared.contracts.beats import BeatKind

REFRACTORY = 13  # of ENVELOPE_HZ, 0.2 s: no second QRS within it, Pan and Tompkins 1985
SLOTS = 6  # beats that a second can hold: refractory time, and one for the rounding
KEPT_S = 12  # seconds of beats kept: the window of the heart rate, and one at each edge
SECOND_US = 1_000_000
DELAY_S = 1  # of the beats behind the newest sample
MAX_RR_US = 5 * SECOND_US  # a pause longer than that is no interval
FEATURE_BOUND = 6.0  # logarithms: beyond a factor of 400 more says nothing more


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatsState:
    """Beats of the last seconds, in `SLOTS` places a second, and what was seen of each second.

    Attributes
    ----------
    t : (devices, KEPT_S * SLOTS), us UTC, 0 in empty places
    missing : (devices, KEPT_S * ENVELOPE_HZ), whether there was nothing to judge
    doubt : (devices, KEPT_S), expected number of wrong beats of each second
    """

    candidates: candidates.CandidatesState
    t: Instants
    missing: NDArray[np.bool_]
    doubt: Samples


def init(devices: int, rate_hz: int) -> BeatsState:
    """Nothing seen yet."""
    return BeatsState(
        candidates=candidates.init(devices, rate_hz),
        t=np.zeros((devices, KEPT_S * SLOTS), dtype=np.int64),
        missing=np.ones((devices, KEPT_S * ENVELOPE_HZ), dtype=np.bool_),
        doubt=np.zeros((devices, KEPT_S), dtype=np.float32),
    )


def step(state: BeatsState, samples: Samples, times: Instants) -> tuple[BeatsState, Beats]:
    """Take one second, give the beats of the second before it.

    Parameters
    ----------
    samples : (devices, rate_hz), any linear unit, NaN where missing
    times : (devices,), us UTC of the first of them
    """
    found_state, found = candidates.step(state.candidates, samples)
    logit = judge(found.features)
    inside = (found.place >= 0) & (found.place < ENVELOPE_HZ)
    accepted = inside & (logit > 0) & ~_outdone(found, logit)
    chance = 1 / (1 + functions.exp(-np.abs(logit)))  # of the verdict
    doubtful = inside & (accepted | (logit <= 0))
    doubt = np.bincount(
        found.row[doubtful], weights=1 - chance[doubtful], minlength=len(samples)
    ).astype(np.float32)
    row, place = found.row[accepted], found.place[accepted]
    after_us = ((place + candidates.SHIFT) * SECOND_US) // ENVELOPE_HZ
    after_us += _summit_us(found.shape[accepted])
    t = times[row] - SECOND_US + after_us
    changed = BeatsState(
        candidates=found_state,
        t=shifted(state.t, _in_slots(row, t, len(samples))),
        missing=shifted(state.missing, ~found.covered),
        doubt=shifted(state.doubt, doubt[:, None]),
    )
    rr_us = _interval_before(changed, row, t, times)
    rr_ms = np.where(rr_us > 0, rr_us / 1000, np.nan).astype(np.float32)
    return changed, Beats(BeatKind.R_PEAK, row, t, rr_ms, chance[accepted].astype(np.float32))


def judge(features: Samples) -> Samples:
    """Logarithm of the odds that each candidate (candidates, features) is a beat."""
    hidden_weights, hidden_offset, output, output_offset = _weights()
    bounded = np.clip(features, -FEATURE_BOUND, FEATURE_BOUND)
    # Added one feature after the other: a matrix product would round by the number of candidates.
    # Two rows at least: a single one would be summed along another axis, in another order.
    n = max(2, len(bounded))
    parts = np.empty((1 + len(hidden_weights), n, len(output)))
    parts[0] = hidden_offset
    parts[1:, len(bounded) :] = 0
    np.multiply(bounded.T[:, :, None], hidden_weights[:, None, :], out=parts[1:, : len(bounded)])
    hidden = functions.tanh(np.add.reduce(parts, axis=0))
    votes = np.empty((1 + len(output), n))
    votes[0] = output_offset
    np.multiply(hidden.T, output[:, None], out=votes[1:])
    logit: Samples = np.add.reduce(votes, axis=0)[: len(bounded)]
    return logit


@cache
def _weights() -> tuple[Samples, Samples, Samples, np.float64]:
    hidden = np.array(beat_weights.HIDDEN)
    assert hidden.shape[0] == len(candidates.FEATURES)
    offset, output = np.array(beat_weights.HIDDEN_OFFSET), np.array(beat_weights.OUTPUT)
    return hidden, offset, output, np.float64(beat_weights.OUTPUT_OFFSET)


def _outdone(found: Candidates, logit: Samples) -> NDArray[np.bool_]:
    """Whether a likelier candidate (at a tie: the earlier) lies within the refractory time."""
    outdone = np.zeros(len(logit), dtype=np.bool_)
    key = found.row * 4 * ENVELOPE_HZ + found.place
    for apart in range(1, 1 + REFRACTORY // (candidates.NEIGHBOUR + 1) + 1):
        if apart >= len(logit):
            break
        near = (key[apart:] - key[:-apart]) < REFRACTORY
        outdone[apart:] |= near & (logit[:-apart] >= logit[apart:])
        outdone[:-apart] |= near & (logit[apart:] > logit[:-apart])
    return outdone


def _summit_us(shape: Samples) -> NDArray[np.int64]:
    """Time of the largest deflection of each shape from its middle, by a parabola: us."""
    size = np.abs(shape)
    n = np.arange(len(size))
    at = np.clip(np.argmax(size, axis=1), 1, size.shape[1] - 2)
    before, top, after = size[n, at - 1], size[n, at], size[n, at + 1]
    bend = before - 2 * top + after
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0, 0.5 * (before - after) / bend, 0.0)
    place = at - TRACE_HALF + np.clip(shift, -0.5, 0.5)
    return np.asarray(np.rint(place * (SECOND_US / TRACE_HZ)), dtype=np.int64)


def _in_slots(row: Rows, t: Instants, devices: int) -> Instants:
    """Beat times as (devices, SLOTS), 0 in empty places."""
    slots = np.zeros((devices, SLOTS), dtype=np.int64)
    first = np.searchsorted(row, row, side="left")
    rank = np.arange(len(row)) - first
    fits = rank < SLOTS
    slots[row[fits], rank[fits]] = t[fits]
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

    `times` is what `step` got last: the beats that are kept end there (and 62 ms later).
    """
    has_holes = np.asarray(state.missing.any(axis=1))
    asked = np.flatnonzero(has_holes[row])  # nearly none: else all of it would be counted in vain
    found = np.zeros(len(row), dtype=np.bool_)
    if not len(asked):
        return found
    row, start, end = row[asked], start[asked], end[asked]
    some = np.flatnonzero(has_holes)
    before = np.zeros((len(some), 1), dtype=np.int64)
    count = np.concatenate((before, np.cumsum(state.missing[some], axis=1)), axis=1)
    kept = KEPT_S * ENVELOPE_HZ - candidates.SHIFT
    origin = times[row] - kept * SECOND_US // ENVELOPE_HZ
    length = state.missing.shape[1]
    first = np.clip((start - origin) * ENVELOPE_HZ // SECOND_US, 0, length)
    last = np.clip((end - origin) * ENVELOPE_HZ // SECOND_US, 0, length)
    place = np.searchsorted(some, row)
    found[asked] = count[place, last] > count[place, first]
    return found
