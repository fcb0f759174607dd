"""Two leads of one heart: either alone, both, and one that is disturbed."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from services.dsp.core.ecg import heart_rate, leads
from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.outputs import Output, Reading
from tests.unit.services.dsp import signals

Floats = NDArray[np.float64]
RATE_HZ, SECONDS = 250, 40
START_US = 1_700_000_000_000_000
RATES = (62.0, 75.0, 96.0)


@cache
def one_lead() -> tuple[Floats, list[Floats]]:
    """An ECG of each rate, and the times of its beats."""
    beats = [signals.beat_times(rate, SECONDS, seed=k) for k, rate in enumerate(RATES)]
    made = [signals.ecg(each, SECONDS, RATE_HZ, seed=k) for k, each in enumerate(beats)]
    return np.array(made), beats


def told(samples: Floats) -> tuple[list[tuple[int, int]], Reading]:
    """Beats (row, us) and the last heart rate."""
    state = heart_rate.init(len(samples), RATE_HZ, 1 if samples.ndim == 2 else 2)
    beats: list[tuple[int, int]] = []
    output = Output(())
    for second in range(SECONDS):
        block = samples[..., second * RATE_HZ : (second + 1) * RATE_HZ].copy()
        times = np.full(len(samples), START_US + second * 1_000_000)
        state, output = heart_rate.step(state, block, times)
        assert output.beats is not None
        beats += zip(output.beats.row.tolist(), output.beats.t.tolist(), strict=True)
    return beats, output.readings[0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_lead_that_is_absent_changes_nothing(order: tuple[int, int]) -> None:
    lead, _ = one_lead()
    both = np.stack((lead, np.full_like(lead, np.nan)), axis=1)[:, order]
    alone_beats, alone_rate = told(lead)
    beats, rate = told(both)
    assert beats == alone_beats
    np.testing.assert_array_equal(rate.value, alone_rate.value)
    np.testing.assert_array_equal(rate.quality, alone_rate.quality)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_lead_with_artefacts_does_not_disturb_the_other(order: tuple[int, int]) -> None:
    lead, beats_s = one_lead()
    rng = np.random.default_rng(1)
    wild = lead + 0.15 * np.cumsum(rng.standard_normal(lead.shape), axis=1)
    _, alone = told(wild)
    assert not (np.abs(alone.value - RATES) < 5).any()  # else this test says nothing
    beats, rate = told(np.stack((wild, -0.5 * lead), axis=1)[:, order])
    assert rate.quality.min() >= 0.7
    for row, expected_s in enumerate(beats_s):
        found_s = np.array([t - START_US for k, t in beats if k == row]) / 1e6
        late_s = expected_s[(expected_s > 10) & (expected_s < SECONDS - 3)]
        assert all(np.abs(found_s - at).min() < 0.03 for at in late_s)
        assert abs(((found_s > 10) & (found_s < SECONDS - 3)).sum() - len(late_s)) <= 1


def test_silence_of_a_good_lead_speaks_against_a_candidate() -> None:
    rows, places = np.array([0, 0, 1, 1]), np.array([10, 40, 12, 60])
    judged = leads.Judged(
        rows, places, np.zeros(4, dtype=np.int64), np.array([4.0, 2.0, 6.0, 1.0]),
        np.array([4.0, 2.0, 6.0, 1.0]), np.zeros((4, 3), dtype=np.float32),
        np.ones((2, ENVELOPE_HZ), dtype=np.bool_),
    )  # fmt: skip
    alike = leads.fused(judged, np.zeros(2))
    assert alike.place.tolist() == [10, 40, 60]
    np.testing.assert_allclose(alike.odds, [5.0, -0.5, -1.0])
    first_is_noise = leads.fused(judged, np.array([0.2, 0.0]))
    assert first_is_noise.place.tolist() == [12, 40, 60]
    assert first_is_noise.odds[1] < -2.5
    assert first_is_noise.odds[2] > 0.5
