from datetime import date, timedelta

import pytest

from services.alarms.core.limits import (
    AgeGroup,
    DefaultLimits,
    Override,
    age_group,
    limits_in_force,
)
from services.alarms.core.rules import LIMIT_RULES
from shared.contracts.measures import MEASURES, MEASURES_BY_KEY

TODAY = date(2026, 6, 15)


@pytest.mark.parametrize(
    ("birth", "group"),
    [
        (TODAY, AgeGroup.NEONATE),
        (TODAY - timedelta(days=28), AgeGroup.NEONATE),
        (TODAY - timedelta(days=29), AgeGroup.INFANT),
        (date(2025, 6, 16), AgeGroup.INFANT),
        (date(2025, 6, 15), AgeGroup.CHILD_1),
        (date(2023, 6, 16), AgeGroup.CHILD_1),
        (date(2023, 6, 15), AgeGroup.CHILD_3),
        (date(2020, 6, 15), AgeGroup.CHILD_6),
        (date(2014, 6, 15), AgeGroup.CHILD_12),
        (date(2010, 6, 16), AgeGroup.CHILD_12),
        (date(2010, 6, 15), AgeGroup.ADULT),
        (None, AgeGroup.ADULT),
        (TODAY + timedelta(days=1), AgeGroup.ADULT),
    ],
)
def test_a_birthday_changes_the_group(birth: date | None, group: AgeGroup) -> None:
    assert age_group(birth, TODAY) is group


def test_the_defaults_are_whole_and_sensible(defaults: DefaultLimits) -> None:
    assert set(defaults.limits) == set(AgeGroup)
    watched = {MEASURES[measure].key for rule in LIMIT_RULES for measure in rule.measures}
    assert set(defaults.timing) == watched
    for group in AgeGroup:
        for measure in watched:
            row = defaults.limits[group][measure]
            inside = [row.extreme_low, row.low, row.high, row.extreme_high]
            given = [bound for bound in inside if bound is not None]
            assert given == sorted(set(given)), (group, measure)
            plausible = MEASURES_BY_KEY[measure]
            assert all(plausible.low <= bound <= plausible.high for bound in given)
    assert set(defaults.latching) == {"high", "medium", "low"}


def test_unknown_birth_dates_are_told(defaults: DefaultLimits) -> None:
    found = limits_in_force(defaults, birth=None, on=TODAY, overrides=())
    assert "birth date unknown" in found["spo2"].source
    assert found["spo2"].low == 90


def override(**fields: object) -> Override:
    return Override(**{"measure": "spo2", "low": 85, "high": None, "enabled": True, **fields})  # type: ignore[arg-type]  # fields of the struct


def test_the_most_special_counts_whole(defaults: DefaultLimits) -> None:
    site = override(low=91)
    ward = override(low=88, ward=1)
    patient = override(low=86, patient=5, delay_s=15)

    def low(*rows: Override) -> float | None:
        return limits_in_force(defaults, birth=date(1980, 1, 1), on=TODAY, overrides=rows)[
            "spo2"
        ].low

    assert low() == 90
    assert low(site) == 91
    assert low(ward, site) == 88
    assert low(site, patient, ward) == 86
    found = limits_in_force(defaults, birth=date(1980, 1, 1), on=TODAY, overrides=(site, patient))[
        "spo2"
    ]
    assert (found.delay_s, found.source) == (15, "patient")
    assert found.extreme_low == 80


def test_an_extreme_never_lies_inside_a_limit_that_a_person_set(defaults: DefaultLimits) -> None:
    rows = (
        override(low=78, patient=5),
        override(measure="heart_rate", low=35, high=150, patient=5),
    )
    found = limits_in_force(defaults, birth=date(1980, 1, 1), on=TODAY, overrides=rows)
    assert found["spo2"].extreme_low == 78
    assert found["heart_rate"].extreme_low == 35
    assert found["heart_rate"].extreme_high == 150
