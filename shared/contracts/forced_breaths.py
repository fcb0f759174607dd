"""Whether a forced breath counts: one rule for who measures breaths and who judges sessions.

References
----------
ATS/ERS standardization of spirometry, Graham et al. 2019, Am J Respir Crit Care Med 200:e70,
table 7. Departs from it: that an inspiration after the breath was not larger is not asked, for a
turbine that measures one way only has none; and closure of the glottis is not told from an early
end.
"""

from enum import StrEnum
from typing import NamedTuple

EXTRAPOLATED_SHARE, EXTRAPOLATED_L = 0.05, 0.100  # of FVC, or so much: the greater counts
PLATEAU_L = 0.025  # in the last second
LONG_ENOUGH_S = 15.0
NEARLY = 1e-6  # values come as 32-bit floats
COUGH_SHARE = 0.1  # of the highest flow: it came back by so much; the standard has no number
NEAR_L, NEAR_YOUNG_L = 0.150, 0.100
NEAR_YOUNG_SHARE = 0.10  # of the largest, or so much: the greater counts
YOUNG_YEARS = 6.0


class Fault(StrEnum):
    """What is wrong with a forced breath."""

    SLOW_START = "slow_start"
    COUGH = "cough"
    EARLY_END = "early_end"


class HowBlown(NamedTuple):
    """By what a forced breath is judged. Volumes in L, times in s.

    Attributes
    ----------
    extrapolated : volume that was out at time zero
    lasted_s : from time zero to the end
    end_rise : volume that came in the last second
    regained : share of the highest flow by which it came back within the first second
    """

    fvc: float
    extrapolated: float
    lasted_s: float
    end_rise: float
    regained: float


def faults(
    how: HowBlown, *, largest_before: float | None = None, is_young: bool = False
) -> tuple[Fault, ...]:
    """What is wrong with a breath, in the order of the enum.

    An end without plateau is a full one, too, where the FVC comes near `largest_before`: that of
    the breaths before it in the same session. `is_young`: the limits of children to six years.
    """
    found = []
    if how.extrapolated > max(EXTRAPOLATED_SHARE * how.fvc, EXTRAPOLATED_L) + NEARLY:
        found.append(Fault.SLOW_START)
    if how.regained > COUGH_SHARE + NEARLY:
        found.append(Fault.COUGH)
    near = largest_before is not None and (
        how.fvc + NEARLY >= largest_before - near_l(largest_before, is_young=is_young)
    )
    if not (near or how.end_rise <= PLATEAU_L + NEARLY or how.lasted_s >= LONG_ENOUGH_S):
        found.append(Fault.EARLY_END)
    return tuple(found)


def near_l(largest: float, *, is_young: bool) -> float:
    """How far from the largest a volume may lie and still repeat it, in L."""
    return max(NEAR_YOUNG_L, NEAR_YOUNG_SHARE * largest) if is_young else NEAR_L
