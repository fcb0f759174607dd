"""Sources that agree support each other; who contradicts lowers what is told."""

import numpy as np
import pytest

from services.dsp.core.agreement import DISAGREEMENT, Together, Tolerance, together

NEAR = Tolerance(3.0, 0.15)


def of(*sources: tuple[float, float]) -> Together:
    values = np.array([[value for value, _ in sources]])
    qualities = np.array([[quality for _, quality in sources]])
    return together(values, qualities, NEAR)


def test_two_that_agree_are_surer_than_each() -> None:
    found = of((15, 0.8), (16, 0.6))
    assert found.value[0] == pytest.approx((15 * 0.8 + 16 * 0.6) / 1.4)
    assert found.quality[0] == pytest.approx(1 - 0.2 * 0.4)
    assert found.against[0] == 0


def test_two_that_contradict_each_other_leave_little() -> None:
    found = of((12, 0.8), (30, 0.8))
    assert found.quality[0] == pytest.approx(0.4)
    assert found.against[0] >= DISAGREEMENT


def test_two_outvote_one() -> None:
    found = of((12, 0.6), (30, 0.9), (12.5, 0.6))
    assert found.value[0] == pytest.approx(12.25)
    assert found.quality[0] == pytest.approx((1 - 0.4 * 0.4) * 1.2 / 2.1)
    assert found.n_sources[0] == 3


def test_one_alone_says_what_it_says_and_none_nothing() -> None:
    alone = of((np.nan, 0.0), (18, 0.55))
    assert alone.value[0] == pytest.approx(18)
    assert alone.quality[0] == pytest.approx(0.55)
    nothing = of((np.nan, 0.9), (12, 0.0))
    assert np.isnan(nothing.value[0])
    assert nothing.quality[0] == nothing.against[0] == 0


def test_other_rows_and_the_order_of_rows_change_no_bit() -> None:
    rng = np.random.default_rng(4)
    values = np.where(rng.random((500, 5)) < 0.2, np.nan, rng.normal(16, 6, (500, 5)))
    qualities = rng.random((500, 5))
    whole = together(values, qualities, NEAR)
    for row in range(0, 500, 41):
        alone = together(values[row : row + 1], qualities[row : row + 1], NEAR)
        assert alone.value.tobytes() == whole.value[row : row + 1].tobytes()
        assert alone.quality.tobytes() == whole.quality[row : row + 1].tobytes()
