from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.vital_points import VitalPoint, joined, shown


def point(
    t_us: int = 0,
    *,
    value: float | None = 70.0,
    n: int = 1,
    quality: float = 0.5,
    validity: int = 0,
    method: int = 1,
    device_id: int = 1,
) -> VitalPoint:
    return VitalPoint(
        t_us=t_us,
        device_id=device_id,
        method=method,
        value=value,
        least=value,
        greatest=value,
        n=0 if value is None else n,
        n_questionable=int(validity == 1),
        quality=quality,
        validity=validity,
        flags=0,
    )


def test_a_number_comes_before_none_and_validity_before_quality() -> None:
    none = point(value=None, quality=1.0, validity=3, method=1)
    doubtful = point(value=80.0, quality=0.9, validity=1, method=2)
    valid = point(value=70.0, quality=0.4, validity=0, method=3)
    assert shown([none, doubtful, valid]) == [valid]
    assert shown([none, doubtful]) == [doubtful]
    assert shown([none]) == [none]


def test_the_spike_of_another_device_by_the_same_method_stays() -> None:
    better = point(value=70.0, quality=0.9, device_id=1)
    worn_shortly = point(value=190.0, quality=0.3, device_id=2)
    other_method = point(value=20.0, quality=0.2, device_id=3, method=2)

    (best,) = shown([worn_shortly, other_method, better])

    assert (best.value, best.device_id) == (70.0, 1)
    assert (best.least, best.greatest) == (70.0, 190.0)


@given(
    st.permutations(
        [
            point(t_us, quality=quality, method=method)
            for t_us in (0, 1)
            for quality, method in ((0.5, 1), (0.5, 2), (0.9, 3))
        ]
    )
)
def test_the_choice_does_not_depend_on_the_order(points: list[VitalPoint]) -> None:
    assert [(one.t_us, one.method) for one in shown(points)] == [(0, 3), (1, 3)]


def test_two_halves_of_a_bucket_are_one() -> None:
    calm = replace(point(value=60.0, n=3), least=58.0, greatest=62.0)
    wild = replace(point(value=90.0, n=1, quality=0.9, validity=1), flags=4)

    (whole,) = joined([calm, wild])

    assert (whole.value, whole.least, whole.greatest, whole.n) == (67.5, 58.0, 90.0, 4)
    assert whole.quality == pytest.approx(0.6)
    assert (whole.validity, whole.n_questionable, whole.flags) == (1, 1, 4)


@pytest.mark.parametrize("silent_first", [True, False])
def test_a_half_without_a_number_says_nothing(*, silent_first: bool) -> None:
    silent = replace(point(value=None, validity=3, quality=0.0), flags=8)
    spoke = point(value=70.0)

    (whole,) = joined([silent, spoke] if silent_first else [spoke, silent])

    assert whole == replace(spoke, flags=8)
    assert joined([silent, silent]) == [silent]


def test_times_devices_and_methods_stay_apart() -> None:
    apart = [point(0), point(1), point(0, method=2), point(0, device_id=2)]
    assert joined(apart) == apart
