import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.downsampling import Downsampler, Samples, decimation_factor


def _run(samples: Samples, factor: int, cuts: list[int]) -> tuple[Samples, list[int]]:
    downsampler = Downsampler(factor, samples.shape[1])
    outputs, places, start = [], [], 0
    for end in [*sorted(cuts), len(samples)]:
        out, first_place = downsampler.feed(samples[start:end])
        outputs.append(out)
        places += [start + first_place + factor * i for i in range(len(out))]
        start = end
    return np.concatenate(outputs), places


@given(
    st.integers(1, 12),
    st.lists(st.integers(0, 400), max_size=6),
    st.sets(st.integers(0, 399), max_size=40),
)
def test_any_cut_gives_the_same_samples_at_the_same_places(
    factor: int, cuts: list[int], missing: set[int]
) -> None:
    samples = np.random.default_rng(5).normal(size=(400, 2))
    samples[sorted(missing), 0] = np.nan

    whole, whole_places = _run(samples, factor, [])
    cut, cut_places = _run(samples, factor, cuts)

    np.testing.assert_array_equal(whole, cut)
    assert whole_places == cut_places == list(range(0, factor * len(whole), factor))


def test_a_slow_wave_stays_in_place_and_a_fast_one_does_not_fold_back() -> None:
    t = np.arange(5_000) / 500.0
    slow = np.sin(2 * np.pi * 3.0 * t)[:, np.newaxis]
    fast = np.sin(2 * np.pi * 121.0 * t)[:, np.newaxis]  # would fold to 4 Hz at 125 Hz

    slow_out, places = _run(slow, 4, [])
    fast_out, _ = _run(fast, 4, [])

    inner = slice(40, -40)
    assert np.abs(slow_out[inner] - slow[places][inner]).max() < 0.01
    assert np.abs(fast_out[inner]).max() < 0.01


def test_a_missing_sample_is_missing_only_where_it_stood() -> None:
    samples = np.ones((100, 1))
    samples[40] = np.nan

    out, places = _run(samples, 4, [])

    assert [places[i] for i in np.flatnonzero(np.isnan(out[:, 0]))] == [40]
    assert np.nanmax(np.abs(out - 1.0)) < 1e-12


@pytest.mark.parametrize(
    ("hz", "rate_hz", "factor"), [(250, 125, 2), (250, 250, 1), (360, 125, 3), (50, 125, 1)]
)
def test_the_rate_asked_for_is_an_upper_bound(hz: float, rate_hz: float, factor: int) -> None:
    assert decimation_factor(hz, rate_hz) == factor


def test_a_factor_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="factor"):
        Downsampler(0, 1)


def test_nothing_in_gives_nothing_out() -> None:
    out, _ = Downsampler(2, 3).feed(np.empty((0, 3)))
    assert out.shape == (0, 3)
