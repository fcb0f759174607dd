"""GLI-2012 against other programs, its own definitions, and its limits."""

from datetime import date

import pytest

from services.api.core.lung_function import (
    Expected,
    LungGroup,
    Person,
    age_years,
    expected,
)
from services.api.resources.spirometry.store import load_lung_table

TABLE = load_lung_table()
CAUCASIAN, AFRICAN = LungGroup.CAUCASIAN, LungGroup.AFRICAN_AMERICAN
SOUTH_EAST, OTHER = LungGroup.SOUTH_EAST_ASIAN, LungGroup.OTHER
# By pyspiro 1.0.0, another program with a copy of its own of the tables: predicted, lower limit and
# z-score of a value.
OTHER_PROGRAM = [
    (("male", 4.8, 107, CAUCASIAN), "fev1", 0.8, (1.0442461, 0.8211659, -1.8006492)),
    (("female", 46.75, 168, CAUCASIAN), "fev1", 2.4, (3.0544905, 2.4024795, -1.6511357)),
    (("female", 46.75, 168, CAUCASIAN), "fvc", 3.5, (3.8086050, 3.0041341, -0.6230063)),
    (("female", 46.75, 168, CAUCASIAN), "fev1_fvc", 0.69, (0.8072703, 0.6975593, -1.7458745)),
    (("male", 64.33, 178, AFRICAN), "fvc", 3.1, (3.7891216, 2.7806305, -1.1211549)),
    (("male", 64.33, 178, AFRICAN), "fev1_fvc", 0.61, (0.7741584, 0.6524487, -2.1618693)),
    (("female", 12.6, 151, SOUTH_EAST), "fef25_75", 2.2, (3.0833482, 2.0842540, -1.4462330)),
    (("female", 80.1, 158, OTHER), "fef75", 0.4, (0.3115142, 0.1095910, 0.3914863)),
    (("male", 29.99, 181, OTHER), "fef75", 1.5, (1.9344663, 1.0437514, -0.6994350)),
    (("male", 95.0, 165, CAUCASIAN), "fev1", 1.9, (2.1056343, 1.3706407, -0.4791124)),
    (("female", 3.0, 95, CAUCASIAN), "fvc", 0.8, (0.7675524, 0.5782726, 0.2743263)),
]


def of(measure: str, *person: object) -> Expected:
    found = expected(TABLE, measure, Person(*person))  # type: ignore[arg-type]  # spelled out above
    assert found is not None
    return found


@pytest.mark.parametrize(("person", "measure", "value", "wanted"), OTHER_PROGRAM)
def test_another_program_says_the_same(
    person: tuple[object, ...], measure: str, value: float, wanted: tuple[float, float, float]
) -> None:
    found = of(measure, *person)
    told = (found.predicted, found.lower_limit, found.z_score(value))
    assert told == pytest.approx(wanted, abs=2e-6)


def test_the_example_of_a_published_calculator() -> None:
    """Test of the gli-2012 calculator (Copenhagen), with splines in four decimals."""
    found = of("fev1", "male", 10.1, 140, CAUCASIAN)
    assert found.skew == pytest.approx(1.0831655)
    assert found.predicted == pytest.approx(2.0253632, rel=1e-4)
    assert found.spread == pytest.approx(0.1119078, rel=1e-4)
    assert found.lower_limit == pytest.approx(1.6494349, rel=1e-4)
    assert found.z_score(0.8) == pytest.approx(-5.2334743, rel=1e-4)


def test_the_lower_limit_is_the_fifth_percentile_and_the_predicted_value_is_no_deviation() -> None:
    for measure, sexes in TABLE.items():
        for sex in sexes:
            for age in (3.0, 7.3, 18.1, 44.4, 89.9):
                for group in LungGroup:
                    found = of(measure, sex, age, 150.0, group)
                    assert found.z_score(found.predicted) == pytest.approx(0, abs=1e-9)
                    assert found.z_score(found.lower_limit) == pytest.approx(-1.645, abs=1e-6)


def test_a_skew_of_zero_is_the_limit_of_small_ones() -> None:
    none, small = Expected(3.0, 0.12, 0.0), Expected(3.0, 0.12, 1e-7)
    assert none.lower_limit == pytest.approx(small.lower_limit, rel=1e-6)
    assert none.z_score(2.4) == pytest.approx(small.z_score(2.4), rel=1e-6)


@pytest.mark.parametrize("age", [2.99, 95.01, 0.0, -3.0])
def test_outside_of_its_ages_nothing_is_expected(age: float) -> None:
    assert expected(TABLE, "fev1", Person("male", age, 170, CAUCASIAN)) is None


def test_what_the_equations_do_not_have_is_not_expected() -> None:
    woman = Person("female", 40.0, 165, OTHER)
    assert expected(TABLE, "fef75", woman._replace(age_years=90.0)) is not None
    assert expected(TABLE, "fef75", woman._replace(age_years=90.1)) is None
    assert expected(TABLE, "pef", woman) is None
    assert expected(TABLE, "fev1", woman._replace(sex="other")) is None
    # Two published versions of this one table differ: nothing is told until one is known right.
    assert expected(TABLE, "fef25_75", woman._replace(sex="male")) is None


def test_age_has_its_fraction() -> None:
    assert age_years(date(2000, 1, 1), date(2010, 7, 2)) == pytest.approx(10.5, abs=0.003)
