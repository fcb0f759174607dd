"""Variability of the heart rate over five minutes, from the intervals between normal beats.

Intervals beside an ectopic or doubtful beat, and those that leap from their neighbours as no sinus
rhythm does, are left out and not replaced. LF and HF come from the Lomb-Scargle periodogram of
what is left, which wants no even spacing, so nothing has to be invented in the holes.

References
----------
Task Force of ESC and NASPE 1996, Circulation 93:1043 (windows of five minutes, SDNN, RMSSD, pNN50,
LF 0.04-0.15 Hz, HF 0.15-0.4 Hz); Lomb 1976, Astrophys Space Sci 39:447.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Floats, Instants
from shared.contracts.beats import BeatClass

LEAP = 0.2  # of the median of the intervals around: Malik et al. 1989, the usual bound
AROUND = 5  # intervals on either side whose median it is
LEAST_BEAT_QUALITY = 0.7  # beats below are not sure enough to end an interval
LEAST_COVERAGE = 0.5  # of the window in intervals, for anything to be said
LEAST_COVERAGE_BANDS = 0.8  # for LF and HF: holes smear the bands into each other
LEAST_INTERVALS = 60
PNN_MS = 50.0
LF_HZ, HF_HZ = (0.04, 0.15), (0.15, 0.4)
STEP_HZ = 1 / 600  # half the width that five minutes resolve
SAME_MS = 2.0  # times are rounded: so much apart are the same beat


class Variability(NamedTuple):
    """What one window told; NaN where it cannot be told. Coverage: share of it in intervals."""

    sdnn_ms: float
    rmssd_ms: float
    pnn50: float
    lf_hf: float
    coverage: float
    removed: float


def variability(
    t: Instants,
    rr_ms: Floats,
    quality: Floats,
    classes: NDArray[np.int8],
    *,
    window_us: int,
) -> Variability:
    """Variability of the beats of one window, by time.

    Parameters
    ----------
    t : us UTC
    rr_ms : to the beat before, NaN where that is not known
    classes : `BeatClass`; beats that nobody judged count as normal
    """
    sure = np.isin(classes, (BeatClass.UNCLASSIFIED, BeatClass.N))
    sure &= quality >= LEAST_BEAT_QUALITY
    follows = np.zeros(len(t), dtype=np.bool_)
    if len(t) > 1:
        gap_ms = np.diff(t) / 1000
        follows[1:] = np.abs(gap_ms - rr_ms[1:]) <= SAME_MS
    before_sure = np.zeros(len(t), dtype=np.bool_)
    before_sure[1:] = sure[:-1]
    known = sure & before_sure & follows & np.isfinite(rr_ms)
    normal = known & ~_leaps(rr_ms, known)
    intervals = rr_ms[normal]
    coverage = float(intervals.sum() * 1000 / window_us)
    n_known = int(np.isfinite(rr_ms).sum())
    removed = 1 - len(intervals) / n_known if n_known else 0.0
    if coverage < LEAST_COVERAGE or len(intervals) < LEAST_INTERVALS:
        return Variability(np.nan, np.nan, np.nan, np.nan, coverage, removed)
    pairs = normal[1:] & normal[:-1]
    steps = np.diff(rr_ms)[pairs]
    enough = len(steps) >= LEAST_INTERVALS // 2
    return Variability(
        sdnn_ms=float(np.std(intervals, ddof=1)),
        rmssd_ms=float(np.sqrt(np.mean(steps * steps))) if enough else np.nan,
        pnn50=float(100 * np.mean(np.abs(steps) > PNN_MS)) if enough else np.nan,
        lf_hf=_lf_hf(t[normal], intervals) if coverage >= LEAST_COVERAGE_BANDS else np.nan,
        coverage=min(coverage, 1.0),
        removed=removed,
    )


def _leaps(rr_ms: Floats, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether an interval is far from the median of those around it."""
    place = np.flatnonzero(known)
    leaps = np.zeros(len(rr_ms), dtype=np.bool_)
    if not len(place):
        return leaps
    value = rr_ms[place]
    padded = np.concatenate((np.full(AROUND, np.nan), value, np.full(AROUND, np.nan)))
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
    middle = np.nanmedian(around, axis=1)
    leaps[place] = np.abs(value - middle) > LEAP * middle
    return leaps


def _lf_hf(t: Instants, intervals: Floats) -> float:
    """Power of LF by that of HF."""
    seconds = (t - t[0]) / 1e6
    flat = intervals - np.polyval(np.polyfit(seconds, intervals, 1), seconds)
    hertz = np.arange(LF_HZ[0], HF_HZ[1], STEP_HZ)
    power = _periodogram(seconds, flat, hertz)
    low = power[(hertz >= LF_HZ[0]) & (hertz < LF_HZ[1])].sum()
    high = power[(hertz >= HF_HZ[0]) & (hertz < HF_HZ[1])].sum()
    return float(low / high) if high > 0 else np.nan


def _periodogram(seconds: Floats, values: Floats, hertz: Floats) -> Floats:
    """Lomb-Scargle power at each frequency."""
    angle = 2 * np.pi * hertz[:, None]
    shift = np.arctan2(
        np.sin(2 * angle * seconds).sum(axis=1), np.cos(2 * angle * seconds).sum(axis=1)
    )
    phase = angle * seconds - shift[:, None] / 2
    cosine, sine = np.cos(phase), np.sin(phase)
    power: Floats = ((values * cosine).sum(axis=1) ** 2 / (cosine**2).sum(axis=1)) + (
        (values * sine).sum(axis=1) ** 2 / np.maximum((sine**2).sum(axis=1), 1e-9)
    )
    return power / 2
