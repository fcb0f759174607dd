"""Classes of heart beats (N, S, V, F, Q of ANSI/AAMI EC57), each beside its own neighbours.

Every other second all of the ring is judged anew, so a class depends on that minute only. A
beat is told when it is `AHEAD_S` old, because the pause after it and the beats that look like it
count.

V: a small net compares each beat with the most common one of the ring (rhythm, likeness, width)
and the beats that look alike vote together, the early ones among themselves. S: early, narrow,
suddenly so, and not in a rhythm that is irregular throughout, where early means nothing. F:
`fusion.py`. Q: the detector is not sure that it is a beat at all.

References
----------
Hu et al. 1997 (patient's own beats as the measure); ANSI/AAMI EC57 for the classes.
"""

from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import class_weights, fusion, nets, prematurity, shapes
from services.dsp.core.ecg.ring import (
    INTERVALS_S,
    LIKENESS_LEVELS,
    RING_S,
    BeatsState,
    Ring,
    due,
    follow,
    masked_median,
    taken,
)
from services.dsp.core.ecg.shapes import SECOND_US
from services.dsp.core.outputs import Beats, Output
from services.dsp.core.windows import Instants, Rows, Samples
from shared.contracts.beats import BeatClass, BeatKind

ALIKE = 0.86  # least correlation less size difference of beats that vote together
OWN_VOTE = 0.15
LOGIT_BOUND = nets.BOUND
LOGIT_ONE = 64
V_LOGIT = 0.5  # docs/science/classes.md for all three
IRREGULAR_V_LOGIT = 1.0  # what is early says nothing, and wide beats may be conducted (Ashman)
EARLY_V_LOGIT = 0.0  # most early beats that look unlike are V
ON_TIME = 0.12  # ln: a beat on time that hardly another looks like is a normal one in an artefact
ALONE = 5  # beats alike, itself included
S_QUALITY_LEAST = 0.98  # of the detector: what is not surely a beat is not early
BLOCK = 16  # rows whose beats vote at once: what they take stays in the cache
QUALITY_LEAST = 0.7  # of the detector: a beat that may be none is not classified

FEATURES = (
    "rr_before", "rr_after", "likeness", "size", "sharp", "width", "spread", "sign", "common",
    "p_likeness", "rr_change", "likeness_before", "likeness_after", "sharp_own", "spread_own",
)  # fmt: skip


class Judged(NamedTuple):
    """The ring of some devices, judged.

    Attributes
    ----------
    features : (devices, RING, len(FEATURES)), for the net
    alike : (devices, RING, RING), which beats vote together: both ways
    n_alike : (devices, RING), how many each of them has, itself included
    valid : (devices, RING)
    p_height : (devices,), of the mean P wave of the usual beats, in parts of the complex's height
    """

    features: Samples
    alike: NDArray[np.bool_]
    n_alike: NDArray[np.int16]
    valid: NDArray[np.bool_]
    p_height: Samples


def step(
    state: BeatsState, samples: Samples, times: Instants, heart: Output
) -> tuple[BeatsState, Output]:
    """Take one second and the beats it led to; give the classes of the beats of `DELAY_S` before.

    Parameters
    ----------
    samples : (devices, rate_hz), the ECG in any linear unit, NaN where missing
    times : (devices,), us UTC of the first of them
    heart : what the detector of beats said of this second
    """
    followed = follow(state, samples, times, heart)
    seen = look(followed, times)
    return noted(followed, seen, times), Output((), told(followed.ring, seen))


class View(NamedTuple):
    """The rings of the devices that have beats to be judged now, and what is thought of them.

    Attributes
    ----------
    row, at : device and place in its ring of each beat that is old enough
    part : index of its device among `rows`
    rows : the devices; all that follows is of them
    classes : (rows, RING), those of the newest `AHEAD_S` are provisional
    free : (rows, RING), whether the interval before lies between beats that are not V
    entropy : (rows,), how little one interval says of the next
    score : (rows, RING), logarithm of the odds of V against N and S, after the vote
    """

    row: Rows
    at: Rows
    part: Rows
    rows: Rows
    ring: Ring
    judged: Judged
    classes: NDArray[np.int8]
    free: NDArray[np.bool_]
    entropy: Samples
    score: Samples


class Timing(NamedTuple):
    """When the beats of some rings come: `free` and `entropy` as in `View`.

    Attributes
    ----------
    usual : (rows,), ln s, the interval of the undisturbed rhythm of the last minute
    """

    free: NDArray[np.bool_]
    entropy: Samples
    usual: Samples


def look(state: BeatsState, times: Instants) -> View:
    """Judge the rings that have beats which are old enough."""
    ring = state.ring
    row, at = due(ring, times)
    rows, part = np.unique(row, return_inverse=True)
    mine = ring if len(rows) == len(times) else taken(ring, rows)
    judged = judge(mine, times[rows])
    own = logits(judged.features)
    score = together(own, judged.alike, judged.n_alike)
    free = prematurity.between_normal(mine, judged.valid, score > V_LOGIT)
    entropy = prematurity.irregularity(mine.rr, free)
    usual = prematurity.usual_interval(mine.rr, free)
    short = prematurity.is_regular(entropy, free)[:, None] & judged.valid
    short &= mine.rr < usual[:, None] - prematurity.EARLY
    score = among_early(own, score, judged.alike, short)
    timing = Timing(free, entropy, usual)
    classes = classify(mine, judged, score, timing, state.intervals[rows])
    return View(row, at, part, rows, mine, judged, classes, free, entropy, score)


def noted(state: BeatsState, seen: View, times: Instants) -> BeatsState:
    """The state with the intervals of the beats that are told now."""
    which = np.flatnonzero(seen.free[seen.part, seen.at])
    row, at = seen.row[which], seen.at[which]
    age_s = times[row] // SECOND_US - state.ring.t[row, at] // SECOND_US
    intervals = state.intervals.copy()
    np.fmax.at(intervals, (row, INTERVALS_S - 1 - age_s), state.ring.rr[row, at])
    return replace(state, intervals=intervals)


def told(ring: Ring, seen: View) -> Beats:
    """The beats that are old enough, with their classes."""
    row, at = seen.row, seen.at
    return Beats(
        BeatKind.R_PEAK, row, ring.t[row, at], ring.rr_ms[row, at], ring.quality[row, at],
        seen.classes[seen.part, at],
    )  # fmt: skip


def judge(ring: Ring, times: Instants) -> Judged:
    """Each beat of the rings beside the most common one of its ring."""
    valid = ring.t > (times - (RING_S - 1) * SECOND_US)[:, None]
    rows = np.arange(len(times))
    join_level = int(np.ceil((ALIKE + 1) / 2 * LIKENESS_LEVELS))
    alike = ring.likeness >= join_level
    alike &= valid[:, None, :]
    alike[~valid] = False
    counts = np.add.reduce(alike.view(np.uint8), axis=1, dtype=np.uint8)  # RING at most
    n_alike = counts.astype(np.int16)
    n = np.maximum(valid.sum(axis=1), 1)
    usual = np.argmax(n_alike, axis=1)
    likeness = ring.likeness[rows, usual] * np.float32(2 / LIKENESS_LEVELS) - 1
    members = alike[rows, usual]
    of_usual = masked_median(ring.measures.transpose(0, 2, 1), members[:, None])
    relative = ring.measures - of_usual[:, None]
    has_rr = valid & np.isfinite(ring.rr)
    middle = masked_median(ring.rr, has_rr)
    rr = np.where(has_rr, ring.rr - middle[:, None], 0).astype(np.float32)
    change = masked_median(np.abs(rr), has_rr)
    kinds = np.zeros((*valid.shape, len(FEATURES)), dtype=np.float32)
    kinds[:, :, 0] = rr
    kinds[:, :-1, 1] = rr[:, 1:]
    kinds[:, :, 2] = likeness
    kinds[:, :, 3:7] = relative[:, :, :4]
    kinds[:, :, 7] = np.abs(relative[:, :, 4])
    kinds[:, :, 8] = n_alike / n[:, None]
    kinds[:, :, 9], p_height = _p_waves(ring.p_wave, members)
    kinds[:, :, 10] = change[:, None]
    kinds[:, 1:, 11] = likeness[:, :-1] * valid[:, :-1]
    kinds[:, :-1, 12] = likeness[:, 1:]
    kinds[:, :, 13] = ring.measures[:, :, 1]
    kinds[:, :, 14] = ring.measures[:, :, 3]
    return Judged(kinds, alike, n_alike, valid, p_height)


def _p_waves(p_wave: Samples, members: NDArray[np.bool_]) -> tuple[Samples, Samples]:
    """Correlation of what lies before each beat with the mean of the usual ones; its height."""
    n = np.maximum(members.sum(axis=1), 1)[:, None]
    # Whole numbers below 24 bits: exact in any order.
    total = (members[:, None, :].astype(np.float32) @ p_wave)[:, 0]
    mean = np.rint(total / n)
    product = (p_wave @ mean[:, :, None])[:, :, 0]
    power = np.einsum("ijk,ijk->ij", p_wave, p_wave)
    power = power * (mean**2).sum(axis=1)[:, None]
    height = (mean.max(axis=1) - mean.min(axis=1)) / shapes.P_ONE
    return product / np.sqrt(np.maximum(power, 1)), height


def logits(features: Samples) -> Samples:
    """Logarithm of the odds of V against N and S, of each beat by itself: (devices, RING)."""
    return _net().log_odds(features.reshape(-1, len(FEATURES))).reshape(features.shape[:2])


@cache
def _net() -> nets.Net:
    hidden = np.array(class_weights.HIDDEN), np.array(class_weights.HIDDEN_OFFSET)
    assert hidden[0].shape[0] == len(FEATURES)
    output = np.array(class_weights.OUTPUT)[:, None], np.array([class_weights.OUTPUT_OFFSET])
    return nets.net([hidden, output], nets.FINE)


def together(
    logit: Samples, alike: NDArray[np.bool_], n_alike: NDArray[np.int16]
) -> Samples:  # fmt: skip
    """The logits after the beats that look alike have voted."""
    whole = _whole(logit)
    votes = -whole
    for begin in range(0, len(whole), BLOCK):
        part = slice(begin, begin + BLOCK)
        votes[part] += (alike[part].astype(np.float32) @ whole[part, :, None])[:, :, 0]  # exact
    return _voted(whole, votes, n_alike.astype(np.int64) - 1)


def among_early(
    logit: Samples, score: Samples, alike: NDArray[np.bool_], early: NDArray[np.bool_]
) -> Samples:
    """The same, but of early beats: those alike that are early too have voted.

    A ventricular beat that looks much like the usual one would be outvoted by all of that kind,
    which come on time.
    """
    rows = np.flatnonzero(early.any(axis=1))
    told = score.copy()
    for begin in range(0, len(rows), BLOCK):
        part = rows[begin : begin + BLOCK]
        is_early = early[part]
        whole = np.where(is_early, _whole(logit[part]), 0)
        pair = np.stack((whole, is_early), axis=2, dtype=np.float32)
        votes, voters = np.moveaxis(alike[part].astype(np.float32) @ pair - pair, 2, 0)  # exact
        told[part] = np.where(is_early, _voted(whole, votes, voters), score[part])
    return told


def _whole(logit: Samples) -> Samples:
    return np.rint(np.clip(logit, -LOGIT_BOUND, LOGIT_BOUND) * LOGIT_ONE).astype(np.float32)


def _voted(whole: Samples, votes: Samples, voters: NDArray[Any]) -> Samples:
    """Own votes and those of others, of which there are so many."""
    mean = votes / np.maximum(voters, 1)
    return np.where(voters > 0, OWN_VOTE * whole + (1 - OWN_VOTE) * mean, whole) / LOGIT_ONE


def classify(
    ring: Ring,
    judged: Judged,
    score: Samples,
    timing: Timing,
    intervals: Samples,
) -> NDArray[np.int8]:
    """The class of each beat of the rings: (devices, RING). V does not rest on `intervals`."""
    free, entropy, usual = timing
    is_regular = prematurity.is_regular(entropy, free)
    before_time = prematurity.early(ring.rr, free, usual)
    early = before_time & is_regular[:, None]
    on_time = (np.abs(ring.rr - usual[:, None]) < ON_TIME) & is_regular[:, None]
    alone = judged.n_alike <= ALONE
    least = np.where(is_regular, V_LOGIT, IRREGULAR_V_LOGIT)
    ventricular = (score > least[:, None]) & ~(on_time & alone)
    ventricular |= early & (score > EARLY_V_LOGIT)
    pace = prematurity.pace(usual, intervals)
    if (pace != usual).any():
        before_time = prematurity.early(ring.rr, free, pace)
    before_time &= prematurity.is_regular(entropy, free, prematurity.STEADY)[:, None]
    supraventricular = prematurity.sudden(ring.rr, free, pace, before_time)
    supraventricular &= ring.quality > S_QUALITY_LEAST
    supraventricular[:, :-1] &= ~ventricular[:, 1:]  # of a couplet, or of an interval told wrongly
    classes = np.where(
        ventricular, BeatClass.V, np.where(supraventricular, BeatClass.S, BeatClass.N)
    )
    classes = np.where(ring.quality < QUALITY_LEAST, BeatClass.Q, classes)
    late = np.where(judged.valid, ring.rr - usual[:, None], np.nan)
    normal, wide = (judged.valid & (classes == kind) for kind in (BeatClass.N, BeatClass.V))
    is_fused = fusion.fused(ring.qrs, late, normal, wide, judged.alike) & (normal | wide)
    return np.where(is_fused, BeatClass.F, classes).astype(np.int8)
