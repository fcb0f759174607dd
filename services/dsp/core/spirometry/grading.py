"""How good a forced breath was, how well several agree, and the zones of a personal best.

References
----------
Acceptability, usability and grades A to F: ATS/ERS standardization, Graham et al. 2019, Am J
Respir Crit Care Med 200:e70, tables 7 and 10. Zones: 80 and 50 percent of the personal best,
National Asthma Education and Prevention Program, Expert Panel Report 3, 2007.
Departs from it: that an inspiration after the breath was not larger is not asked, for a turbine
that measures one way only has none; and closure of the glottis is not told from an early end.
"""

from collections.abc import Sequence
from enum import StrEnum

from services.dsp.core.spirometry.blow import Blow

EXTRAPOLATED_SHARE, EXTRAPOLATED_L = 0.05, 0.100  # of FVC, or so much: the greater counts
YOUNG_YEARS = 6
REPEATABLE_L = (0.150, 0.200, 0.250)  # the two largest apart, grades A and B, C, D
REPEATABLE_YOUNG_L = (0.100, 0.150, 0.200)  # or a tenth of the largest, whichever is greater
REPEATABLE_YOUNG_SHARE = 0.10
THREE, TWO = 3, 2
GREEN_SHARE, YELLOW_SHARE = 0.8, 0.5


class Grade(StrEnum):
    """Of a session, for FEV1 and FVC each."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    U = "U"
    F = "F"


class Zone(StrEnum):
    """Of a peak flow against the personal best."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def starts_well(blow: Blow) -> bool:
    """Whether little had come out at time zero: no hesitation."""
    return blow.extrapolated <= max(EXTRAPOLATED_SHARE * blow.fvc, EXTRAPOLATED_L)


def fev1_acceptable(blow: Blow) -> bool:
    """Whether the FEV1 may be reported: good start, no cough in the first second."""
    return starts_well(blow) and not blow.coughed


def fvc_acceptable(blow: Blow, largest_before: float | None = None) -> bool:
    """Whether the FVC may be reported: good start and a full end.

    An end without plateau is full, too, where the FVC comes within 150 mL of the largest before.
    """
    near = largest_before is not None and blow.fvc >= largest_before - REPEATABLE_L[0]
    return starts_well(blow) and (blow.has_plateau or near)


def grade(
    acceptable: Sequence[float], *, n_usable: int = 0, years: float = YOUNG_YEARS + 1
) -> Grade:
    """Of one session: acceptable values in L of FEV1 or of FVC, and how many more are usable."""
    if not acceptable:
        return Grade.U if n_usable else Grade.F
    if len(acceptable) < TWO:
        return Grade.E
    best, second = sorted(acceptable, reverse=True)[:TWO]
    return _by_distance(best - second, best, len(acceptable), years)


def _by_distance(apart: float, best: float, n: int, years: float) -> Grade:
    limits = REPEATABLE_L
    if years <= YOUNG_YEARS:
        first, second, third = REPEATABLE_YOUNG_L
        share = REPEATABLE_YOUNG_SHARE * best
        limits = (max(first, share), max(second, share), max(third, share))
    tolerance = 1e-9  # values come as decimals
    if apart <= limits[0] + tolerance:
        return Grade.A if n >= THREE else Grade.B
    if apart <= limits[1] + tolerance:
        return Grade.C
    return Grade.D if apart <= limits[2] + tolerance else Grade.E


def zone(peak_flow: float, personal_best: float) -> Zone:
    """Zone of a peak flow, both in the same unit.

    Raises
    ------
    ValueError : the personal best is not above 0
    """
    if personal_best <= 0:
        raise ValueError("a personal best is above 0")
    share = peak_flow / personal_best
    if share >= GREEN_SHARE:
        return Zone.GREEN
    return Zone.YELLOW if share >= YELLOW_SHARE else Zone.RED
