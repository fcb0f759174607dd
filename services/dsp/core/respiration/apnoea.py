"""Breath that stops, in the impedance of the chest: begin and end of an apnoea.

Effort is how far the signal moves within a second. It is compared with the effort of the last two
and a half minutes: nothing is learned, and what is older is forgotten. After two minutes without
breath there is nothing left to compare with, and the finding ends by itself.

References
----------
Berry et al. 2012, J Clin Sleep Med 8:597 (AASM: a drop by 90 % or more for 10 s). Departs from it:
a drop by 80 % of the amplitude, because the heart goes on moving the impedance by some 10 %.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.outputs import Finding, Output
from services.dsp.core.windows import SECOND_US, Instants, Samples, present, shifted
from shared.contracts.events import EventKind, Severity

GRID_HZ = 8
RESAMPLING_DELAY = 12  # of GRID_HZ: 1.5 s
CUT_HZ = 0.8  # below the heart; breaths up to 48 /min
DELAY_S = 2
LEAST_S = 10
USUAL_S = 150
USUAL_SHARE = 0.8  # quantile of the effort of `USUAL_S`: sighs and movements do not decide
KNOWN_S = 40  # of effort: before, nobody knows what is usual
STOPPED = 0.2  # of the usual amplitude
BREATHING_S, BREATHING = 4, 0.5  # so much effort for so long is breath again
VOTES_S = 20  # what stands may be unknown for so long
MEMORY_S = USUAL_S + VOTES_S + 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ApnoeaState:
    """Effort of each second, and what was thought of it.

    Attributes
    ----------
    tail : (devices, GRID_HZ), the last second
    effort : (devices, USUAL_S), mean square of the change over a second, NaN where missing
    votes : (devices, VOTES_S): 1 stopped, -1 breathing, 0 unknown
    """

    resampler: ResamplerState
    tail: Samples
    effort: Samples
    votes: NDArray[np.int8]


def init(devices: int, rate_hz: int) -> ApnoeaState:
    """Nothing seen yet."""
    return ApnoeaState(
        resampler=_resampler(rate_hz).init(devices),
        tail=np.full((devices, GRID_HZ), np.nan),
        effort=np.full((devices, USUAL_S), np.nan),
        votes=np.zeros((devices, VOTES_S), dtype=np.int8),
    )


def step(
    state: ApnoeaState, samples: Samples, times: Instants, *, least_s: int = LEAST_S
) -> tuple[ApnoeaState, Output]:
    """Take one second of (devices, rate_hz), any linear unit; tell what began or ended.

    `least_s` : so long breath must stop, 5 to 60
    """
    inner, newest = _resampler(samples.shape[1]).step(state.resampler, samples)
    change = newest - state.tail
    effort = shifted(state.effort, (change * change).sum(axis=1)[:, None] / GRID_HZ)
    vote = votes_of(effort, least_s)
    changed = ApnoeaState(
        resampler=inner, tail=newest, effort=effort, votes=shifted(state.votes, vote[:, None])
    )
    # Both look back equally far, so that a run that begins later sees the same change.
    was, is_now = _stands(state.votes[:, 1:]), _stands(changed.votes[:, 1:])
    findings = tuple(
        _begun(int(row), int(times[row]), least_s)
        if is_now[row]
        else _ended(int(row), int(times[row]))
        for row in np.flatnonzero(was != is_now)
    )
    return changed, Output((), None, findings)


def votes_of(effort: Samples, least_s: int) -> NDArray[np.int8]:
    """1 where breath has stopped for `least_s`, -1 where there is breath, 0 where unknown."""
    ordered = np.sort(effort, axis=1)  # NaN last
    n = np.isfinite(effort).sum(axis=1)
    at = np.clip((USUAL_SHARE * n).astype(np.intp), 0, effort.shape[1] - 1)
    usual = present(ordered[np.arange(len(effort)), at])
    known = (n >= KNOWN_S) & (usual > 0)
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
