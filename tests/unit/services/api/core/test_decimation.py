import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.api.core.decimation import Samples, bucket_size, decimate


@given(
    st.integers(1, 3).flatmap(
        lambda channels: st.integers(1, 300).flatmap(
            lambda n: arrays(
                np.float64,
                (channels, n),
                elements=st.floats(-1e6, 1e6) | st.just(float("nan")),
            )
        )
    ),
    st.integers(2, 64),
)
def test_each_bucket_keeps_its_least_and_its_greatest_sample(
    samples: Samples, max_points: int
) -> None:
    bucket = bucket_size(samples.shape[1], max_points)
    decimated = decimate(samples, 250.0, bucket)

    assert decimated.values.shape[1] <= max(max_points, 2)
    if bucket <= 2:
        np.testing.assert_array_equal(decimated.values, samples)
        return
    for channel, row in zip(samples, decimated.values, strict=True):
        for index in range(len(row) // 2):
            cell = channel[index * bucket : (index + 1) * bucket]
            pair = row[2 * index : 2 * index + 2]
            if np.isnan(cell).all():
                assert np.isnan(pair).all()
            else:
                assert {pair.min(), pair.max()} == {np.nanmin(cell), np.nanmax(cell)}


def test_the_pair_stands_in_the_order_of_time() -> None:
    falling = np.arange(12.0)[::-1][np.newaxis]
    assert decimate(falling, 12.0, 4).values.tolist() == [[11, 8, 7, 4, 3, 0]]


def test_the_rate_tells_where_a_point_stands() -> None:
    assert decimate(np.zeros((1, 1_000)), 250.0, 10).hz == 50.0


def test_a_single_point_cannot_keep_two_extremes() -> None:
    with pytest.raises(ValueError, match="two points"):
        bucket_size(10, 1)
