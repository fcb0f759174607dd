"""Classes of heart beats (N, S, V, Q of ANSI/AAMI EC57), each judged beside its own neighbours.

A ring holds what the beats of the last minute look like. Each second all of it is judged anew:
nothing is learned on the way, so a class depends on that minute only, whatever came before. A
beat is told when it is `AHEAD_S` old, because the pause after it and the beats that look like it
count.

V: a small net compares each beat with the most common one of the ring (rhythm, likeness, width)
and the beats that look alike vote together. S: early, narrow, suddenly so, and not in a rhythm
that is irregular throughout, where early means nothing.

References
----------
Hu et al. 1997 (patient's own beats as the measure); Lake and Moorman 2011 (sample entropy of
intervals, for the irregular rhythm); ANSI/AAMI EC57 for the classes. F is not attempted: fusion
beats come out as N or V.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import class_weights, shapes
from services.dsp.core.ecg.shapes import SECOND_US, SHAPE_ONE, Shapes, ShapesState
from services.dsp.core.outputs import Beats, Output
from services.dsp.core.windows import Floats, Instants, Rows, Samples
from shared.contracts.beats import BeatClass, BeatKind

RING = 96  # beats: a minute at 96 per minute
RING_S = 60  # seconds: enough beats to know what is common at 40 per minute, less than most drifts
AHEAD_S = 5  # a beat is judged when it is so old: the pause after it, and the next ones like it
HOP_S = 2  # seconds of the absolute grid: half the work for a second of delay
DELAY_S = AHEAD_S + HOP_S
ALIKE = 0.86  # least correlation less size difference of beats that vote together
SIZE_WEIGHT = 0.15  # of the difference of the logarithms of size
OWN_VOTE = 0.15
LOGIT_BOUND = 6.0
LOGIT_ONE = 64
V_LOGIT = 0.3  # where sensitivity and predictivity on unseen people meet
EARLY_V_LOGIT = -1.0  # of beats that are early: most early beats that look unlike are V
ON_TIME = 0.12  # ln: a beat on time that hardly another looks like is a normal one in an artefact
ALONE = 5  # beats alike, itself included
S_QUALITY_LEAST = 0.97  # of the detector: what is not surely a beat is not early
EARLY = 0.16  # ln: 15 % before its time, as clinicians count it (10 to 20 %)
EARLY_SPREADS = 4.0  # and beyond the usual change of this patient's intervals
SUDDEN = 0.10  # ln: shorter than the interval before: sinus arrhythmia comes slowly
USUAL = 0.85  # quantile of the intervals where the search for the sinus rhythm begins
USUAL_NEAR = 0.16
ENTROPY_NEAR = 0.06  # ln: intervals that count as equal
IRREGULAR = 1.4  # sample entropy above: no telling what is early
LEAST_INTERVALS = 5
QUALITY_LEAST = 0.7  # of the detector: a beat that may be none is not classified
_LEVELS = 255  # of likeness, -1 to 1

FEATURES = (
    "rr_before", "rr_after", "likeness", "size", "sharp", "width", "spread", "sign", "common",
    "p_likeness", "rr_change", "likeness_before", "likeness_after", "sharp_own", "spread_own",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """What is known of the last beats, the newest at the end; `t` is 0 in empty places."""

    t: Instants  # (devices, RING), us UTC
    rr_ms: Samples  # to the beat before, NaN when unknown
    rr: Samples  # ln of it in s
    quality: Samples
    measures: Samples  # (devices, RING, len(MEASURES))
    qrs: Samples  # (devices, RING, len(QRS))
    p_wave: Samples
    likeness: NDArray[np.uint8]  # (devices, RING, RING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassesState:
    """The trace, and the ring of beats."""

    shapes: ShapesState
    ring: Ring


class Judged(NamedTuple):
    """The ring of some devices, judged.

    Attributes
    ----------
    features : (devices, RING, len(FEATURES)), for the net
    alike : (devices, RING, RING), which beats vote together
    valid : (devices, RING)
    p_height : (devices,), of the mean P wave of the usual beats, in parts of the complex's height
    """

    features: Samples
    alike: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    p_height: Samples


def init(devices: int, rate_hz: int) -> ClassesState:
    """Nothing seen yet."""

    def empty(*shape: int) -> Samples:
        return np.zeros((devices, RING, *shape), dtype=np.float32)

    ring = Ring(
        t=np.zeros((devices, RING), dtype=np.int64), rr_ms=empty(), rr=empty(),
        quality=empty(), measures=empty(len(shapes.MEASURES)), qrs=empty(len(shapes.QRS)),
        p_wave=empty(len(shapes.P_WAVE)),
        likeness=np.zeros((devices, RING, RING), dtype=np.uint8),
    )  # fmt: skip
    return ClassesState(shapes=shapes.init(devices, rate_hz), ring=ring)


def step(
    state: ClassesState, samples: Samples, times: Instants, heart: Output
) -> tuple[ClassesState, Output]:
    """Take one second and the beats it led to; give the classes of the beats of `DELAY_S` before.

    Parameters
    ----------
    samples : (devices, rate_hz), the ECG in any linear unit, NaN where missing
    times : (devices,), us UTC of the first of them
    heart : what the detector of beats said of this second
    """
    changed = follow(state, samples, times, heart)
    seen = look(changed.ring, times)
    return changed, Output((), told(changed.ring, seen))


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
    p_height : (rows,), of the mean P wave, in parts of the complex's height
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
    p_height: Samples


def look(ring: Ring, times: Instants) -> View:
    """Judge the rings that have beats which are old enough."""
    row, at = due(ring, times)
    rows, part = np.unique(row, return_inverse=True)
    mine = ring if len(rows) == len(times) else _taken(ring, rows)
    judged = judge(mine, times[rows])
    score = together(logits(judged.features), judged.alike)
    free = _between_normal(mine, judged.valid, score > V_LOGIT)
    entropy = irregularity(mine.rr, free)
    classes = classify(mine, judged, score, free, entropy)
    return View(row, at, part, rows, mine, judged, classes, free, entropy, judged.p_height)


def told(ring: Ring, seen: View) -> Beats:
    """The beats that are old enough, with their classes."""
    row, at = seen.row, seen.at
    return Beats(
        BeatKind.R_PEAK, row, ring.t[row, at], ring.rr_ms[row, at], ring.quality[row, at],
        seen.classes[seen.part, at],
    )  # fmt: skip


def follow(state: ClassesState, samples: Samples, times: Instants, heart: Output) -> ClassesState:
    """Put the beats of a second into the ring."""
    seen = shapes.step(state.shapes, samples)
    beats, ring = heart.beats, state.ring
    if beats is not None and len(beats.row):
        looks = shapes.cut(seen, beats.row, beats.t, times)
        order = np.arange(len(beats.row)) - np.searchsorted(beats.row, beats.row, side="left")
        for rank in range(int(order.max()) + 1):
            ring = _pushed(ring, np.flatnonzero((order == rank) & looks.known), beats, looks)
    return ClassesState(shapes=seen, ring=ring)


def due(ring: Ring, times: Instants) -> tuple[Rows, Rows]:
    """Row and place of the beats that are old enough by now to be judged."""
    second = times // SECOND_US
    end = ((second + 1 - AHEAD_S) * SECOND_US)[:, None]
    is_hop = ((second + 1) % HOP_S == 0)[:, None]
    row, at = np.nonzero((ring.t > end - HOP_S * SECOND_US) & (ring.t <= end) & is_hop)
    return row, at


def _pushed(ring: Ring, which: Rows, beats: Beats, looks: Shapes) -> Ring:
    """The ring with one more beat in the rows that have one."""
    if not len(which):
        return ring
    row = beats.row[which]
    rr_s = np.clip(beats.rr_ms[which] / 1000, 0.15, 5.0)  # NaN stays
    size = looks.measures[which, 0]
    alike = (ring.qrs[row] @ looks.qrs[which].transpose(0, 2, 1)).max(axis=2) / SHAPE_ONE**2
    alike = alike - SIZE_WEIGHT * np.abs(ring.measures[row, :, 0] - size[:, None])
    level = np.clip(np.rint((alike + 1) / 2 * _LEVELS), 0, _LEVELS).astype(np.uint8)
    likeness = np.empty((len(row), RING, RING), dtype=np.uint8)
    likeness[:, :-1, :-1] = ring.likeness[row, 1:, 1:]
    likeness[:, -1, :-1] = likeness[:, :-1, -1] = level[:, 1:]
    likeness[:, -1, -1] = _LEVELS
    newest = {
        "t": beats.t[which], "rr_ms": beats.rr_ms[which], "rr": functions.log(rr_s),
        "quality": beats.quality[which], "measures": looks.measures[which],
        "qrs": looks.qrs[which, len(shapes.QRS_SHIFTS) // 2], "p_wave": looks.p_wave[which],
    }  # fmt: skip
    changes: dict[str, Any] = {"likeness": _put(ring.likeness, row, likeness)}
    for name, value in newest.items():
        old = getattr(ring, name)
        moved = np.concatenate((old[row, 1:], value[:, None].astype(old.dtype)), axis=1)
        changes[name] = _put(old, row, moved)
    return replace(ring, **changes)


def _put(array: NDArray[Any], row: Rows, part: NDArray[Any]) -> NDArray[Any]:
    if len(row) == len(array):
        return part  # each row has one, in order
    changed = array.copy()
    changed[row] = part
    return changed


def _taken(ring: Ring, rows: Rows) -> Ring:
    return Ring(**{name: getattr(ring, name)[rows] for name in Ring.__dataclass_fields__})


def judge(ring: Ring, times: Instants) -> Judged:
    """Each beat of the rings beside the most common one of its ring."""
    valid = ring.t > (times - (RING_S - 1) * SECOND_US)[:, None]
    rows = np.arange(len(times))
    join_level = int(np.ceil((ALIKE + 1) / 2 * _LEVELS))
    alike = (ring.likeness >= join_level) & valid[:, :, None] & valid[:, None, :]
    n_alike = alike.sum(axis=2, dtype=np.int16)
    n = np.maximum(valid.sum(axis=1), 1)
    usual = np.argmax(n_alike, axis=1)
    likeness = ring.likeness[rows, usual] * np.float32(2 / _LEVELS) - 1
    members = alike[rows, usual]
    relative = ring.measures - np.stack(
        [masked_median(ring.measures[:, :, k], members) for k in range(len(shapes.MEASURES))],
        axis=1,
    )[:, None]  # fmt: skip
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
    return Judged(kinds, alike, valid, p_height)


def _p_waves(p_wave: Samples, members: NDArray[np.bool_]) -> tuple[Samples, Samples]:
    """Correlation of what lies before each beat with the mean of the usual ones; its height."""
    n = np.maximum(members.sum(axis=1), 1)[:, None]
    # Whole numbers below 24 bits: exact in any order.
    total = (members[:, None, :].astype(np.float32) @ p_wave)[:, 0]
    mean = np.rint(total / n)
    product = (p_wave @ mean[:, :, None])[:, :, 0]
    power = (p_wave[:, :, None, :] @ p_wave[:, :, :, None])[:, :, 0, 0]
    power = power * (mean**2).sum(axis=1)[:, None]
    height = (mean.max(axis=1) - mean.min(axis=1)) / shapes.P_ONE
    return product / np.sqrt(np.maximum(power, 1)), height


def masked_median(values: Samples, mask: NDArray[np.bool_]) -> Samples:
    """Median (the lower one) of each row of (rows, n) over where `mask` is; 0 where nowhere."""
    ordered = np.sort(np.where(mask, values, np.inf), axis=1)
    n = mask.sum(axis=1)
    middle = ordered[np.arange(len(values)), np.maximum(n - 1, 0) // 2]
    return np.where(n > 0, middle, 0)


def logits(features: Samples) -> Samples:
    """Logarithm of the odds of V against N and S, of each beat by itself: (devices, RING)."""
    hidden_weights, hidden_offset, output, output_offset = _weights()
    flat = np.clip(features.reshape(-1, len(FEATURES)), -LOGIT_BOUND, LOGIT_BOUND)
    # One feature after the other: a matrix product would round by the number of rows.
    hidden = np.tile(hidden_offset, (len(flat), 1))
    for k, weights in enumerate(hidden_weights):
        hidden += flat[:, k, None] * weights
    votes = functions.tanh(hidden)
    told = np.full(len(flat), output_offset)
    for k, weight in enumerate(output):
        told += votes[:, k] * weight
    return told.reshape(features.shape[:2])


@cache
def _weights() -> tuple[Floats, Floats, Floats, float]:
    hidden = np.array(class_weights.HIDDEN)
    assert hidden.shape[0] == len(FEATURES)
    offset, output = np.array(class_weights.HIDDEN_OFFSET), np.array(class_weights.OUTPUT)
    return hidden, offset, output, class_weights.OUTPUT_OFFSET


def together(logit: Samples, alike: NDArray[np.bool_]) -> Samples:
    """The logits after the beats that look alike have voted."""
    whole = np.rint(np.clip(logit, -LOGIT_BOUND, LOGIT_BOUND) * LOGIT_ONE).astype(np.float32)
    votes = (alike.astype(np.float32) @ whole[:, :, None])[:, :, 0] - whole  # exact
    voters = alike.sum(axis=2) - 1
    mean = votes / np.maximum(voters, 1)
    return np.where(voters > 0, OWN_VOTE * whole + (1 - OWN_VOTE) * mean, whole) / LOGIT_ONE


def classify(
    ring: Ring,
    judged: Judged,
    score: Samples,
    free: NDArray[np.bool_],
    entropy: Samples,
) -> NDArray[np.int8]:
    """The class of each beat of the rings: (devices, RING)."""
    usual = _usual_interval(ring.rr, free)
    is_regular = (entropy < IRREGULAR) & (free.sum(axis=1) >= LEAST_INTERVALS)
    early = _early(ring.rr, free, usual) & is_regular[:, None]
    on_time = (np.abs(ring.rr - usual[:, None]) < ON_TIME) & is_regular[:, None]
    alone = judged.alike.sum(axis=2) <= ALONE
    ventricular = (score > V_LOGIT) & ~(on_time & alone)
    ventricular |= early & (score > EARLY_V_LOGIT)
    supraventricular = _sudden(ring.rr, free, usual, early) & (ring.quality > S_QUALITY_LEAST)
    classes = np.where(
        ventricular, BeatClass.V, np.where(supraventricular, BeatClass.S, BeatClass.N)
    )
    return np.where(ring.quality < QUALITY_LEAST, BeatClass.Q, classes).astype(np.int8)


def _early(rr: Samples, free: NDArray[np.bool_], usual: Samples) -> NDArray[np.bool_]:
    """Beats before their time by more than the rhythm varies."""
    near = free & (np.abs(rr - usual[:, None]) < USUAL_NEAR)
    spread = masked_median(np.abs(rr - usual[:, None]), near)
    least = np.maximum(EARLY, EARLY_SPREADS * spread)
    return np.asarray(free & (usual[:, None] - rr > least[:, None]))


def _sudden(
    rr: Samples, free: NDArray[np.bool_], usual: Samples, early: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Early beats that come suddenly, and those that follow them in a run."""
    sudden = np.ones_like(early)
    before = np.where(free[:, :-1], rr[:, :-1], usual[:, None])
    sudden[:, 1:] = np.minimum(before, usual[:, None] + SUDDEN) - rr[:, 1:] > SUDDEN
    called = early & sudden
    for k in range(1, RING):
        called[:, k] |= early[:, k] & called[:, k - 1]
    return np.asarray(called)


def _between_normal(
    ring: Ring, valid: NDArray[np.bool_], wide: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Beats whose interval before lies between two beats that are not V."""
    free = valid & ~wide & np.isfinite(ring.rr)
    free[:, 1:] &= ~wide[:, :-1]
    return free


def _usual_interval(rr: Samples, free: NDArray[np.bool_]) -> Samples:
    """Logarithm of the interval of the undisturbed rhythm: the longest that many agree on."""
    ordered = np.sort(np.where(free, rr, np.inf), axis=1)
    n = free.sum(axis=1)
    rows = np.arange(len(rr))
    usual = ordered[rows, np.clip((USUAL * (n - 1)).astype(np.intp), 0, None)]
    usual = np.where(n > 0, usual, 0)
    for _ in range(3):
        near = free & (np.abs(rr - usual[:, None]) < USUAL_NEAR)
        usual = np.where(near.any(axis=1), masked_median(rr, near), usual)
    return usual


def irregularity(rr: Samples, free: NDArray[np.bool_]) -> Samples:
    """Sample entropy of the intervals (rows, beats): what one says of the next; NaN is unknown."""
    pair = free[:, 1:] & free[:, :-1]
    here, following = rr[:, :-1], rr[:, 1:]
    both = pair[:, :, None] & pair[:, None, :]
    near = both & (np.abs(here[:, :, None] - here[:, None, :]) < ENTROPY_NEAR)
    nearer = near & (np.abs(following[:, :, None] - following[:, None, :]) < ENTROPY_NEAR)
    n = pair.sum(axis=1)
    first, second = near.sum(axis=(1, 2)) - n, nearer.sum(axis=(1, 2)) - n
    return -functions.log((second + 1) / (first + 2))
