"""Variability of the heart rate over five minutes, from classified beats.

Pure functions over stored beats: no state, no window of samples. Only intervals between two
normal beats count (NN); ectopic beats, gaps and unsure beats take theirs out, and how much is
left is told. The spectrum is that of the unevenly spaced intervals themselves (Lomb 1976; Scargle
1982), so nothing is interpolated.

References
----------
Task Force of ESC and NASPE 1996, Circulation 93:1043 (measures, five minutes, bands). Departs
from it: an interval that changes by more than 20 % from both neighbours is left out as an
unrecognised ectopic beat (Kamath and Fallen 1995); LF and HF are absolute, with their ratio.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lombscargle

from services.dsp.core.windows import Floats, Instants, Samples
from shared.contracts.beats import BeatClass

WINDOW_S = 300  # Task Force: short recordings of five minutes
LOW_HZ = (0.04, 0.15)
HIGH_HZ = (0.15, 0.40)
STEP_HZ = 1 / 600  # half the resolution of five minutes
LEAST_QUALITY = 0.9  # of both beats of an interval
SHORTEST_MS, LONGEST_MS = 300.0, 2000.0  # 30 to 200 per minute
LARGEST_CHANGE = 0.20
NN50_MS = 50.0
LEAST_COVERAGE = 0.5  # of the window: below it nothing is told
LEAST_INTERVALS = 100
SECOND_US = 1_000_000


class Variability(NamedTuple):
    """Heart rate variability of one window; NaN where too little of it was seen.

    Attributes
    ----------
    sdnn_ms, rmssd_ms : spread of the NN intervals, and of their successive differences
    pnn50_percent : successive differences of more than 50 ms
    lf_ms2, hf_ms2 : power at 0.04-0.15 and 0.15-0.40 Hz
    lf_hf : their ratio
    coverage : share of the window that NN intervals fill
    excluded : share of the intervals that were left out
    """

    sdnn_ms: float
    rmssd_ms: float
    pnn50_percent: float
    lf_ms2: float
    hf_ms2: float
    lf_hf: float
    coverage: float
    excluded: float


def variability(
    t: Instants,
    rr_ms: Samples,
    quality: Samples,
    classes: NDArray[np.int8],
    *,
    window_s: float = WINDOW_S,
) -> Variability:
    """Variability of the beats of one window.

    Parameters
    ----------
    t : (beats,), us UTC, rising
    rr_ms : to the beat before; NaN after a gap
    quality : 0 to 1
    classes : `BeatClass`; unclassified beats count as normal ones
    """
    nn = normal_intervals(rr_ms, quality, classes)
    kept = rr_ms[nn].astype(np.float64)
    coverage = float(min(kept.sum() / (1000 * window_s), 1.0))
    excluded = float(1 - len(kept) / max(len(rr_ms) - 1, 1)) if len(rr_ms) else 1.0
    if len(kept) < LEAST_INTERVALS or coverage < LEAST_COVERAGE:
        none = float("nan")
        return Variability(none, none, none, none, none, none, coverage, max(excluded, 0.0))
    successive = nn[1:] & nn[:-1]
    change = np.diff(rr_ms.astype(np.float64))[successive]
    lf, hf = band_powers((t[nn] - t[nn][0]) / SECOND_US, kept)
    return Variability(
        sdnn_ms=float(kept.std(ddof=1)),
        rmssd_ms=float(np.sqrt((change**2).mean())) if len(change) else float("nan"),
        pnn50_percent=float(100 * (np.abs(change) > NN50_MS).mean()) if len(change) else np.nan,
        lf_ms2=lf,
        hf_ms2=hf,
        lf_hf=lf / hf if hf > 0 else float("nan"),
        coverage=coverage,
        excluded=max(excluded, 0.0),
    )


def normal_intervals(
    rr_ms: Samples, quality: Samples, classes: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Which intervals lie between two sure normal beats: (beats,), of the interval before each."""
    normal = np.isin(classes, (BeatClass.N, BeatClass.UNCLASSIFIED)) & (quality >= LEAST_QUALITY)
    with np.errstate(invalid="ignore"):
        good = normal & (rr_ms >= SHORTEST_MS) & (rr_ms <= LONGEST_MS)
        good[1:] &= normal[:-1]
        good[:1] = False  # the beat before it is not known
        jump = np.abs(np.diff(rr_ms)) > LARGEST_CHANGE * rr_ms[:-1]
    alone = good.copy()
    alone[1:-1] &= jump[:-1] & jump[1:] if len(rr_ms) > 2 else False
    if len(alone):
        alone[0] = alone[-1] = False
    return np.asarray(good & ~alone)


def band_powers(t_s: Floats, rr_ms: Floats) -> tuple[float, float]:
    """Power of the intervals (ms2) at low and high frequency, by Lomb and Scargle."""
    frequency = np.arange(LOW_HZ[0], HIGH_HZ[1], STEP_HZ)
    slope = np.polyfit(t_s, rr_ms, 1)  # a trend would leak into all bands
    rest = rr_ms - np.polyval(slope, t_s)
    power = lombscargle(t_s, rest, 2 * np.pi * frequency)
    # A sine of amplitude A gives A^2 n / 4, and a line as wide as the window is long.
    density = power * 2 * (t_s[-1] - t_s[0]) / len(t_s)
    low = (frequency >= LOW_HZ[0]) & (frequency < LOW_HZ[1])
    high = frequency >= HIGH_HZ[0]
    return float(density[low].sum() * STEP_HZ), float(density[high].sum() * STEP_HZ)
