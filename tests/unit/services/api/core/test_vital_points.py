from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.vital_points import VitalPoint, joined, shown
from shared.contracts.measures import Measure
from shared.contracts.methods import Method


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


RATE = Measure.RESPIRATION_RATE
FUSED, IMPEDANCE, ECG = (
    int(method)
    for method in (Method.RESPIRATION_FUSED, Method.IMPEDANCE_SPECTRUM, Method.ECG_RESPIRATION)
)
SECOND = 1_000_000


def test_a_number_comes_before_none_and_validity_before_the_method() -> None:
    none = point(value=None, quality=1.0, validity=3, method=FUSED)
    doubtful = point(value=80.0, quality=0.9, validity=1, method=IMPEDANCE)
    valid = point(value=70.0, quality=0.4, validity=0, method=ECG)
    assert shown([none, doubtful, valid], measure=RATE) == [valid]
    assert shown([none, doubtful], measure=RATE) == [doubtful]
    assert shown([none], measure=RATE) == [none]


def test_the_method_decides_and_not_how_sure_it_says_it_is() -> None:
    """Breath in the ECG can be wrong at quality 0.95."""
    derived = point(value=26.0, quality=0.95, method=ECG)
    direct = point(value=13.0, quality=0.8, method=IMPEDANCE)
    assert shown([derived, direct], measure=RATE) == [direct]


def test_while_the_best_source_is_waited_for_no_other_takes_its_place() -> None:
    fused = [point(5 * SECOND * place, method=FUSED) for place in (0, 1, 4)]
    single = [point(5 * SECOND * place, method=IMPEDANCE) for place in range(5)]
    assert shown([*fused, *single], measure=RATE) == [fused[0], fused[1], single[3], fused[2]]


def test_a_bucket_is_valid_when_half_of_its_numbers_are() -> None:
    hour = replace(point(n=3_600, method=FUSED, validity=1), n_questionable=60)
    beside = point(n=3_600, method=ECG)
    assert shown([beside, hour], measure=RATE) == [hour]
    doubtful = replace(hour, n_questionable=1_801)
    assert shown([beside, doubtful], measure=RATE) == [beside]


def test_the_spike_of_another_device_by_the_same_method_stays() -> None:
    first = point(value=70.0, quality=0.9, device_id=1, method=IMPEDANCE)
    worn_shortly = point(value=190.0, quality=0.3, device_id=2, method=IMPEDANCE)
    other_method = point(value=20.0, quality=0.2, device_id=3, method=ECG)

    (best,) = shown([worn_shortly, other_method, first], measure=RATE)

    assert (best.value, best.device_id) == (70.0, 1)
    assert (best.least, best.greatest) == (70.0, 190.0)


@given(
    st.permutations(
        [
            point(t_us, quality=quality, method=method)
            for t_us in (0, 1)
            for quality, method in ((0.5, FUSED), (0.5, IMPEDANCE), (0.9, ECG))
        ]
    )
)
def test_the_choice_does_not_depend_on_the_order(points: list[VitalPoint]) -> None:
    chosen = [(one.t_us, one.method) for one in shown(points, measure=RATE)]
    assert chosen == [(0, FUSED), (1, FUSED)]


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
