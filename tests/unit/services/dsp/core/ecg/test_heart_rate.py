"""The rate is of the intervals that were seen, and of nothing else."""

import numpy as np
import pytest

from services.dsp.core.ecg import heart_rate
from services.dsp.core.outputs import Output
from shared.contracts.measures import MEASURES, Measure
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ = 250


def run(samples: Floats, *, phase_us: int = 0) -> list[Output]:
    state, outputs = heart_rate.init(1, RATE_HZ), []
    for second in range(len(samples) // RATE_HZ):
        block = samples[None, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.array([(START_S + second) * SECOND_US + phase_us])
        state, output = heart_rate.step(state, block, times)
        outputs.append(output)
    return outputs


def beats_s(outputs: list[Output]) -> Floats:
    told = [output.beats.t for output in outputs if output.beats is not None]
    return np.asarray((np.concatenate(told) - START_S * SECOND_US) / SECOND_US)


def test_beats_are_told_within_two_seconds_and_once() -> None:
    truth = signals.beat_times(75, 60)
    outputs = run(signals.ecg(truth, 60, RATE_HZ))
    for second, output in enumerate(outputs):
        assert output.beats is not None
        delay_s = START_S + second + 1 - output.beats.t / SECOND_US
        assert (delay_s <= 2).all()
    found = beats_s(outputs)
    assert (np.diff(found) > 0.3).all()
    inside = truth[(truth > 3) & (truth < 58)]
    assert np.abs(found[np.searchsorted(found, inside - 0.05)] - inside).max() < 0.002


def test_rr_is_the_time_to_the_beat_before() -> None:
    outputs = run(signals.ecg(signals.beat_times(75, 40), 40, RATE_HZ))
    told = [output.beats for output in outputs if output.beats is not None]
    t = np.concatenate([beats.t for beats in told])
    rr_ms = np.concatenate([beats.rr_ms for beats in told])
    np.testing.assert_allclose(rr_ms[1:], np.diff(t) / 1000, rtol=1e-5)


def test_the_phase_of_the_samples_moves_the_beats_and_not_the_rate() -> None:
    samples = signals.ecg(signals.beat_times(75, 30), 30, RATE_HZ)
    plain, moved = run(samples), run(samples, phase_us=1500)
    np.testing.assert_allclose(beats_s(moved) - beats_s(plain), 0.0015, atol=1e-6)
    assert moved[-1].readings[0].value == plain[-1].readings[0].value


def test_an_interval_over_a_hole_does_not_count() -> None:
    truth = np.arange(0.5, 60, 0.8)
    samples = signals.ecg(truth, 60, RATE_HZ)
    samples[int(40.1 * RATE_HZ) : int(44.3 * RATE_HZ)] = np.nan
    outputs = run(samples)
    (reading,) = outputs[47].readings
    assert reading.value[0] == pytest.approx(75, abs=0.3)
    assert 0.5 <= reading.coverage[0] < 0.65
    told = [output.beats for output in outputs if output.beats is not None]
    t = np.concatenate([beats.t for beats in told]) / SECOND_US - START_S
    rr_ms = np.concatenate([beats.rr_ms for beats in told])
    first_after = int(np.argmax(t > 44))
    assert np.isnan(rr_ms[first_after])
    assert np.isfinite(rr_ms[first_after + 1])


def test_a_heart_that_pauses_is_not_called_sure() -> None:
    truth = np.concatenate((np.arange(0.5, 30, 0.8), np.arange(36, 60, 0.8)))
    outputs = run(signals.ecg(truth, 60, RATE_HZ))
    before, during = outputs[29].readings[0], outputs[35].readings[0]
    assert before.quality[0] > 0.9
    assert during.quality[0] < 0.5


def test_no_beat_twice_within_the_refractory_time() -> None:
    rng = np.random.default_rng(0)
    found = beats_s(run(rng.standard_normal(60 * RATE_HZ)))
    assert len(found) < 2 or np.diff(found).min() > 0.2 - 0.13  # less two searches for the summit


def test_where_no_heart_is_any_more_no_rate_is_shown() -> None:
    """White noise and a random walk of the height of the beats, after 40 s of them."""
    duration_s, ends_s = 66, 40
    beats = signals.ecg(signals.beat_times(75, duration_s), duration_s, RATE_HZ)
    white = np.random.default_rng(1).standard_normal((2, len(beats)))
    white[1] = np.cumsum(white[1]) / np.sqrt(RATE_HZ)
    is_late = np.arange(len(beats)) >= ends_s * RATE_HZ
    rows = np.where(is_late, 0.5 * np.ptp(beats) * white, beats)
    state, told = heart_rate.init(2, RATE_HZ), []
    for second in range(duration_s):
        block = rows[:, second * RATE_HZ : (second + 1) * RATE_HZ].copy()
        state, output = heart_rate.step(state, block, np.full(2, (START_S + second) * SECOND_US))
        told.append(output.readings[0].quality)
    least = MEASURES[Measure.HEART_RATE].least_quality
    assert np.array(told[20:ends_s]).min() > 0.9
    assert np.array(told[ends_s + heart_rate.WINDOW_S + 1 :]).max() < least
