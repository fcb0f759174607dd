"""Stops of the heart: pauses, and asystole, in a signal that is there and quiet.

**Quiet** keeps a lead that comes off from being a stop: nothing in the gap is as high as a third
of the smallest of the last four complexes, nothing is missing, and it is not the still line of an
input that is connected to nobody.

References
----------
ACC/AHA/HRS 2018 for the pause (2 s; often 3 s), IEC 60601-2-27 for asystole (4 s).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import findings, shapes
from services.dsp.core.ecg.findings import Rhythm
from services.dsp.core.ecg.ring import BeatsState, mean_quality
from services.dsp.core.ecg.shapes import SECOND_US, TRACE_HZ
from services.dsp.core.outputs import Finding, Output
from services.dsp.core.windows import Instants, Rows, Samples

PAUSE_S, ASYSTOLE_S = 2.0, 4.0
LEAST_QUALITY = 0.9  # mean probability of the beats before it
AFTER_BEAT_S = 0.5  # the T wave is over
BEFORE_BEAT_S = 0.25  # a P wave may belong to the beat that ends a pause
UNTOLD_S = 2.5  # a beat so long ago is known by now
FORGOTTEN_S = 30  # without beats: nothing is left to compare with
QUIET = 0.3  # of the smallest of the last complexes: a gap with more in it may hold a beat
ALIVE = 0.002  # of it: with less in it the input is not connected to a body
_LAST = 4  # complexes to compare with


class Gap(NamedTuple):
    """A long interval without anything in it like a beat, before a beat that was just told.

    Attributes
    ----------
    since, until : us UTC of the beats
    quiet : ln of the highest between, in parts of what would be a beat
    sure : the least quality of the beats
    """

    row: int
    since: int
    until: int
    quiet: float
    sure: float


class Stops(NamedTuple):
    """What is thought of each device.

    Attributes
    ----------
    votes : 1 stands still, -1 beats, 0 neither
    since : us UTC of the last beat before it
    quiet : as of a gap; 0 where not looked
    """

    votes: NDArray[np.int8]
    since: Instants
    quiet: Samples


def asystole(state: BeatsState, times: Instants, gaps: Sequence[Gap]) -> Stops:
    """Which hearts stand still.

    The detector knows a beat up to `UNTOLD_S` after it, so at first the gap is looked at up to
    `ASYSTOLE_S` behind the last beat, whatever comes then; later up to now. A stop that a beat
    ended before it was looked at is in `gaps`, and counts for this second.
    """
    last = state.ring.t[:, -1].copy()
    gap = _newest(times) - last
    beats = (last > 0) & (gap < PAUSE_S * SECOND_US)
    votes = np.where(beats, -1, 0).astype(np.int8)
    quiet = np.zeros(len(times))
    long = (last > 0) & (gap > ASYSTOLE_S * SECOND_US) & (gap < FORGOTTEN_S * SECOND_US)
    row = np.flatnonzero(long)
    if len(row):
        early = gap[row] < (ASYSTOLE_S + UNTOLD_S) * SECOND_US
        behind_us = np.where(early, gap[row] - int(ASYSTOLE_S * SECOND_US), 0)
        quiet[row], is_quiet = _quiet(state, row, behind_us)
        ring = state.ring
        is_sure = mean_quality(ring.quality[row, -_LAST:], ring.t[row, -_LAST:] > 0)
        votes[row] = is_quiet & (is_sure >= LEAST_QUALITY)
    for each in gaps:
        if each.until - each.since > ASYSTOLE_S * SECOND_US:
            votes[each.row], last[each.row], quiet[each.row] = 1, each.since, each.quiet
    return Stops(votes, last, quiet)


def _newest(times: Instants) -> Instants:
    """The end of the trace."""
    return times + SECOND_US - shapes.DELAY * SECOND_US // TRACE_HZ


def _quiet(state: BeatsState, row: Rows, behind_us: Instants) -> tuple[Samples, NDArray[np.bool_]]:
    """How high the stretch is that ends so long ago, and whether it may hold no beat."""
    length = int((ASYSTOLE_S - AFTER_BEAT_S) * TRACE_HZ)
    end = shapes.TRACE_S * TRACE_HZ - behind_us * TRACE_HZ // SECOND_US
    trace = state.shapes.trace[row[:, None], end[:, None] + np.arange(-length, 0)]
    known = np.isfinite(trace).all(axis=1)
    height = np.where(known, trace.max(axis=1) - trace.min(axis=1), 0)
    ring = state.ring
    sizes = np.where(ring.t[row, -_LAST:] > 0, ring.measures[row, -_LAST:, 0], np.inf)
    usual = functions.exp(np.minimum(sizes.min(axis=1), 80))  # a lead that fades is no stop
    share = height / usual
    is_quiet = known & (share < QUIET) & (share > ALIVE)
    return functions.log(np.maximum(share, ALIVE) / QUIET), is_quiet


def stands_still(state: BeatsState, still: Stops, row: int, t: int) -> Finding:
    """An asystole that has just been seen."""
    ring = state.ring
    of_beats = ring.quality[row, -_LAST:][ring.t[row, -_LAST:] > 0]
    since = int(still.since[row])
    speaks = (
        float(still.quiet[row]),
        math.log((t - since) / SECOND_US),
        findings.sureness(float(of_beats.min())),
    )
    return findings.begun(row, Rhythm.ASYSTOLE, t, speaks, since=since)


def gaps(state: BeatsState, times: Instants, heart: Output) -> list[Gap]:
    """Long intervals before the beats of this second, with nothing in them like a beat."""
    beats = heart.beats
    if beats is None:
        return []
    found = []
    with np.errstate(invalid="ignore"):
        long = np.flatnonzero(beats.rr_ms > PAUSE_S * 1000)
    for k in long.tolist():
        row, rr_ms, t = int(beats.row[k]), float(beats.rr_ms[k]), int(beats.t[k])
        ring = state.ring
        end = shapes.TRACE_S * TRACE_HZ - (int(_newest(times)[row]) - t) * TRACE_HZ // SECOND_US
        begin = end - int(rr_ms * TRACE_HZ / 1000) + int(AFTER_BEAT_S * TRACE_HZ)
        inside = state.shapes.trace[row, max(begin, 0) : int(end - BEFORE_BEAT_S * TRACE_HZ)]
        last = ring.t[row, -_LAST:] > 0
        of_beats = ring.quality[row, -_LAST:][last]
        if begin < 0 or not len(of_beats) or of_beats.min() < LEAST_QUALITY:
            continue
        usual = float(np.exp(ring.measures[row, -_LAST:, 0][last].min()))
        share = float(inside.max() - inside.min()) / usual if np.isfinite(inside).all() else np.inf
        if ALIVE < share < QUIET:
            quiet = math.log(share / QUIET)
            found.append(Gap(row, t - int(rr_ms * 1000), t, quiet, float(of_beats.min())))
    return found


def pauses(long: Sequence[Gap]) -> list[Finding]:
    """The pauses among the gaps: all of them."""
    found = []
    for gap in long:
        seconds = (gap.until - gap.since) / SECOND_US
        speaks = gap.quiet, math.log(seconds), findings.sureness(gap.sure)
        found.append(findings.begun(
            gap.row, Rhythm.PAUSE, gap.until, speaks,
            duration_s=round(seconds, 2), **{"from": gap.since},
        ))  # fmt: skip
    return found
