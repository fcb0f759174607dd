import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.api.core.quantisation import MISSING, quantise


def test_integers_that_fit_travel_as_they_are() -> None:
    values = np.array([[1.0], [-32_767.0], [np.nan], [32_767.0]])

    quantised = quantise(values, exponent=None, whole=True)

    assert quantised.exponent == 0
    assert quantised.counts[:, 0].tolist() == [1, -32_767, MISSING, 32_767]


def test_the_scale_only_grows() -> None:
    first = quantise(np.array([[1.0]]), exponent=None, whole=False)
    louder = quantise(np.array([[100.0]]), exponent=first.exponent, whole=False)
    quieter = quantise(np.array([[0.01]]), exponent=louder.exponent, whole=False)

    assert first.exponent < louder.exponent == quieter.exponent


def test_an_all_missing_block_has_a_scale_too() -> None:
    quantised = quantise(np.full((3, 1), np.nan), exponent=None, whole=False)
    assert (quantised.counts == MISSING).all()


@given(
    arrays(
        np.float64,
        (20, 2),
        elements=st.floats(-1e9, 1e9, allow_subnormal=False) | st.just(float("nan")),
    ),
    st.booleans(),
    st.none() | st.integers(-40, 20),
)
def test_values_come_back_within_half_a_count(
    values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", whole: bool, exponent: int | None
) -> None:
    quantised = quantise(values, exponent=exponent, whole=whole)

    back = np.ldexp(quantised.counts.astype(np.float64), quantised.exponent)
    present = ~np.isnan(values)
    assert ((quantised.counts == MISSING) == ~present).all()
    half_a_count = np.ldexp(0.5, quantised.exponent)
    assert (np.abs(back - values)[present] <= half_a_count * (1 + 1e-9)).all()
