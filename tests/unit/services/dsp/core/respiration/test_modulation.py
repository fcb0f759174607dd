"""Series of beats are the same whatever devices stand beside."""

import numpy as np

from services.dsp.core.respiration import from_ppg, modulation
from services.dsp.core.respiration.modulation import interpolated
from tests.unit.services.dsp.signals import SECOND_US, START_S, beat_times, ppg

RATE_HZ = 50


def test_the_last_beat_counts_in_every_row() -> None:
    """Beats just on the grid at both ends: no row looks at the beats of the next one."""
    at_s = np.array([3.0, 3.7, 4.5, 5.2, 6.0])
    values = np.array([[1.0, 2.0, 0.5, 1.5, 3.0]])
    grid_s = np.arange(2.0, 7.0, 0.25)
    alone = interpolated(
        np.zeros(5, dtype=np.intp), at_s, values, devices=1, grid_s=grid_s
    )[0, 0]  # fmt: skip
    assert alone[4] == 1.0  # at 3.0 s
    assert alone[16] == 3.0  # at 6.0 s
    assert np.isnan(alone[[3, 17]]).all()
    rows = np.repeat(np.arange(4), 5)
    beside = interpolated(
        rows, np.tile(at_s, 4), np.tile(values, (1, 4)), devices=4, grid_s=grid_s
    )[0]  # fmt: skip
    for row in beside:
        assert row.tobytes() == alone.tobytes()


def test_a_row_without_beats_has_none() -> None:
    at_s = np.array([3.0, 3.7, 9.0])
    rows = np.array([0, 0, 2])
    grid_s = np.arange(2.0, 7.0, 0.25)
    told = interpolated(rows, at_s, np.ones((1, 3)), devices=3, grid_s=grid_s)[0]
    assert np.isfinite(told[0]).any()
    assert np.isnan(told[1:]).all()


def test_light_without_a_heart_has_no_breath() -> None:
    """Noise of three kinds: its highest points are no pulses; a real one beside them is heard."""
    rng = np.random.default_rng(2)
    n = 120 * RATE_HZ
    walk = np.cumsum(rng.standard_normal((4, n)), axis=1) * 30
    noise = 1000 * rng.standard_normal((4, n))
    beats = beat_times(75, 120)
    real = ppg(beats, 120, RATE_HZ)[1:] + 200 * np.sin(2 * np.pi * 0.25 * np.arange(n) / RATE_HZ)
    light = 100_000 + np.concatenate((walk, noise, real - 100_000))
    state, shown = from_ppg.init(len(light), RATE_HZ), np.zeros(len(light), dtype=np.bool_)
    for second in range(120):
        times = np.full(len(light), (START_S + second) * SECOND_US)
        block = light[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        state, output = from_ppg.step(state, block, times)
        shown |= output.readings[0].quality >= 0.3
    assert not shown[:-1].any()
    assert shown[-1]


def test_a_level_that_changes_at_once_is_taken_off_and_no_breath_is() -> None:
    t = np.arange(240) / 4
    breaths = np.stack([np.sin(2 * np.pi * per_min / 60 * t) for per_min in (3.0, 12.0, 40.0)])
    np.testing.assert_array_equal(modulation.without_steps(breaths), breaths)
    stepped = breaths + np.where(t > 37, 3.0, 0.0)
    stepped[2, 100:110] = np.nan
    even = modulation.without_steps(stepped)
    seen = np.isfinite(stepped)
    assert (np.isfinite(even) == seen).all()
    rest = np.where(seen, even - breaths, 0)
    assert np.ptp(rest[1:], axis=1).max() < 0.3  # of 3
    np.testing.assert_array_equal(even[1:2], modulation.without_steps(stepped[1:2]))
    nothing = np.full((1, 240), np.nan)
    assert np.isnan(modulation.without_steps(nothing)).all()
