"""All lanes compute at the same moments, each once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dsp.application.live import next_turn_s


@pytest.mark.parametrize(
    ("began_s", "next_s"),
    [(10.0, 10.5), (10.001, 10.5), (9.999, 10.5), (10.3, 10.5), (10.47, 10.5), (10.49, 11.0)],
)
def test_who_began_a_little_early_has_used_the_moment(began_s: float, next_s: float) -> None:
    assert next_turn_s(began_s, 0.5) == pytest.approx(next_s)


def test_without_an_interval_nobody_waits() -> None:
    assert next_turn_s(3.7, 0.0) == 3.7


@given(st.floats(0, 1e6), st.sampled_from([0.02, 0.5, 1.0]))
def test_the_wait_is_an_interval_and_a_little_at_most(began_s: float, interval_s: float) -> None:
    wait_s = next_turn_s(began_s, interval_s) - began_s
    assert 0 < wait_s <= 1.06 * interval_s + 1e-6
