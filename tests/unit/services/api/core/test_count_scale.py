from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.count_scale import MISSING_COUNT, ScaleFinder
from services.api.core.sample_runs import Run


def run(raw: Sequence[float], dtype: str, *, scale: float = 0.005, offset: float = -3.0) -> Run:
    return Run(
        t0_us=0,
        end_us=0.0,
        interval_ns=4_000_000,
        raw=np.array(raw, dtype=dtype).reshape(-1, 1),
        scale=float(np.float32(scale)),
        offset=float(np.float32(offset)),
    )


def found(*parts: Run) -> ScaleFinder:
    finder = ScaleFinder(1)
    for part in parts:
        finder.add(part, part.values())
    return finder


@given(st.lists(st.integers(-32_767, 32_767), min_size=1, max_size=50))
def test_16_bit_samples_keep_their_counts(raw: list[int]) -> None:
    one = run(raw, "<i2")
    (scale,) = found(one).scales()
    assert scale.is_exact
    assert scale.counts(one.values()[0]).tolist() == raw


@given(
    st.integers(-2_000_000_000, 2_000_000_000),
    st.lists(st.integers(0, 65_000), min_size=1, max_size=50),
)
def test_wide_samples_of_a_narrow_range_are_shifted_and_stay_exact(
    middle: int, above: list[int]
) -> None:
    one = run([middle + each for each in above], "<i4", offset=0.0, scale=1.0)
    (scale,) = found(one).scales()
    assert scale.is_exact
    counts = scale.counts(one.values()[0]).astype(np.float64)
    assert (counts * scale.scale + scale.offset).tolist() == one.values()[0].tolist()


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=50).filter(
        lambda values: max(values) - min(values) > 1e-3
    )
)
def test_others_are_rounded_to_a_count(raw: list[float]) -> None:
    one = run(raw, "<f4")
    (scale,) = found(one).scales()
    back = scale.counts(one.values()[0]) * scale.scale + scale.offset
    assert np.abs(back - one.values()[0]).max() <= 1.01 * scale.scale
    assert not scale.is_exact
    assert scale.offset / scale.scale == pytest.approx(round(scale.offset / scale.scale))


def test_two_scales_are_brought_to_one() -> None:
    first, second = run([1, 2], "<i2", scale=0.5), run([30_000], "<i2", scale=0.25)
    (scale,) = found(first, second).scales()
    assert not scale.is_exact


def test_what_is_missing_stays_missing_and_nothing_has_a_scale() -> None:
    one = run([-32_768, 5], "<i2")
    (scale,) = found(one).scales()
    assert scale.counts(one.values()[0]).tolist() == [MISSING_COUNT, 5]
    (nothing,) = found(run([-32_768], "<i2")).scales()
    assert (nothing.scale, nothing.is_exact) == (1.0, True)
