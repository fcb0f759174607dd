"""Beats that do not come from the sinus node, where nobody has told: by time and size alone.

An ectopic beat has another interval, height and area than its neighbours, not because somebody
breathes. One in three (trigeminy) looks like a breath each three beats, in every series at once.
The classes of beats (`ecg.classes`) come seconds later and remember longer than this may.
"""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Rows, Samples

# Interval before a beat against the one after it: 8 and 25 % too early, with a full pause. The
# first happens to those who breathe deeply too, and counts with another shape; the second does not.
EARLY, VERY_EARLY = 0.85, 0.6
# Area of the complex against the usual one, to both sides: breath moves it by a fifth at most.
UNLIKE, VERY_UNLIKE = 1.3, 1.8


def ectopic(row: Rows, interval: Samples, area: Samples, devices: int) -> NDArray[np.bool_]:
    """Which beats are ectopic, of beats in order of device and time.

    Parameters
    ----------
    row : of each beat, its device
    interval : before each beat, NaN of the first one of a device
    area : of each complex, any unit
    """
    pause = np.append(interval[1:], np.nan)
    early = interval < EARLY * pause
    usual = _medians(row, np.where(early, np.nan, area), devices)[row]
    larger = np.maximum(area, usual)
    smaller = np.minimum(area, usual)
    is_odd = early & (larger > UNLIKE * smaller)
    return is_odd | (larger > VERY_UNLIKE * smaller) | (interval < VERY_EARLY * pause)


def _medians(row: Rows, values: Samples, devices: int) -> Samples:
    """Lower median of what is known of each device, NaN where nothing is."""
    known = np.isfinite(values)
    owner, some = row[known], values[known]
    n = np.bincount(owner, minlength=devices)
    first = np.concatenate(([0], np.cumsum(n)[:-1]))
    ordered = np.append(some[np.lexsort((some, owner))], np.nan)
    return np.where(n > 0, ordered[np.minimum(first + (n - 1) // 2, len(some))], np.nan)
