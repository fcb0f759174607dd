"""Breath that stops, in the impedance of the chest: how long ago the last one was, and apnoeas.

Effort is how far the signal moves within a second. It is compared with the effort of the last two
and a half minutes: nothing is learned, and what is older is forgotten. After two minutes without
breath there is nothing left to compare with: the finding ends by itself, and no time is told until
the louder seconds before have left the window.

Where the signal is rough as it was not before, whoever hears noise where breath was hears neither
breath nor its end. Then no time is told, nor of a pause that was so for half of it, and no finding
begins.

The time since the last breath is what alarms compare with the limit of a patient. It is trusted as
the rate of breath was before the pause, by the estimator before this one: a signal in which no
breath was seen tells nothing of one that stops. A random walk has a rate for some seconds now and
then; breath has one for half a minute, after which the shorter window of the rate is all new.

References
----------
Berry et al. 2012, J Clin Sleep Med 8:597 (AASM: a drop by 90 % or more for 10 s). Departs from it:
a drop by 80 % of the amplitude, because the heart goes on moving the impedance by some 10 %.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.outputs import Finding, Output, Reading
from services.dsp.core.respiration import impedance
from services.dsp.core.windows import SECOND_US, Instants, Samples, present, second_of, shifted
from shared.contracts.events import EventKind, Severity
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

GRID_HZ = 8
RESAMPLING_DELAY = 12  # of GRID_HZ: 1.5 s
CUT_HZ = 0.8  # below the heart; breaths up to 48 /min
WIDE_HZ = 3.5  # breath, heart and noise alike; mains are far above
DELAY_S = 2
LEAST_S = 10
USUAL_S = 150
USUAL_SHARE = 0.8  # quantile of the effort of `USUAL_S`: sighs and movements do not decide
KNOWN_S = 40  # of effort: before, nobody knows what is usual
STOPPED = 0.2  # of the usual amplitude
# Mean square of third differences over the usual one: a median of 5 s of people in bed is above 5.3
# times as much in 1 of 100; where breath became white noise of its size half have 37 times, and 16
# after 80 s. Remembered for longer than the effort, so that noise is not what is usual too soon.
ROUGH_USUAL_S = 240
ROUGH, ROUGH_S = 5.0, 5
BREATHING_S, BREATHING = 4, 0.5  # so much effort for so long is breath again
VOTES_S = 20  # what stands may be unknown for so long
LOUD_SHARE = 0.95  # quantile that still knows breath when `USUAL_SHARE` has forgotten it
FORGOTTEN_S = int(USUAL_SHARE * USUAL_S)  # so long without breath nobody knows what is usual
TRUST_S, STOOD_S = 60, 30  # a rate stood for so long in so long before the pause
TRUST_KEPT_S = FORGOTTEN_S + TRUST_S
MEMORY_S = max(
    USUAL_S + VOTES_S + 5, ROUGH_USUAL_S + VOTES_S + 5, impedance.MEMORY_S + TRUST_KEPT_S
)
# Rates of quality 0.5 and more are of breath (docs/science/respiration.md), so its end is one's.
TRUSTS = ((0.0, 0.3, 0.5, 1.0), (0.0, 0.3, 0.7, 0.95))
TOLD_EACH_S = 5  # on the grid of UTC, and each second of a pause of
PAUSE_S = 5
SEEN_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ApnoeaState:
    """Effort of each second, and what was thought of it.

    Attributes
    ----------
    tail : (devices, GRID_HZ), the last second
    effort : (devices, USUAL_S), mean square of the change over a second, NaN where missing
    wide, rough : the same below `WIDE_HZ`, and its mean square third difference of each second:
        (devices, ROUGH_USUAL_S)
    votes : (devices, VOTES_S): 1 stopped, -1 breathing, 0 unknown
    trust : (devices, TRUST_KEPT_S), quality of the rate of breath
    """

    resampler: ResamplerState
    tail: Samples
    effort: Samples
    wide: ResamplerState
    rough: Samples
    votes: NDArray[np.int8]
    trust: Samples


def init(devices: int, rate_hz: int) -> ApnoeaState:
    """Nothing seen yet."""
    return ApnoeaState(
        resampler=_resampler(rate_hz).init(devices),
        tail=np.full((devices, GRID_HZ), np.nan),
        effort=np.full((devices, USUAL_S), np.nan),
        wide=_wide_resampler(rate_hz).init(devices),
        rough=np.full((devices, ROUGH_USUAL_S), np.nan),
        votes=np.zeros((devices, VOTES_S), dtype=np.int8),
        trust=np.zeros((devices, TRUST_KEPT_S)),
    )


def step(
    state: ApnoeaState,
    samples: Samples,
    times: Instants,
    breath: Output,
    *,
    least_s: int = LEAST_S,
) -> tuple[ApnoeaState, Output]:
    """Take one second of (devices, rate_hz), any linear unit; tell what began or ended.

    Parameters
    ----------
    breath : what `impedance` gave out of the same second
    least_s : so long breath must stop, 5 to 60
    """
    inner, newest = _resampler(samples.shape[1]).step(state.resampler, samples)
    change = newest - state.tail
    effort = shifted(state.effort, (change * change).sum(axis=1)[:, None] / GRID_HZ)
    wide, newest_wide = _wide_resampler(samples.shape[1]).step(state.wide, samples)
    bend = np.diff(newest_wide, 3, axis=1)
    rough = shifted(state.rough, (bend * bend).sum(axis=1)[:, None] / bend.shape[1])
    noisy = is_noisy(rough, np.full(len(rough), ROUGH_S))
    vote = votes_of(effort, least_s)
    vote = np.where(noisy & (vote > 0), 0, vote).astype(np.int8)
    changed = ApnoeaState(
        resampler=inner,
        tail=newest,
        effort=effort,
        wide=wide,
        rough=rough,
        votes=shifted(state.votes, vote[:, None]),
        trust=shifted(state.trust, breath.readings[0].quality[:, None]),
    )
    # Both look back equally far, so that a run that begins later sees the same change.
    was, is_now = _stands(state.votes[:, 1:]), _stands(changed.votes[:, 1:])
    findings = tuple(
        _begun(int(row), int(times[row]), least_s)
        if is_now[row]
        else _ended(int(row), int(times[row]))
        for row in np.flatnonzero(was != is_now)
    )
    return changed, Output((_since_breath(changed, noisy, times),), None, findings)


def is_noisy(rough: Samples, last_s: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether half of the last `last_s` (devices,) are far rougher than half of all before."""
    newest = np.arange(rough.shape[1])[None, :] >= rough.shape[1] - last_s[:, None]
    usual, known = _usual(np.where(newest, np.nan, rough), 0.5)
    above = (rough > ROUGH * usual[:, None]) & newest
    return np.asarray(known & (2 * above.sum(axis=1) > last_s))


def _since_breath(state: ApnoeaState, noisy: NDArray[np.bool_], times: Instants) -> Reading:
    """Seconds since the last breath, now and then while there is breath."""
    pause = pauses(state.effort)
    long = np.where(np.isfinite(pause), pause, 0).astype(np.intp)
    noisy = noisy | is_noisy(state.rough, np.maximum(long, ROUGH_S))
    pause = np.where(noisy, np.nan, pause)
    seen = np.isfinite(state.effort[:, -SEEN_S:]).mean(axis=1)
    with np.errstate(invalid="ignore"):
        due = ((second_of(times) + 1) % TOLD_EACH_S == 0) | ~(pause < PAUSE_S)
    trust = np.interp(_stood(state.trust, long), *TRUSTS)
    return Reading(
        Measure.TIME_SINCE_BREATH,
        Method.IMPEDANCE_BREATHS,
        np.where(due, pause, np.nan),
        np.where(due & np.isfinite(pause), trust, 0.0),
        np.where(due, seen, 0.0),
    )


def _stood(trust: Samples, long: NDArray[np.intp]) -> Samples:
    """The quality that a rate had for `STOOD_S` of the `TRUST_S` before a pause of `long` s."""
    first = trust.shape[1] - TRUST_S - np.minimum(long, trust.shape[1] - TRUST_S)
    before = trust[np.arange(len(trust))[:, None], first[:, None] + np.arange(TRUST_S)]
    return np.asarray(np.sort(before, axis=1)[:, -STOOD_S])


def pauses(effort: Samples) -> Samples:
    """Seconds without breath up to now, (devices,); NaN where nobody knows."""
    usual, known = _usual(effort, USUAL_SHARE)
    loud, _ = _usual(effort, LOUD_SHARE)
    pause, ended_by = _trailing(effort < STOPPED * STOPPED * usual[:, None], effort)
    longest, _ = _trailing(effort < STOPPED * STOPPED * loud[:, None], effort)
    told = known & np.isfinite(ended_by) & (longest < FORGOTTEN_S)
    return np.where(told, pause, np.where(known & (pause >= FORGOTTEN_S), FORGOTTEN_S, np.nan))


def _trailing(still: NDArray[np.bool_], effort: Samples) -> tuple[Samples, Samples]:
    """How many seconds at the end are still, and the effort of the one before them."""
    n = still.shape[1]
    moved = ~still[:, ::-1]
    length = np.where(moved.any(axis=1), np.argmax(moved, axis=1), n)
    before = effort[np.arange(len(effort)), np.maximum(n - 1 - length, 0)]
    return length.astype(np.float64), before


def _usual(effort: Samples, share: float) -> tuple[Samples, NDArray[np.bool_]]:
    """A quantile of the effort, and whether enough is known of it."""
    ordered = np.sort(effort, axis=1)  # NaN last
    n = np.isfinite(effort).sum(axis=1)
    at = np.clip((share * n).astype(np.intp), 0, effort.shape[1] - 1)
    usual = present(ordered[np.arange(len(effort)), at])
    return usual, (n >= KNOWN_S) & (usual > 0)


def votes_of(effort: Samples, least_s: int) -> NDArray[np.int8]:
    """1 where breath has stopped for `least_s`, -1 where there is breath, 0 where unknown."""
    usual, known = _usual(effort, USUAL_SHARE)
    still = (effort[:, -least_s:] < STOPPED * STOPPED * usual[:, None]).all(axis=1)
    recent = effort[:, -BREATHING_S:].sum(axis=1) / BREATHING_S
    breathing = recent > BREATHING * BREATHING * usual
    return np.where(known, np.where(still, 1, np.where(breathing, -1, 0)), 0).astype(np.int8)


def _stands(votes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Whether the last vote that says anything says that breath has stopped."""
    backwards = votes[:, ::-1]
    last = np.argmax(backwards != 0, axis=1)
    return np.asarray(backwards[np.arange(len(votes)), last] > 0)


def _begun(row: int, start_us: int, least_s: int) -> Finding:
    data = {"since": _end_us(start_us) - (DELAY_S + least_s) * SECOND_US}
    return Finding(row, EventKind.APNOEA, _end_us(start_us), severity=Severity.HIGH, data=data)


def _ended(row: int, start_us: int) -> Finding:
    return Finding(row, EventKind.APNOEA, _end_us(start_us), has_ended=True)


def _end_us(start_us: int) -> int:
    return (start_us + SECOND_US // 2) // SECOND_US * SECOND_US + SECOND_US


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = min(CUT_HZ, 0.45 * rate_hz)
    return Resampler(rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)


def _wide_resampler(rate_hz: int) -> Resampler:
    cut_hz = min(WIDE_HZ, 0.45 * rate_hz)
    return Resampler(rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)
