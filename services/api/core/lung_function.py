"""What lungs of somebody's age, height and sex are expected to do: GLI-2012.

Predicted value, lower limit of normal (the fifth percentile) and z-score by the method of lambda,
mu and sigma. Splines are taken between the quarters of a year, the other terms at the exact age.
Nothing is guessed: who has no birth date, height or sex has no expectation.

References
----------
Quanjer et al. 2012, Eur Respir J 40:1324, with its look-up workbook. FEF25-75 of men and boys is
left out: two published versions of its table differ (docs/science/spirometry.md).
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

import msgspec

EQUATIONS = "GLI-2012"
YOUNGEST_YEARS = 3.0
STEP_YEARS = 0.25
FIFTH_PERCENTILE = -1.645
DAYS_A_YEAR = 365.25
HEIGHTS_CM = (50.0, 250.0)
_LAMBDA_IS_ZERO = 1e-9


class LungGroup(StrEnum):
    """The groups of people that the equations know; `other` where none of them fits."""

    CAUCASIAN = "caucasian"
    AFRICAN_AMERICAN = "african_american"
    NORTH_EAST_ASIAN = "north_east_asian"
    SOUTH_EAST_ASIAN = "south_east_asian"
    OTHER = "other"


_GROUPS = tuple(LungGroup)


class Person(NamedTuple):
    """Of whom something is expected. `sex`: that of the equations, female or male."""

    sex: str
    age_years: float
    height_cm: float
    group: LungGroup


class Curves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Coefficients of a measure for a sex: mu (a), sigma (p), lambda (q), and their splines."""

    a: tuple[float, float, float, float, float, float, float]
    p: tuple[float, float, float, float, float, float]
    q: tuple[float, float]
    m: tuple[float, ...]
    s: tuple[float, ...]
    l: tuple[float, ...] = ()  # noqa: E741 - as the paper calls it; empty: 0 at every age


LungTable = Mapping[str, Mapping[str, Curves]]
"""By measure and sex."""


class Expected(NamedTuple):
    """What is expected of one measure of a person."""

    predicted: float
    spread: float
    skew: float

    @property
    def lower_limit(self) -> float:
        """The fifth percentile of healthy people."""
        return self._at(FIFTH_PERCENTILE)

    def z_score(self, value: float) -> float:
        """How many standard deviations a value is from the predicted one."""
        ratio = value / self.predicted
        if abs(self.skew) < _LAMBDA_IS_ZERO:
            return math.log(ratio) / self.spread
        return (math.pow(ratio, self.skew) - 1) / (self.skew * self.spread)

    def _at(self, z: float) -> float:
        if abs(self.skew) < _LAMBDA_IS_ZERO:
            return self.predicted * math.exp(z * self.spread)
        return self.predicted * math.pow(1 + z * self.skew * self.spread, 1 / self.skew)


def read_lung_table(text: bytes) -> LungTable:
    """The table as it comes with the program.

    Raises
    ------
    msgspec.ValidationError : it is not of this shape
    """
    return msgspec.json.decode(text, type=dict[str, dict[str, Curves]])


def expected(table: LungTable, measure: str, person: Person) -> Expected | None:
    """What is expected; None where the equations do not say: unknown measure, age out of range."""
    curves = table.get(measure, {}).get(person.sex)
    if curves is None:
        return None
    place = (person.age_years - YOUNGEST_YEARS) / STEP_YEARS
    if not 0 <= place <= len(curves.m) - 1:
        return None
    age, height = math.log(person.age_years), math.log(person.height_cm)
    # The first group is that of the intercepts; sigma has no term for height.
    of_mu = (0.0, *curves.a[3:])[_GROUPS.index(person.group)]
    of_sigma = (0.0, *curves.p[2:])[_GROUPS.index(person.group)]
    a, p, q = curves.a, curves.p, curves.q
    return Expected(
        predicted=math.exp(a[0] + a[1] * height + a[2] * age + of_mu + _between(curves.m, place)),
        spread=math.exp(p[0] + p[1] * age + of_sigma + _between(curves.s, place)),
        skew=q[0] + q[1] * age + (_between(curves.l, place) if curves.l else 0.0),
    )


def age_years(birth: date, on: date) -> float:
    """Age with its fraction of a year, as the equations ask for it."""
    return (on - birth).days / DAYS_A_YEAR


def _between(spline: Sequence[float], place: float) -> float:
    at = min(int(place), len(spline) - 2)
    return spline[at] + (place - at) * (spline[at + 1] - spline[at])
