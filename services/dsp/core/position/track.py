"""A track from single fixes: what a walking person can have done between them.

A Kalman filter with the place as its state, run anew over the fixes of the last MEMORY_S: who
walks may be anywhere within walking speed, so the uncertainty grows with the time between.
"""

import numpy as np

from services.dsp.core.windows import Floats

MEMORY_S = 60
WALKING_M_S = 1.0  # indoors, with stops: the spread of a place grows so fast
OUTLIER = 9.21  # chi-square of two degrees, 99 %: a fix farther off is passed over once


def smoothed(t_s: Floats, xy_m: Floats, covariance_m2: Floats) -> tuple[Floats, Floats]:
    """The place (2,) at the last fix and its covariance (2, 2); NaN where there is no fix.

    Parameters
    ----------
    t_s : (fixes,), rising; only those of the last MEMORY_S count
    xy_m, covariance_m2 : (fixes, 2), (fixes, 2, 2); NaN where a scan had no place
    """
    usable = np.isfinite(xy_m).all(axis=1)
    if len(t_s):
        usable &= t_s > t_s[-1] - MEMORY_S
    place, spread = np.full(2, np.nan), np.full((2, 2), np.nan)
    before, passed_over = 0.0, False
    for now, fix, doubt in zip(t_s[usable], xy_m[usable], covariance_m2[usable], strict=True):
        grown = spread + (WALKING_M_S * (now - before)) ** 2 * np.eye(2)
        off = fix - place
        whole = grown + doubt
        determinant = whole[0, 0] * whole[1, 1] - whole[0, 1] * whole[1, 0]
        inverse = np.array([[whole[1, 1], -whole[0, 1]], [-whole[1, 0], whole[0, 0]]])
        inverse = inverse / determinant
        far = np.isfinite(place).all() and (off * (inverse * off).sum(axis=1)).sum() > OUTLIER
        if far and not passed_over:
            passed_over = True
            continue
        if np.isnan(place).any() or far:  # the first, or the second in a row elsewhere
            place, spread = fix, doubt
        else:
            gain = (grown[:, :, None] * inverse[None]).sum(axis=1)
            place = place + (gain * off).sum(axis=1)
            spread = grown - (gain[:, :, None] * grown[None]).sum(axis=1)
        before, passed_over = now, False
    return place, spread
