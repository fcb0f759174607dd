"""What counts, by the numbers of the standard."""

import numpy as np
import pytest

from shared.contracts.forced_breaths import Fault, HowBlown, faults

GOOD = HowBlown(fvc=4.0, extrapolated=0.1, lasted_s=6.0, end_rise=0.02, regained=0.0)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (GOOD, ()),
        (GOOD._replace(extrapolated=0.2), ()),
        (GOOD._replace(extrapolated=0.201), (Fault.SLOW_START,)),
        (GOOD._replace(fvc=1.0, extrapolated=0.1), ()),
        (GOOD._replace(fvc=1.0, extrapolated=0.101), (Fault.SLOW_START,)),
        (GOOD._replace(regained=0.11), (Fault.COUGH,)),
        (GOOD._replace(end_rise=0.025), ()),
        (GOOD._replace(end_rise=0.026), (Fault.EARLY_END,)),
        (GOOD._replace(end_rise=0.026, lasted_s=15.0), ()),
        (
            HowBlown(fvc=2.0, extrapolated=0.3, lasted_s=2.0, end_rise=0.5, regained=0.5),
            (Fault.SLOW_START, Fault.COUGH, Fault.EARLY_END),
        ),
    ],
)
def test_a_breath_has_the_published_faults(how: HowBlown, expected: tuple[Fault, ...]) -> None:
    assert faults(how) == expected
    stored = HowBlown(*(float(np.float32(value)) for value in how))
    assert faults(stored) == expected, "values are stored in 32 bits"


@pytest.mark.parametrize(
    ("largest", "is_young", "expected"),
    [
        (3.0, False, ()),
        (4.15, False, ()),
        (4.16, False, (Fault.EARLY_END,)),
        (4.4, True, ()),
        (4.5, True, (Fault.EARLY_END,)),
    ],
)
def test_an_early_end_near_the_largest_is_a_full_one(
    largest: float, *, is_young: bool, expected: tuple[Fault, ...]
) -> None:
    how = GOOD._replace(end_rise=0.2)
    assert faults(how, largest_before=largest, is_young=is_young) == expected
