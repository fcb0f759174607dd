"""A ring of the beats of the last minute: when they came, what they look like, who is like whom.

It grows by one row a beat. Nothing is learned on the way: what is thought of it depends on that
minute only, whatever came before.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import shapes
from services.dsp.core.ecg.shapes import SECOND_US, SHAPE_ONE, Shapes, ShapesState
from services.dsp.core.outputs import Beats, Output
from services.dsp.core.windows import (
    Instants,
    Rows,
    Samples,
    at_once,
    each_array,
    put,
    shifted,
)

RING = 96  # beats: a minute at 96 per minute
RING_S = 60  # seconds: enough beats to know what is common at 40 per minute, less than most drifts
AHEAD_S = 5  # a beat is judged when it is so old: the pause after it, and the next ones like it
HOP_S = 2  # seconds of the absolute grid: half the work for a second of delay
DELAY_S = AHEAD_S + HOP_S
INTERVALS_S = 90  # seconds: a run that fills the ring is still seen beside the rhythm before it
MEMORY_S = INTERVALS_S + RING_S  # of the beats of an interval too, when they were judged
SIZE_WEIGHT = 0.15  # of the difference of the logarithms of size
LIKENESS_LEVELS = 255  # of -1 to 1


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
class BeatsState:
    """The trace, the ring of beats, and the intervals of the seconds before.

    Attributes
    ----------
    intervals : (devices, INTERVALS_S), ln s, of the beats of each second that were told the longest
        between two that were not V; NaN where there was none
    """

    shapes: ShapesState
    ring: Ring
    intervals: Samples


def init(devices: int, rate_hz: int) -> BeatsState:
    """Nothing seen yet."""

    def empty(*shape: int) -> Samples:
        return np.zeros((devices, RING, *shape), dtype=np.float32)

    ring = Ring(
        t=np.zeros((devices, RING), dtype=np.int64), rr_ms=empty(), rr=empty(),
        quality=empty(), measures=empty(len(shapes.MEASURES)), qrs=empty(len(shapes.QRS)),
        p_wave=empty(len(shapes.P_WAVE)),
        likeness=np.zeros((devices, RING, RING), dtype=np.uint8),
    )  # fmt: skip
    intervals = np.full((devices, INTERVALS_S), np.nan, dtype=np.float32)
    return BeatsState(shapes=shapes.init(devices, rate_hz), ring=ring, intervals=intervals)


def follow(state: BeatsState, samples: Samples, times: Instants, heart: Output) -> BeatsState:
    """Put the beats of a second into the ring."""
    seen = shapes.step(state.shapes, samples)
    beats, ring = heart.beats, state.ring
    if beats is not None and len(beats.row):
        looks = shapes.cut(seen, beats.row, beats.t, times)
        ring = pushed(ring, np.flatnonzero(looks.known), beats, looks)
    intervals = shifted(state.intervals, np.full((len(times), 1), np.nan))
    return BeatsState(shapes=seen, ring=ring, intervals=intervals)


def due(ring: Ring, times: Instants) -> tuple[Rows, Rows]:
    """Row and place of the beats that are old enough by now to be judged."""
    second = times // SECOND_US
    end = ((second + 1 - AHEAD_S) * SECOND_US)[:, None]
    is_hop = ((second + 1) % HOP_S == 0)[:, None]
    row, at = np.nonzero((ring.t > end - HOP_S * SECOND_US) & (ring.t <= end) & is_hop)
    return row, at


def pushed(ring: Ring, which: Rows, beats: Beats, looks: Shapes) -> Ring:
    """The ring with some beats more, those of a row at once."""
    if not len(which):
        return ring
    rr_s = np.clip(beats.rr_ms[which] / 1000, 0.15, 5.0)  # NaN stays
    newest = {
        "t": beats.t[which], "rr_ms": beats.rr_ms[which], "rr": functions.log(rr_s),
        "quality": beats.quality[which], "measures": looks.measures[which],
        "qrs": looks.qrs[which, len(shapes.QRS_SHIFTS) // 2], "p_wave": looks.p_wave[which],
    }  # fmt: skip
    shifts = looks.qrs[which]
    row = beats.row[which]
    count = np.bincount(row, minlength=len(ring.t))
    changed = each_array(ring, np.empty_like)
    for n in np.unique(count).tolist():
        rows = at_once(np.flatnonzero(count == n))
        if n == 0:
            put(changed, rows, taken(ring, rows))
            continue
        mine = np.flatnonzero(count[row] == n).reshape(-1, n)
        for name, value in newest.items():
            old, new = getattr(ring, name), getattr(changed, name)
            new[rows, :-n] = old[rows, n:]
            new[rows, -n:] = value[mine]
        level = _likeness(changed.qrs[rows], changed.measures[rows, :, 0], shifts[mine])
        likeness = np.empty((len(mine), RING, RING), dtype=np.uint8)
        likeness[:, :-n, :-n] = ring.likeness[rows, n:, n:]
        for k in range(n):
            at = RING - n + k
            likeness[:, at, :at] = likeness[:, :at, at] = level[:, k, :at]
            likeness[:, at, at] = LIKENESS_LEVELS
        changed.likeness[rows] = likeness
    return changed


def _likeness(of_ring: Samples, size: Samples, qrs: Samples) -> NDArray[np.uint8]:
    """How like the last beats of some rings (rows, n, shifts, points) are to each of the ring."""
    rows, n, shifts, points = qrs.shape
    products = qrs.reshape(rows, n * shifts, points) @ of_ring.transpose(0, 2, 1)
    alike = products.reshape(rows, n, shifts, RING).max(axis=2) / SHAPE_ONE**2
    alike = alike - SIZE_WEIGHT * np.abs(size[:, None] - size[:, -n:, None])
    level = np.rint((alike + 1) / 2 * LIKENESS_LEVELS)
    return np.asarray(np.clip(level, 0, LIKENESS_LEVELS).astype(np.uint8))


def taken(ring: Ring, rows: Rows | slice) -> Ring:
    """The rings of some devices."""
    return Ring(**{name: getattr(ring, name)[rows] for name in Ring.__dataclass_fields__})


def masked_median(values: Samples, mask: NDArray[np.bool_]) -> Samples:
    """Median (the lower one) along the last axis over where `mask` is; 0 where nowhere."""
    ordered = np.where(mask, values, np.inf)
    ordered.sort(axis=-1)
    n = mask.sum(axis=-1)
    rows = np.arange(ordered.size // ordered.shape[-1]).reshape(ordered.shape[:-1])
    middle = ordered.ravel().take(rows * ordered.shape[-1] + np.maximum(n - 1, 0) // 2)
    return np.where(n > 0, middle, 0)


def mean_quality(values: Samples, mask: NDArray[np.bool_]) -> Samples:
    """Mean of each row of (rows, n) over where `mask` is, to 1/1024."""
    whole = np.rint(np.where(mask, values, 0) * 1024)  # exact in any order
    return np.asarray(whole.sum(axis=1, dtype=np.float64) / 1024 / np.maximum(mask.sum(axis=1), 1))
