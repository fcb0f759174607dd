from dataclasses import replace

import numpy as np
import pytest

from services.dsp.core.conditioning.filters import filter_bank, filtered, toeplitz
from services.dsp.core.conditioning.resampling import Resampler


def test_a_row_has_the_same_bits_wherever_it_stands() -> None:
    rng = np.random.default_rng(0)
    for k, n in ((232, 640), (150, 50), (465, 128), (57, 8), (31, 7)):
        bank = filter_bank(rng.standard_normal((k, n)))
        row = rng.standard_normal(k) * 10.0 ** rng.integers(-6, 6)
        alone = filtered(row[None], bank)[0]
        for rows in (2, 13, 16, 49):
            crowd = rng.standard_normal((rows, k))
            for at in range(rows):
                crowd_with = crowd.copy()
                crowd_with[at] = row
                assert filtered(crowd_with, bank)[at].tobytes() == alone.tobytes()


def test_the_order_of_summation_does_not_matter() -> None:
    """So neither do threads, kernels and processors."""
    rng = np.random.default_rng(1)
    weights, row = rng.standard_normal((464, 20)), rng.standard_normal(464)
    straight = filtered(row[None], filter_bank(weights))
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(464)
        shuffled = filtered(row[None, order], filter_bank(weights[order]))
        assert shuffled.tobytes() == straight.tobytes()
    np.testing.assert_allclose(straight[0], row @ weights, atol=1e-4)


def test_what_is_zero_in_a_banded_matrix_needs_no_product() -> None:
    """Left out or not, the bits are the same, beside holes too."""
    rng = np.random.default_rng(4)
    banded = filter_bank(toeplitz(rng.standard_normal(33), 128, stride=2))
    assert banded.parts
    assert sum(part.weights.size for part in banded.parts) < banded.weights.size / 2
    assert not filter_bank(rng.standard_normal((288, 128))).parts
    plain = replace(banded, parts=())
    samples = rng.standard_normal((7, len(banded.weights)))
    assert filtered(samples, banded).tobytes() == filtered(samples, plain).tobytes()
    samples[2, 40:43] = np.nan
    assert filtered(samples, banded).tobytes() == filtered(samples, plain).tobytes()


def test_refuses_what_cannot_be_exact() -> None:
    with pytest.raises(ValueError, match="not exact"):
        filter_bank(np.ones((1 << 12, 2)))


def test_slides_a_kernel() -> None:
    rng = np.random.default_rng(0)
    kernel, signal = rng.standard_normal(5), rng.standard_normal(24)
    expected = np.convolve(signal, kernel[::-1], mode="valid")
    np.testing.assert_allclose(signal @ toeplitz(kernel, 20), expected)
    strided = toeplitz(kernel, 10, stride=2)
    np.testing.assert_allclose(signal[: len(strided)] @ strided, expected[::2])


def test_a_missing_sample_spoils_only_what_rests_on_it() -> None:
    bank = filter_bank(toeplitz(np.array([1.0, 2.0, 1.0]), 8))
    signal = np.ones((1, 10))
    signal[0, 4] = np.nan
    out = filtered(signal, bank)
    assert np.isnan(out[0]).tolist() == [False, False, True, True, True, False, False, False]


def test_resampling_keeps_a_tone_and_its_time() -> None:
    for rate_hz in (125, 250, 360, 500, 1000):
        resampler = Resampler(rate_hz=rate_hz, to_hz=128, delay=8, cut_hz=0.45 * min(rate_hz, 128))
        state, out = resampler.init(1), np.empty((1, 0))
        for second in range(4):
            t = second + np.arange(rate_hz) / rate_hz
            state, part = resampler.step(state, (5 + np.sin(2 * np.pi * 9 * t))[None])
            out = np.concatenate((out, part), axis=1)
        t = (np.arange(4 * 128) - 8) / 128
        wanted = 5 + np.sin(2 * np.pi * 9 * t)
        np.testing.assert_allclose(out[0, 140:], wanted[140:], atol=0.01)
