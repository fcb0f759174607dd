"""Walks whose steps are known."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.motion import steps
from shared.contracts.measures import Measure
from tests.unit.services.dsp.bodies import walk

Floats = Any


def run(samples: Floats, rate_hz: int, *, begin: int = 0) -> tuple[Floats, Floats]:
    """Steps and cadence of each second."""
    state = steps.init(len(samples), rate_hz)
    rows = []
    for second in range(begin, samples.shape[2] // rate_hz + steps.WAIT_S + 2):
        block = np.full((*samples.shape[:2], rate_hz), np.nan)
        part = samples[:, :, second * rate_hz : (second + 1) * rate_hz]
        block[:, :, : part.shape[2]] = part
        state, out = steps.step(state, block, np.full(len(samples), second * 1_000_000))
        rows.append([reading.value for reading in out.readings])
    table = np.array(rows)
    return table[:, 0], table[:, 1]


@pytest.mark.parametrize("rate_hz", [20, 25, 50, 100, 200])
def test_counts_walks_of_any_pace_at_any_rate(rate_hz: int) -> None:
    paces = np.array([0.9, 1.3, 1.7, 2.0, 2.3])
    counts, cadence = run(np.array([walk(pace, rate_hz) for pace in paces]), rate_hz)
    np.testing.assert_allclose(np.nansum(counts, axis=0), 40 * paces, atol=2)
    np.testing.assert_allclose(cadence[42], 60 * paces, rtol=0.05)
    assert (cadence[12] == 0).all()


def test_standing_breathing_and_a_few_shifts_are_no_steps() -> None:
    t = np.arange(120 * 50) / 50
    still = np.zeros((3, len(t)))
    still[0] = 1 + 0.03 * np.sin(2 * np.pi * t / 4)
    shifts = still.copy()
    shifts[0, [500, 530, 1500, 1530, 3000]] += 1.5
    counts, _ = run(np.array([still, shifts]), 50)
    assert np.nansum(counts) == 0


def test_another_scale_is_no_walk() -> None:
    counts, _ = run(np.array([0.5 * walk(1.7, 50), 3.0 * walk(1.7, 50)]), 50)
    assert np.nansum(counts) == 0


def test_nothing_where_nothing_comes_and_a_hole_is_no_step() -> None:
    none, cadence = run(np.full((1, 3, 2000), np.nan), 50)
    assert np.isnan(none).all()
    assert np.isnan(cadence).all()
    holed = walk(1.7, 50)[None]
    holed[:, :, 1200:1300] = np.nan
    counts, _ = run(holed, 50)
    assert 57 <= np.nansum(counts) <= 66


def test_a_loud_hum_is_no_walk() -> None:
    t = np.arange(60 * 200) / 200
    hum = np.zeros((1, 3, len(t)))
    hum[0, 1] = 1 + 0.3 * np.sin(2 * np.pi * 50 * t)
    assert np.nansum(run(hum, 200)[0]) == 0


def test_forgets_and_stands_alone() -> None:
    samples = np.array([walk(pace, 50, seed=k) for k, pace in enumerate((1.1, 1.8, 2.2))])
    whole, begin = run(samples, 50), 15
    again = run(samples, 50, begin=begin)
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one[begin + steps.MEMORY_S :], other[steps.MEMORY_S :])
    for row in range(3):
        alone = run(samples[row : row + 1], 50)
        for one, other in zip(whole, alone, strict=True):
            np.testing.assert_array_equal(one[:, row], other[:, 0])


def test_counts_are_told_each_five_seconds_of_utc_however_the_clock_shakes() -> None:
    samples = walk(1.7, 50)[None]
    state = steps.init(1, 50)
    told, each = {}, []
    for second in range(60):
        block = samples[:, :, second * 50 : (second + 1) * 50]
        early_us = -9_000 if second % 2 else 4_000
        state, out = steps.step(state, block, np.array([second * 1_000_000 + early_us]))
        each.append(state.counts[0, -1])
        if out.readings[0].coverage[0]:
            told[second + 1 - steps.DELAY_S] = out.readings[0].value[0]
    assert set(told) == set(range(5, 55, 5))
    assert sum(told.values()) == sum(each[:58])  # till second 50


def test_another_unit_is_no_walk() -> None:
    counts, _ = run(walk(1.7, 50)[None] * 1000, 50)
    assert np.isnan(counts).all()


def test_says_what_it_gives() -> None:
    _, out = steps.step(steps.init(1, 50), np.full((1, 3, 50), np.nan), np.array([0]))
    assert [reading.measure for reading in out.readings] == [Measure.STEPS, Measure.CADENCE]
    assert not any(reading.quality.any() or reading.coverage.any() for reading in out.readings)


def speeds(samples: Floats, rate_hz: int) -> dict[int, tuple[float, float]]:
    """Speed and its quality of the first row, by the second it speaks of."""
    state, told = steps.init(len(samples), rate_hz), {}
    for second in range(samples.shape[2] // rate_hz):
        block = samples[:, :, second * rate_hz : (second + 1) * rate_hz]
        times = np.full(len(samples), second * 1_000_000)
        state, out = steps.step(state, block, times, speed_quality=0.85)
        speed = out.readings[2]
        assert speed.measure is Measure.WALKING_SPEED
        if speed.coverage[0]:
            told[second + 1 - steps.DELAY_S] = float(speed.value[0]), float(speed.quality[0])
    return told


def test_speed_grows_with_cadence_and_bounce_and_is_told_of_walks_only() -> None:
    plain = speeds(walk(1.8, 50, g=0.2)[None], 50)
    assert set(plain) == set(range(15, 51, 5))
    bounce = 0.2 / np.sqrt(2)
    for speed, quality in (plain[second] for second in range(20, 50, 5)):
        assert speed == pytest.approx(steps.STEP_M * bounce**0.25 * 1.8, rel=0.06)
        assert quality > 0.8
    higher = speeds(walk(1.8, 50, g=0.4)[None], 50)
    assert higher[30][0] == pytest.approx(2**0.25 * plain[30][0], rel=0.02)


@pytest.mark.parametrize(("per_s", "g"), [(2.5, 0.4), (0.7, 0.3)])
def test_speed_of_a_run_or_a_shuffle_is_not_known(per_s: float, g: float) -> None:
    told = speeds(walk(per_s, 50, g=g)[None], 50)
    assert told
    assert all(quality < 0.3 for second, (_, quality) in told.items() if 20 <= second < 50)


def test_what_a_sensor_feels_while_it_is_turned_is_no_step() -> None:
    """As a phone on its way into the pocket; a trunk that leans as it walks is still walking."""
    t = np.arange(60 * 50) / 50
    bumps = 1 + 0.2 * np.cos(2 * np.pi * 1.8 * t)
    made = []
    for turns_deg_per_s in (40.0, 5.0):
        angle = np.radians(turns_deg_per_s * t)
        made.append(bumps * np.array([np.cos(angle), np.sin(angle), 0 * t]))
    counts, _ = run(np.array(made), 50)
    handled, leaning = np.nansum(counts, axis=0)
    assert handled == 0
    assert leaning == pytest.approx(108, abs=3)


def shaken(rate_hz: int, *, g: float, drifts: bool) -> Floats:
    """Six sensors of 120 s that make noise about 1 g, white or a random walk."""
    made = np.random.default_rng(4).standard_normal((6, 3, 120 * rate_hz))
    made = np.cumsum(made, axis=2) / np.sqrt(rate_hz) if drifts else made
    return np.array([0.2, -0.9, 0.387])[:, None] + g * made


@pytest.mark.parametrize("rate_hz", [10, 25, 50, 100])
@pytest.mark.parametrize(("g", "drifts"), [(0.4, False), (0.15, False), (0.3, True)])
def test_noise_is_no_walk(rate_hz: int, g: float, drifts: bool) -> None:
    counts, cadence = run(shaken(rate_hz, g=g, drifts=drifts), rate_hz)
    assert np.nansum(counts) <= 0.02 * 6 * 2 * 120  # of two steps a second
    assert np.isnan(cadence[30:100]).mean() > 0.5  # most of the time it is not even said to rest


def test_a_walk_after_a_rest_is_counted_and_a_stuck_sensor_tells_nothing() -> None:
    walked = walk(1.7, 50)[None]
    counts, _ = run(walked, 50)
    assert np.nansum(counts) == pytest.approx(68, abs=2)
    walked[:, :, 1200:] = walked[:, :, 1200:1201]
    counts, _ = run(walked, 50)
    assert np.isfinite(counts[:24]).any()
    assert np.isnan(counts[24 + steps.DELAY_S + 3 + steps.TOLD_EACH_S :]).all()


@pytest.mark.parametrize("scale", [0.9, 1.1, 1.3])
def test_a_sensor_at_rest_that_reads_too_much_is_no_walk(scale: float) -> None:
    noise = 0.005 * np.random.default_rng(7).standard_normal((4, 3, 60 * 25))
    counts, _ = run(scale * (np.array([0.2, -0.9, 0.387])[:, None] + noise), 25)
    assert np.nansum(counts) == 0


def test_a_clipped_sensor_and_a_loud_hum_at_the_end_of_the_band_tell_nothing() -> None:
    walked = np.array([walk(1.7, 100)] * 2)
    middle = np.array([0.2, -0.9, 0.387])[:, None]
    walked[0] = np.clip(walked[0], middle - 0.05, middle + 0.05)
    walked[1] += 4.0 * np.cos(np.pi * np.arange(walked.shape[2]))  # 50 Hz: gone from the means
    counts, _ = run(walked, 100)
    assert np.isnan(counts[30:50]).all()
