"""What the rates of breath promise beyond the suite of every estimator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from services.dsp.core.outputs import Output
from services.dsp.core.respiration import (
    breaths,
    from_chest_motion,
    from_ecg,
    from_ppg,
    impedance,
    likelihood,
    track,
)
from tests.accuracy import streams
from tests.accuracy.streams import Told, run
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import Floats

RATE_HZ = 25
Init = Callable[[int, int], Any]
Step = Callable[[Any, Any, Any], tuple[Any, Output]]


def last(told: Told, at_s: int) -> tuple[Floats, Floats]:
    (value,), (quality,) = told.value.values(), told.quality.values()
    return value[:, at_s], quality[:, at_s]


@pytest.mark.parametrize(
    ("per_min", "most"), [(3.6, 0.4), (4.0, 0.3), (5.0, 0.2), (40.0, 0.1), (55.0, 0.1), (69.0, 0.2)]
)
def test_slow_and_fast_breath_in_the_impedance(per_min: float, most: float) -> None:
    rows = np.array([signals.breathing(per_min, 150, RATE_HZ, seed=seed) for seed in range(3)])
    value, quality = last(run(impedance.init, impedance.step, rows, RATE_HZ, delay_s=5), 140)
    assert np.abs(value - per_min).max() <= most
    assert quality.min() >= 0.5


def test_a_breath_slower_than_the_grid_gets_no_rate() -> None:
    rows = np.array([signals.breathing(2.0, 150, RATE_HZ, seed=seed)[:] for seed in range(3)])
    t = np.arange(rows.shape[1]) / RATE_HZ
    rows = 500 + np.sin(2 * np.pi * 2.0 / 60 * t) + 0 * rows
    value, quality = last(run(impedance.init, impedance.step, rows, RATE_HZ, delay_s=5), 140)
    assert (np.isnan(value) | (quality < 0.3)).all()


def test_breaths_are_counted_where_their_rate_changes() -> None:
    """24 breaths in one half of the minute and 6 in the other are 15 a minute, not 24."""
    t = np.arange(60 * 8) / 8
    rate = np.where(t < 30, 18.0, 12.0)
    x = np.sin(2 * np.pi * np.cumsum(rate) / 60 / 8)[None]
    counted = breaths.counted_rate(x, 8, np.array([16.0]))
    assert counted[0] == pytest.approx(15.0, abs=0.4)


def test_a_count_far_from_the_rate_is_not_believed() -> None:
    t = np.arange(60 * 8) / 8
    x = np.sin(2 * np.pi * 12 / 60 * t)[None]
    assert breaths.counted_rate(x, 8, np.array([30.0]))[0] == 30.0
    x[:, 100:160] = np.nan
    assert breaths.counted_rate(x, 8, np.array([12.5]))[0] == 12.5
    assert np.isnan(breaths.counted_rate(x, 8, np.array([np.nan]))[0])


def test_an_overtone_larger_than_the_breath_does_not_win() -> None:
    t = np.arange(60 * 4) / 4
    x = np.sin(2 * np.pi * 11 / 60 * t) + 0.9 * np.sin(2 * np.pi * 22 / 60 * t + 1)
    # Whitened, the overtone is the higher of both lines.
    likely = likelihood.log_likelihood(x[None], 4, np.array([70.0]), whitening=0.5)
    assert likelihood.rates()[np.argmax(likely[0])] == pytest.approx(11, abs=0.5)


def test_the_track_forgets_all_older_than_its_hops() -> None:
    rng = np.random.default_rng(1)
    news = rng.random((track.HOPS + 6, 2, len(likelihood.rates())))
    kept, late = track.init(2).likely, track.init(2).likely
    for newest in news[:-1]:
        kept, _ = track.followed(kept, newest)
    for newest in news[6:-1]:
        late, _ = track.followed(late, newest)
    _, found = track.followed(kept, news[-1])
    _, other = track.followed(late, news[-1])
    np.testing.assert_array_equal(found.per_min, other.per_min)
    np.testing.assert_array_equal(found.certainty, other.certainty)


def modulated(per_min: float, seed: int) -> tuple[Floats, Floats]:
    """ECG (250 Hz) and light (50 Hz) of somebody whose breath moves axis, level and rhythm."""
    duration_s, rng = 200, np.random.default_rng(seed)
    beats = [0.3]
    while beats[-1] < duration_s:
        breath = np.sin(2 * np.pi * per_min / 60 * beats[-1])
        beats.append(beats[-1] + 0.7 * (1 + 0.03 * breath + 0.01 * rng.standard_normal()))
    when = np.array(beats[:-1])
    ecg = signals.ecg(when, duration_s, 250, seed=seed)
    t = np.arange(len(ecg)) / 250
    ecg = ecg * (1 + 0.08 * np.sin(2 * np.pi * per_min / 60 * t))
    light = signals.ppg(when, duration_s, 50, seed=seed)[1]
    t = np.arange(len(light)) / 50
    return ecg, light * (1 + 0.003 * np.sin(2 * np.pi * per_min / 60 * t))


def test_the_breath_that_moves_heart_and_light_is_found() -> None:
    rates = np.array([8.0, 14.0, 20.0, 28.0, 34.0])
    made = [modulated(rate, seed) for seed, rate in enumerate(rates)]
    for init, step, column, rate_hz in (
        (from_ecg.init, from_ecg.step, 0, 250),
        (from_ppg.init, from_ppg.step, 1, 50),
    ):
        rows = np.array([each[column] for each in made])
        value, quality = last(run(init, step, rows, rate_hz, delay_s=5), 190)
        assert np.abs(value - rates).max() <= 0.6, step
        assert quality.min() >= 0.6
        assert quality.max() <= 0.95  # one source alone is never sure
        turned, _ = last(run(init, step, -rows, rate_hz, delay_s=5), 190)
        assert np.abs(turned - rates).max() <= 0.8, step


def test_beats_without_breath_get_no_rate_to_be_shown() -> None:
    rng = np.random.default_rng(5)
    beats = [signals.beat_times(rate, 160, seed=k) for k, rate in enumerate((55, 72, 90, 115))]
    light = np.array([signals.ppg(each, 160, 50, seed=k)[1] for k, each in enumerate(beats)])
    t = np.arange(light.shape[1]) / 50
    light = light / (1 + 0.002 * np.sin(2 * np.pi * 0.15 * t)) + rng.standard_normal(light.shape)
    _, quality = last(run(from_ppg.init, from_ppg.step, light, 50, delay_s=5), 150)
    assert np.median(quality) < 0.3
    noise = rng.standard_normal((4, 250 * 160))
    _, quality = last(run(from_ecg.init, from_ecg.step, noise, 250, delay_s=5), 150)
    assert np.median(quality) < 0.3


def test_who_walks_or_turns_over_has_no_rate_from_the_chest() -> None:
    t = np.arange(RATE_HZ * 150) / RATE_HZ
    rng = np.random.default_rng(1)
    stride = 0.2 * np.sin(2 * np.pi * 1.9 * t) + 0.1 * np.sin(2 * np.pi * 0.95 * t)
    walking = np.stack([stride, 0.5 * stride, 1 + stride]) + 0.03 * rng.standard_normal((3, len(t)))
    lying = signals.chest_tilt(12, 150, RATE_HZ)
    turned = lying.copy()
    turned[:, t >= 134] += np.array([0.5, -0.3, -0.6])[:, None]
    rows = np.array([walking, lying, turned])
    told = run(from_chest_motion.init, from_chest_motion.step, rows, RATE_HZ)
    value, quality = last(told, 141)
    assert np.isnan(value[0])
    assert value[1] == pytest.approx(12, abs=0.1)
    assert quality[1] >= 0.9
    assert np.isnan(value[2]) or quality[2] < 0.3


ESTIMATORS: list[tuple[Init, Step]] = [
    (impedance.init, impedance.step),
    (from_ppg.init, from_ppg.step),
]


@pytest.mark.parametrize(("init", "step"), ESTIMATORS)
@pytest.mark.parametrize("bad", ["saturated", "flat", "huge"])
def test_signals_without_breath_get_no_trust(init: Init, step: Step, bad: str) -> None:
    rng = np.random.default_rng(3)
    t = np.arange(RATE_HZ * 130) / RATE_HZ
    made = {
        "saturated": np.clip(1000 + rng.standard_normal((4, len(t))), 999.9, 1000.1),
        "flat": np.full((4, len(t)), 7.0),
        "huge": 1e12 * rng.standard_normal((4, len(t))),
    }[bad]
    _, quality = last(run(init, step, made, RATE_HZ, delay_s=5), 120)
    assert np.median(quality) < 0.3


@pytest.mark.parametrize(
    ("init", "step", "memory_s", "rate_hz"),
    [
        (from_ecg.init, from_ecg.step, from_ecg.MEMORY_S, 100),
        (from_ppg.init, from_ppg.step, from_ppg.MEMORY_S, 25),
        (impedance.init, impedance.step, impedance.MEMORY_S, 25),
    ],
)
def test_a_run_that_begins_its_memory_earlier_gives_the_same_bits(
    init: Init, step: Step, memory_s: int, rate_hz: int
) -> None:
    rng = np.random.default_rng(8)
    begin_s, end_s = 23, 23 + memory_s + 8
    ecg = signals.ecg(signals.beat_times(70, end_s + 2, seed=3), end_s, rate_hz, seed=3)
    rows = ecg + np.cumsum(rng.standard_t(2, (2, len(ecg))), axis=1) * 0.02
    rows[1, 60 * rate_hz : 66 * rate_hz] = np.nan
    whole = run(init, step, rows, rate_hz, delay_s=5)
    later = np.where(np.arange(len(ecg)) < begin_s * rate_hz, np.nan, rows)
    state = init(2, rate_hz)
    for second in range(begin_s, end_s):
        times = np.full(2, streams.START_US + second * streams.SECOND_US)
        block = later[:, second * rate_hz : (second + 1) * rate_hz]
        state, output = step(state, block, times)
        if second >= begin_s + memory_s:
            at = second + 1 - 5
            (value,), (quality,) = whole.value.values(), whole.quality.values()
            np.testing.assert_array_equal(output.readings[0].value, value[:, at])
            np.testing.assert_array_equal(output.readings[0].quality, quality[:, at])


def test_heights_of_beats_that_an_amplifier_cut_are_no_breath() -> None:
    rows = np.array([modulated(rate, seed)[0] for seed, rate in enumerate((12.0, 18.0))])
    cut = np.clip(rows, np.median(rows) - 0.15, np.median(rows) + 0.15)
    told = run(from_ecg.init, from_ecg.step, np.concatenate((rows, cut)), 250, delay_s=5)
    _, quality = last(told, 190)
    assert quality[:2].min() >= 0.6
    assert quality[2:].max() < 0.3


def noise(kind: str, n: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    white = rng.standard_normal(n)
    return {
        "white": white,
        "walk": np.cumsum(white),
        "pink": np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.arange(n // 2 + 1) + 1), n),
        "counts": np.rint(0.8 * white),
    }[kind]


@pytest.mark.parametrize("kind", ["white", "walk", "pink", "counts"])
def test_no_noise_breathes_in_the_impedance(kind: str) -> None:
    """Its slowest waves are as regular as breath: they do not stand out of the others."""
    rows = np.array([noise(kind, 220 * RATE_HZ, seed) for seed in range(16)])
    told = run(impedance.init, impedance.step, rows, RATE_HZ, delay_s=5)
    (quality,) = told.quality.values()
    assert (quality[:, 60:215] >= 0.3).mean() < 0.1


def test_a_minute_after_the_breath_became_noise_no_rate_is_told() -> None:
    rows = np.array([signals.breathing(rate, 200, RATE_HZ, seed=k) for k, rate in
                     enumerate((9.0, 15.0, 24.0))])  # fmt: skip
    loud = np.array([noise("walk", rows.shape[1], seed) for seed in range(3)])
    late = np.arange(rows.shape[1]) >= 120 * RATE_HZ
    rows = np.where(late, 500 + 0.8 * loud, rows)
    told = run(impedance.init, impedance.step, rows, RATE_HZ, delay_s=5)
    (quality,) = told.quality.values()
    assert quality[:, 114].min() >= 0.7
    assert np.median(quality[:, 150:195]) < 0.3


def test_a_chest_that_drifts_has_no_breath() -> None:
    """Slow turns of a sensor, too small for the rule of who turns over."""
    rows = np.array([
        [0.004 * noise("walk", 150 * RATE_HZ, 3 * seed + axis) for axis in range(3)]
        for seed in range(8)
    ])  # fmt: skip
    told = run(from_chest_motion.init, from_chest_motion.step, rows, RATE_HZ)
    (quality,) = told.quality.values()
    assert (quality[:, 60:145] >= 0.3).mean() < 0.1
