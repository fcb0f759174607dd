import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.vital_points import VitalPoint, preferred, resolution_s


def point(
    t_us: int = 0,
    *,
    value: float | None = 70.0,
    quality: float = 0.5,
    validity: int = 0,
    method: int = 1,
) -> VitalPoint:
    return VitalPoint(
        t_us=t_us,
        device_id=1,
        method=method,
        value=value,
        least=value,
        greatest=value,
        n=1,
        quality=quality,
        validity=validity,
        flags=0,
    )


def test_a_number_comes_before_none_and_validity_before_quality() -> None:
    none = point(value=None, quality=1.0, validity=3, method=1)
    doubtful = point(value=80.0, quality=0.9, validity=1, method=2)
    valid = point(value=70.0, quality=0.4, validity=0, method=3)
    assert preferred([none, doubtful, valid]) == [valid]
    assert preferred([none, doubtful]) == [doubtful]
    assert preferred([none]) == [none]


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
    assert [(one.t_us, one.method) for one in preferred(points)] == [(0, 3), (1, 3)]


@pytest.mark.parametrize(
    ("span_s", "points", "seconds"),
    [(600, 600, 0), (3_600, 600, 10), (86_400, 1_440, 60), (31 * 86_400, 600, 7_200)],
)
def test_the_least_resolution_that_fits_is_used(span_s: int, points: int, seconds: int) -> None:
    assert resolution_s(span_s * 1_000_000, points) == seconds


@given(st.integers(0, 31 * 86_400 * 1_000_000), st.integers(2, 5_000))
def test_there_are_never_more_buckets_than_asked_for(span_us: int, points: int) -> None:
    step_s = resolution_s(span_us, points)
    if step_s:
        assert span_us / 1e6 / step_s <= points
