"""Findings in the rhythm of the heart, over the ring of classified beats.

Each kind is a rule that votes at every look: it has begun, it has ended, or neither. The last
vote of half a minute counts: hysteresis, and yet nothing is remembered for longer. A ring with
missing samples or unsure beats has no vote; asystole needs a signal that is there and quiet.

References
----------
Limits: ACC/AHA/HRS for bradycardia (50), tachycardia (100), pause (2 s; asystole 4 s as in IEC
60601-2-27); a run is 3 ventricular beats, ventricular tachycardia 6 above 100 per minute. Atrial
fibrillation: Lake and Moorman 2011 (entropy), with absent P waves; it is a suggestion, and atrial
flutter with changing conduction looks the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg import classes, shapes
from services.dsp.core.ecg.classes import RING, ClassesState, View
from services.dsp.core.ecg.shapes import SECOND_US, TRACE_HZ
from services.dsp.core.outputs import Finding, Output
from services.dsp.core.windows import Instants, Samples, shifted
from shared.contracts.beats import BeatClass
from shared.contracts.events import EventKind, Severity

VOTES_S = 30  # so long a vote stands when no other follows
MEMORY_S = classes.RING_S + 2 + VOTES_S + 2  # beyond that of the beats
DELAY_S = classes.DELAY_S
RATE_INTERVALS = 8  # of the rate for bradycardia and tachycardia: about two breaths
HYSTERESIS_PER_MIN = 2.0
LEAST_QUALITY = 0.9  # mean probability of the beats that a rule rests on
BEGIN_ENTROPY, END_ENTROPY = 1.5, 1.2  # docs/science/rhythm.md
BEGIN_P, END_P = 0.10, 0.14  # height of the mean P wave, parts of the complex
AF_INTERVALS = 30
PAUSE_S, ASYSTOLE_S = 2.0, 4.0
RUN, TACHYCARDIA_RUN, RUN_PER_MIN = 3, 6, 100.0
RUN_SHOWN_S = 10  # after its last beat it has ended
RUN_QUALITY = 0.7  # of each beat: below it would be Q
PAIRS = 3  # of bigeminy and trigeminy: three in a row
FREQUENT = 6  # ventricular beats a minute (Bigger 1981: 10 an hour matter; this is for a screen)
QUIET = 0.3  # of the smallest of the last complexes: a gap with more in it may hold a beat
ALIVE = 0.002  # of it: with less in it the input is not connected to a body


class Rhythm(StrEnum):
    """Names of what is found."""

    BRADYCARDIA = "bradycardia"
    TACHYCARDIA = "tachycardia"
    IRREGULAR = "irregular_as_in_atrial_fibrillation"
    BIGEMINY = "bigeminy"
    TRIGEMINY = "trigeminy"
    FREQUENT = "frequent_ventricular_beats"
    VENTRICULAR_TACHYCARDIA = "ventricular_tachycardia"
    ASYSTOLE = "asystole"
    PAUSE = "pause"
    COUPLET = "couplet"
    RUN = "ventricular_run"


LASTING = tuple(Rhythm)[:8]
SEVERITY = {
    Rhythm.ASYSTOLE: Severity.HIGH,
    Rhythm.VENTRICULAR_TACHYCARDIA: Severity.HIGH,
    Rhythm.PAUSE: Severity.MEDIUM,
    Rhythm.RUN: Severity.MEDIUM,
    Rhythm.IRREGULAR: Severity.MEDIUM,
}
_PLACE = {kind: place for place, kind in enumerate(LASTING)}


class Limits(NamedTuple):
    """Rates per minute; those of adults. Children: by age, set by who knows the patient."""

    bradycardia: float = 50.0
    tachycardia: float = 100.0


ADULT = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class RhythmState:
    """The ring of beats, and the votes of the last half minute: 1 begun, -1 ended, 0 neither."""

    classes: ClassesState
    votes: NDArray[np.int8]  # (devices, VOTES_S + 1, len(LASTING))


def init(devices: int, rate_hz: int) -> RhythmState:
    """Nothing seen yet."""
    votes = np.zeros((devices, VOTES_S + 1, len(LASTING)), dtype=np.int8)
    return RhythmState(classes=classes.init(devices, rate_hz), votes=votes)


def step(
    state: RhythmState,
    samples: Samples,
    times: Instants,
    heart: Output,
    *,
    limits: Limits = ADULT,
) -> tuple[RhythmState, Output]:
    """Take one second and the beats it led to; give classes of beats and what begins or ends.

    Parameters
    ----------
    samples : (devices, rate_hz), the ECG in any linear unit, NaN where missing
    times : (devices,), us UTC of the first of them
    heart : what the detector of beats said of this second
    """
    followed = classes.follow(state.classes, samples, times, heart)
    seen = classes.look(followed.ring, times)
    votes = np.zeros((len(times), len(LASTING)), dtype=np.int8)
    votes[seen.rows] = votes_of(seen, times[seen.rows], limits)
    votes[:, _PLACE[Rhythm.ASYSTOLE]], since = asystole(followed, times)
    history = shifted(state.votes, votes[:, None])
    found = _begun_or_ended(state.votes, history, times, since)
    found += _occurrences(seen, followed, times, heart)
    changed = RhythmState(classes=followed, votes=history)
    return changed, Output((), classes.told(followed.ring, seen), tuple(found))


def standing(votes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which kinds (devices, kinds) have begun and not ended, by the last vote of each."""
    backwards = votes[:, ::-1]
    last = np.argmax(backwards != 0, axis=1)
    return np.asarray(np.take_along_axis(backwards, last[:, None], axis=1)[:, 0] > 0)


def _begun_or_ended(
    before: NDArray[np.int8], history: NDArray[np.int8], times: Instants, since: Instants
) -> list[Finding]:
    """What changed with the newest votes; both look back equally far, whatever came before."""
    was, is_now = standing(before[:, 1:]), standing(history[:, 1:])
    found = []
    for row, place in zip(*np.nonzero(was != is_now), strict=True):
        kind = LASTING[place]
        t = int(times[row]) + SECOND_US
        data: dict[str, float | int | str | bool | None] = {}
        if kind is Rhythm.ASYSTOLE and is_now[row, place]:
            data["since"] = int(since[row])
        found.append(_finding(int(row), kind, t, has_ended=not is_now[row, place], data=data))
    return found


def _finding(
    row: int, kind: Rhythm, t: int, *, has_ended: bool = False, data: dict[str, Any]
) -> Finding:
    severity = Severity.INFO if has_ended else SEVERITY.get(kind, Severity.LOW)
    return Finding(row, EventKind.RHYTHM, t, kind.value, has_ended, severity, data)


def votes_of(seen: View, times: Instants, limits: Limits = ADULT) -> NDArray[np.int8]:
    """What each rule thinks of the ring of each device: (devices, kinds), 1, -1 or 0."""
    ring, valid = seen.ring, seen.judged.valid
    votes = np.zeros((len(times), len(LASTING)), dtype=np.int8)

    def vote(kind: Rhythm, begins: NDArray[np.bool_], ends: NDArray[np.bool_]) -> None:
        votes[:, _PLACE[kind]] = np.where(begins, 1, np.where(ends, -1, 0))

    rate, is_sure = _recent_rate(seen)
    vote(
        Rhythm.BRADYCARDIA,
        is_sure & (rate < limits.bradycardia),
        is_sure & (rate >= limits.bradycardia + HYSTERESIS_PER_MIN),
    )
    vote(
        Rhythm.TACHYCARDIA,
        is_sure & (rate > limits.tachycardia),
        is_sure & (rate <= limits.tachycardia - HYSTERESIS_PER_MIN),
    )
    whole_sure = _mean(ring.quality, valid) >= LEAST_QUALITY
    enough = whole_sure & (seen.free.sum(axis=1) >= AF_INTERVALS)
    irregular = (seen.entropy > BEGIN_ENTROPY) & (seen.p_height < BEGIN_P)
    regular = (seen.entropy < END_ENTROPY) | (seen.p_height > END_P)
    vote(Rhythm.IRREGULAR, enough & irregular, enough & regular)
    wide = (seen.classes == BeatClass.V) & valid
    for kind, period in ((Rhythm.BIGEMINY, 2), (Rhythm.TRIGEMINY, 3)):
        has = _repeats(wide, valid, period, PAIRS)
        vote(kind, has & is_sure, ~has & is_sure)
    per_min = wide.sum(axis=1) * 60 / classes.RING_S
    vote(Rhythm.FREQUENT, whole_sure & (per_min >= FREQUENT), whole_sure & (per_min < FREQUENT / 2))
    fast = _fast_run(seen, wide, times)
    vote(Rhythm.VENTRICULAR_TACHYCARDIA, fast, ~fast & is_sure)
    return votes


def _mean(values: Samples, mask: NDArray[np.bool_]) -> Samples:
    whole = np.rint(np.where(mask, values, 0) * 1024)  # exact in any order
    return np.asarray(whole.sum(axis=1, dtype=np.float64) / 1024 / np.maximum(mask.sum(axis=1), 1))


def _recent_rate(seen: View) -> tuple[Samples, NDArray[np.bool_]]:
    """Rate over the last intervals, and whether they are whole and of sure beats."""
    ring = seen.ring
    last = slice(RING - RATE_INTERVALS, RING)
    rr_ms, valid = ring.rr_ms[:, last], seen.judged.valid[:, last]
    whole = (valid & np.isfinite(rr_ms)).all(axis=1)
    total = np.rint(np.where(np.isfinite(rr_ms), rr_ms, 0)).sum(axis=1, dtype=np.float64)
    rate = RATE_INTERVALS * 60_000 / np.maximum(total, 1)
    return rate, whole & (_mean(ring.quality[:, last], valid) >= LEAST_QUALITY)


def _repeats(
    wide: NDArray[np.bool_], valid: NDArray[np.bool_], period: int, times: int
) -> NDArray[np.bool_]:
    """Whether the newest beats are so many times one V and `period` - 1 others."""
    n = period * times
    found = np.zeros(len(wide), dtype=np.bool_)
    for begin in range(period):
        pattern = (np.arange(n) - begin) % period == 0
        found |= (wide[:, RING - n :] == pattern).all(axis=1)
    return found & valid[:, RING - n :].all(axis=1)


def _fast_run(seen: View, wide: NDArray[np.bool_], times: Instants) -> NDArray[np.bool_]:
    """Whether so many V came so fast one after the other lately, whenever they were judged."""
    ring, n = seen.ring, TACHYCARDIA_RUN
    lasts_us = int((n - 1) * 60 * SECOND_US / RUN_PER_MIN)
    ends = np.arange(n - 1, RING)
    together = np.ones((len(wide), len(ends)), dtype=np.bool_)
    least = np.full(together.shape, np.inf)
    for k in range(n):
        together &= wide[:, ends - k]
        least = np.minimum(least, ring.quality[:, ends - k])
    fast = ring.t[:, ends] - ring.t[:, ends - n + 1] < lasts_us
    lately = ring.t[:, ends] > (times - RUN_SHOWN_S * SECOND_US)[:, None]
    return np.asarray((together & fast & lately & (least >= RUN_QUALITY)).any(axis=1))


def asystole(state: ClassesState, times: Instants) -> tuple[NDArray[np.int8], Instants]:
    """Votes for asystole, and the time of the last beat.

    It has begun when no beat came for `ASYSTOLE_S` in a signal that is there, and in which
    nothing is as high as a beat would be; it has ended when there are beats.
    """
    ring = state.ring
    newest = times + SECOND_US - shapes.DELAY * SECOND_US // TRACE_HZ
    last = ring.t[:, -1]
    gap = newest - last
    length = int(ASYSTOLE_S * TRACE_HZ)
    trace = state.shapes.trace[:, -length:]
    known = np.isfinite(trace).all(axis=1)
    height = np.where(known, trace.max(axis=1) - trace.min(axis=1), np.inf)
    known_sizes = np.where(ring.t[:, -4:] > 0, ring.measures[:, -4:, 0], np.inf)
    usual = functions.exp(np.minimum(known_sizes.min(axis=1), 80))  # a lead that fades is no stop
    quiet = (height < QUIET * usual) & (height > ALIVE * usual)
    was_sure = _mean(ring.quality[:, -4:], ring.t[:, -4:] > 0) >= LEAST_QUALITY
    recent = (last > 0) & (gap < 30 * SECOND_US)
    begins = known & quiet & was_sure & recent & (gap > ASYSTOLE_S * SECOND_US)
    ends = (last > 0) & (gap < PAUSE_S * SECOND_US)
    return np.where(begins, 1, np.where(ends, -1, 0)).astype(np.int8), last


def _occurrences(seen: View, state: ClassesState, times: Instants, heart: Output) -> list[Finding]:
    """Pauses, couplets and runs that ended, each told once."""
    return [*_pauses(state, times, heart), *_runs(seen)]


def _pauses(state: ClassesState, times: Instants, heart: Output) -> list[Finding]:
    """Long intervals before the beats of this second, with nothing in them like a beat."""
    beats = heart.beats
    if beats is None:
        return []
    found = []
    with np.errstate(invalid="ignore"):
        long = np.flatnonzero(beats.rr_ms > PAUSE_S * 1000)
    for k in long.tolist():
        row, rr_ms = int(beats.row[k]), float(beats.rr_ms[k])
        ring = state.ring
        newest = int(times[row]) + SECOND_US - shapes.DELAY * SECOND_US // TRACE_HZ
        end = shapes.TRACE_S * TRACE_HZ - (newest - int(beats.t[k])) * TRACE_HZ // SECOND_US
        begin = end - int(rr_ms * TRACE_HZ / 1000) + int(0.5 * TRACE_HZ)  # after the T wave
        inside = state.shapes.trace[row, max(begin, 0) : int(end - 0.25 * TRACE_HZ)]
        of_beats = ring.quality[row, -4:][ring.t[row, -4:] > 0]
        if begin < 0 or not len(of_beats) or of_beats.min() < LEAST_QUALITY:
            continue
        usual = float(np.exp(ring.measures[row, -4:, 0][ring.t[row, -4:] > 0].min()))
        height = float(inside.max() - inside.min()) if np.isfinite(inside).all() else np.inf
        if ALIVE * usual < height < QUIET * usual:
            t = int(beats.t[k])
            data = {"duration_s": round(rr_ms / 1000, 2), "from": t - int(rr_ms * 1000)}
            found.append(_finding(row, Rhythm.PAUSE, t, data=data))
    return found


def _runs(seen: View) -> list[Finding]:
    """Couplets and runs whose last beat is judged now."""
    found = []
    is_v = seen.classes == BeatClass.V
    for k in np.flatnonzero(is_v[seen.part, seen.at]).tolist():
        part, at = int(seen.part[k]), int(seen.at[k])
        if at + 1 < RING and is_v[part, at + 1]:
            continue  # it goes on
        begin = at
        while begin > 0 and is_v[part, begin - 1] and np.isfinite(seen.ring.rr[part, begin]):
            begin -= 1
        n = at - begin + 1
        if n < RUN - 1 or seen.ring.quality[part, begin : at + 1].min() < LEAST_QUALITY:
            continue
        t = seen.ring.t[part]
        rate = round(60 * SECOND_US * (n - 1) / float(t[at] - t[begin]), 1)
        kind = Rhythm.COUPLET if n < RUN else Rhythm.RUN
        data = {"beats": n, "rate": rate, "from": int(t[begin])}
        found.append(_finding(int(seen.rows[part]), kind, int(t[at]), data=data))
    return found
