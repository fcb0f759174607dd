"""What is no ECG: ends of the range, and spikes of a pacemaker."""

import numpy as np
import pytest
from numpy.typing import NDArray

from services.dsp.core.ecg import heart_rate, inputs
from tests.unit.services.dsp import signals

Floats = NDArray[np.float64]
SECONDS = 30
START_US = 1_700_000_000_000_000


def found_s(lead: Floats, rate_hz: int) -> Floats:
    """Times of the beats that are told of one lead."""
    state, told = heart_rate.init(1, rate_hz), []
    for second in range(SECONDS):
        block = lead[None, second * rate_hz : (second + 1) * rate_hz]
        times = np.array([START_US + second * 1_000_000])
        state, output = heart_rate.step(state, block, times)
        assert output.beats is not None
        told += (output.beats.t - START_US).tolist()
    return np.array(told) / 1e6


@pytest.mark.parametrize("rate_hz", [250, 500])
def test_a_pacemaker_s_spike_is_passed_over(rate_hz: int) -> None:
    beats_s = signals.beat_times(70, SECONDS, seed=1)
    lead = signals.ecg(beats_s, SECONDS, rate_hz, seed=1)
    spike = 10 * np.ptp(lead)
    for beat_s in beats_s[beats_s > 1]:
        at = int((beat_s - 0.16) * rate_hz)
        lead[at : at + rate_hz // 250] += spike
        lead[at + rate_hz // 250 : at + rate_hz // 125] -= 0.2 * spike
    told_s = found_s(lead, rate_hz)
    late_s = beats_s[(beats_s > 10) & (beats_s < SECONDS - 3)]
    assert ((told_s > 10) & (told_s < SECONDS - 3)).sum() == len(late_s)
    assert all(np.abs(told_s - beat_s).min() < 0.03 for beat_s in late_s)


@pytest.mark.parametrize("rate_hz", [100, 250, 1000])
def test_neither_complexes_nor_noise_are_touched(rate_hz: int) -> None:
    lead = signals.ecg(signals.beat_times(80, SECONDS, seed=2), SECONDS, rate_hz, seed=2)
    noise = np.random.default_rng(1).standard_normal(SECONDS * rate_hz)
    hum = lead + 10 * np.ptp(lead) * np.sin(2 * np.pi * 50 * np.arange(len(lead)) / rate_hz)
    coarse = np.rint(lead / np.ptp(lead) * 20)
    for samples in (lead[2 * rate_hz :], noise, hum, coarse[2 * rate_hz :]):
        seconds = samples.reshape(-1, rate_hz)
        given = inputs.cleaned(seconds)
        np.testing.assert_array_equal(given.samples, seconds)
        assert not given.clipped.any()


def test_a_second_at_the_end_of_the_range_is_missing() -> None:
    seconds = np.random.default_rng(2).normal(0, 1000, (3, 250)).round()
    seconds[1, 40:100] = 8388607
    seconds[2, 40:60] = np.nan
    given = inputs.cleaned(seconds)
    assert given.clipped.tolist() == [False, True, False]
    assert np.isnan(given.samples[1]).all()
    np.testing.assert_array_equal(given.samples[[0, 2]], seconds[[0, 2]])
