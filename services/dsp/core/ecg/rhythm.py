"""Findings in the rhythm of the heart, over the ring of classified beats.

Each kind is a rule that votes at every look: it has begun, it has ended, or neither. The last
vote of half a minute counts: hysteresis, and yet nothing is remembered for longer. A ring with
missing samples or unsure beats has no vote.

References
----------
Limits: ACC/AHA/HRS for bradycardia (50), tachycardia (100); a run is 3 ventricular beats,
ventricular tachycardia 6 above 100 per minute. Atrial fibrillation: Lake and Moorman 2011
(entropy), with absent P waves; it is a suggestion, and atrial flutter with changing conduction
looks the same. Stops: `stops.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import classes, findings, ring, stops
from services.dsp.core.ecg.classes import View
from services.dsp.core.ecg.findings import LASTING, Rhythm, sureness
from services.dsp.core.ecg.ring import RING, BeatsState, mean_quality
from services.dsp.core.ecg.shapes import SECOND_US
from services.dsp.core.outputs import Finding, Output
from services.dsp.core.windows import Instants, Samples, shifted
from shared.contracts.beats import BeatClass

VOTES_S = 30  # so long a vote stands when no other follows
MEMORY_S = max(ring.RING_S + 2 + VOTES_S + 2, ring.MEMORY_S)  # beyond that of the beats
DELAY_S = ring.DELAY_S
RATE_INTERVALS = 8  # of the rate for bradycardia and tachycardia: about two breaths
HYSTERESIS_PER_MIN = 2.0
LEAST_QUALITY = 0.9  # mean probability of the beats that a rule rests on
BEGIN_ENTROPY, END_ENTROPY = 1.5, 1.2  # docs/science/rhythm.md
BEGIN_P, END_P = 0.10, 0.14  # height of the mean P wave, parts of the complex
AF_INTERVALS = 30
RUN, TACHYCARDIA_RUN, RUN_PER_MIN = 3, 6, 100.0
RUN_SHOWN_S = 10  # after its last beat it has ended
RUN_QUALITY = 0.7  # of each beat: below it would be Q
PAIRS = 3  # of bigeminy and trigeminy: three in a row
PERIOD = {Rhythm.BIGEMINY: 2, Rhythm.TRIGEMINY: 3}
FREQUENT = 6  # ventricular beats a minute (Bigger 1981: 10 an hour matter; this is for a screen)

_PLACE = {kind: place for place, kind in enumerate(LASTING)}


class Limits(NamedTuple):
    """Rates per minute; those of adults. Children: by age, set by who knows the patient."""

    bradycardia: float = 50.0
    tachycardia: float = 100.0


ADULT = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class RhythmState:
    """The ring of beats, and the votes of the last half minute: 1 begun, -1 ended, 0 neither."""

    beats: BeatsState
    votes: NDArray[np.int8]  # (devices, VOTES_S + 1, len(LASTING))


def init(devices: int, rate_hz: int) -> RhythmState:
    """Nothing seen yet."""
    votes = np.zeros((devices, VOTES_S + 1, len(LASTING)), dtype=np.int8)
    return RhythmState(beats=ring.init(devices, rate_hz), votes=votes)


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
    followed = ring.follow(state.beats, samples, times, heart)
    seen = classes.look(followed, times)
    votes = np.zeros((len(times), len(LASTING)), dtype=np.int8)
    votes[seen.rows] = votes_of(seen, times[seen.rows], limits)
    gaps = stops.gaps(followed, times, heart)
    still = stops.asystole(followed, times, gaps)
    votes[:, _PLACE[Rhythm.ASYSTOLE]] = still.votes
    history = shifted(state.votes, votes[:, None])
    was, is_now = standing(state.votes[:, 1:]), standing(history[:, 1:])  # equally far back
    found = []
    for row, place in zip(*np.nonzero(was != is_now), strict=True):
        kind, t = LASTING[place], int(times[row]) + SECOND_US
        if not is_now[row, place]:
            found.append(findings.ended(int(row), kind, t))
        elif kind is Rhythm.ASYSTOLE:
            found.append(stops.stands_still(followed, still, int(row), t))
        else:
            part = int(np.searchsorted(seen.rows, row))  # it has just voted
            speaks = evidence(seen, part, kind, limits)
            found.append(findings.begun(int(row), kind, t, speaks))
    found += stops.pauses(gaps)
    found += runs(seen)
    changed = RhythmState(beats=classes.noted(followed, seen, times), votes=history)
    return changed, Output((), classes.told(followed.ring, seen), tuple(found))


def standing(votes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which kinds (devices, kinds) have begun and not ended, by the last vote of each."""
    rows, length, kinds = votes.shape
    last = length - 1 - np.argmax(votes[:, ::-1] != 0, axis=1)
    return np.asarray(votes[np.arange(rows)[:, None], last, np.arange(kinds)] > 0)


def votes_of(seen: View, times: Instants, limits: Limits = ADULT) -> NDArray[np.int8]:
    """What each rule thinks of the ring of each device: (devices, kinds), 1, -1 or 0."""
    quality, valid = seen.ring.quality, seen.judged.valid
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
    whole_sure = mean_quality(quality, valid) >= LEAST_QUALITY
    enough = whole_sure & (seen.free.sum(axis=1) >= AF_INTERVALS)
    p_height = seen.judged.p_height
    irregular = (seen.entropy > BEGIN_ENTROPY) & (p_height < BEGIN_P)
    regular = (seen.entropy < END_ENTROPY) | (p_height > END_P)
    vote(Rhythm.IRREGULAR, enough & irregular, enough & regular)
    wide = (seen.classes == BeatClass.V) & valid
    for kind, period in PERIOD.items():
        has = np.asarray(_repeats(wide, valid, period).any(axis=1))
        vote(kind, has & is_sure, ~has & is_sure)
    per_min = wide.sum(axis=1) * 60 / ring.RING_S
    vote(Rhythm.FREQUENT, whole_sure & (per_min >= FREQUENT), whole_sure & (per_min < FREQUENT / 2))
    fast = np.asarray(_fast_runs(seen, wide, times).any(axis=1))
    vote(Rhythm.VENTRICULAR_TACHYCARDIA, fast, ~fast & is_sure)
    return votes


def _recent_rate(seen: View) -> tuple[Samples, NDArray[np.bool_]]:
    """Rate over the last intervals, and whether they are whole and of sure beats."""
    last = slice(RING - RATE_INTERVALS, RING)
    rr_ms, valid = seen.ring.rr_ms[:, last], seen.judged.valid[:, last]
    whole = (valid & np.isfinite(rr_ms)).all(axis=1)
    total = np.rint(np.where(np.isfinite(rr_ms), rr_ms, 0)).sum(axis=1, dtype=np.float64)
    rate = RATE_INTERVALS * 60_000 / np.maximum(total, 1)
    return rate, whole & (mean_quality(seen.ring.quality[:, last], valid) >= LEAST_QUALITY)


def _repeats(wide: NDArray[np.bool_], valid: NDArray[np.bool_], period: int) -> NDArray[np.bool_]:
    """Whether the newest beats are so often one V and `period` - 1 others, by where V comes."""
    n = period * PAIRS
    begins = np.arange(period)[:, None]
    patterns = (np.arange(n) - begins) % period == 0
    found = (wide[:, None, RING - n :] == patterns).all(axis=2)
    return np.asarray(found & valid[:, None, RING - n :].all(axis=2))


def _fast_runs(seen: View, wide: NDArray[np.bool_], times: Instants) -> NDArray[np.bool_]:
    """Which beats end so many V that came so fast one after the other lately."""
    rings, n = seen.ring, TACHYCARDIA_RUN
    lasts_us = int((n - 1) * 60 * SECOND_US / RUN_PER_MIN)
    ends = np.arange(n - 1, RING)
    together = np.ones((len(wide), len(ends)), dtype=np.bool_)
    least = np.full(together.shape, np.inf)
    for k in range(n):
        together &= wide[:, ends - k]
        least = np.minimum(least, rings.quality[:, ends - k])
    fast = rings.t[:, ends] - rings.t[:, ends - n + 1] < lasts_us
    lately = rings.t[:, ends] > (times - RUN_SHOWN_S * SECOND_US)[:, None]
    return np.asarray(together & fast & lately & (least >= RUN_QUALITY))


def evidence(seen: View, part: int, kind: Rhythm, limits: Limits = ADULT) -> Sequence[float]:
    """What speaks for a finding that has just begun; see `findings.Evidence`."""
    valid, quality = seen.judged.valid[part], seen.ring.quality[part]
    if kind in (Rhythm.BRADYCARDIA, Rhythm.TACHYCARDIA):
        (rate,), _ = _recent_rate(one(seen, part))
        limit = limits.bradycardia if kind is Rhythm.BRADYCARDIA else limits.tachycardia
        least = float(quality[RING - RATE_INTERVALS :].min())
        return 10 * abs(math.log(float(rate) / limit)), sureness(least)
    if kind is Rhythm.IRREGULAR:
        mean = float(mean_quality(quality[None], valid[None])[0])
        height = float(seen.judged.p_height[part])
        return float(seen.entropy[part]), 10 * height, sureness(mean)
    is_v = (seen.classes[part] == BeatClass.V) & valid
    if kind in PERIOD:
        beats = np.arange(RING - PERIOD[kind] * PAIRS, RING)
        return _of_beats(seen, part, beats, is_v)
    if kind is Rhythm.FREQUENT:
        wide = np.flatnonzero(is_v)
        surest = wide[np.argsort(-seen.score[part, wide], kind="stable")[:FREQUENT]]
        return _of_beats(seen, part, surest, is_v)
    now = np.array([seen.ring.t[part, -1]])
    (ends,) = _fast_runs(one(seen, part), is_v[None], now)
    first = np.flatnonzero(ends) + np.arange(TACHYCARDIA_RUN)[:, None]
    best = int(np.argmax(seen.score[part, first].min(axis=0)))
    return _of_beats(seen, part, first[:, best], is_v)


def one(seen: View, part: int) -> View:
    """A view of one of its devices."""
    at, judged = slice(part, part + 1), seen.judged
    return View(
        seen.row, seen.at, seen.part, seen.rows[at],
        ring.taken(seen.ring, np.array([part])),
        classes.Judged(
            judged.features[at], judged.alike[at], judged.n_alike[at], judged.valid[at],
            judged.p_height[at],
        ),
        seen.classes[at], seen.free[at], seen.entropy[at], seen.score[at],
    )  # fmt: skip


def _of_beats(
    seen: View, part: int, beats: NDArray[np.intp], is_v: NDArray[np.bool_]
) -> tuple[float, float]:
    """How sure the class of the least sure of some beats is, and that they are beats."""
    score = seen.score[part, beats]
    margin = np.where(is_v[beats], score, -score).min()
    return float(margin), sureness(float(seen.ring.quality[part, beats].min()))


def runs(seen: View) -> list[Finding]:
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
        beside = np.arange(max(begin - 1, 0), min(at + 2, RING))  # a couplet ends where N begins
        speaks = _of_beats(seen, part, beside, is_v[part])
        found.append(findings.begun(
            int(seen.rows[part]), Rhythm.COUPLET if n < RUN else Rhythm.RUN, int(t[at]), speaks,
            beats=n, rate=rate, **{"from": int(t[begin])},
        ))  # fmt: skip
    return found
