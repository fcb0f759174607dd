"""Bodies, noise and sensors that are stuck, told from each other."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.conditioning.means import at_rate
from services.dsp.core.motion import alive
from tests.unit.services.dsp.bodies import walk

Floats = Any
ROWS = 200


def window_of(samples: Floats, rate_hz: int) -> Floats:
    """The last of (rows, 3, n), second by second."""
    n = alive.JUDGED_S * alive.grid_hz(rate_hz)
    window = np.full((len(samples), 3, n), np.nan, dtype=samples.dtype)
    for second in range(samples.shape[2] // rate_hz):
        window = alive.later(window, samples[:, :, second * rate_hz : (second + 1) * rate_hz])
    return window


def noise(rate_hz: int, *, g: float) -> Floats:
    rng = np.random.default_rng(5)
    return g * rng.standard_normal((ROWS, 3, 7 * rate_hz))


UP = np.array([0.2, -0.9, 0.4])[:, None]


@pytest.mark.parametrize("rate_hz", [10, 25, 50, 100, 200])
def test_a_walk_has_structure_and_noise_has_none(rate_hz: int) -> None:
    walks = np.array([walk(pace, rate_hz, seed=k) for k, pace in enumerate((0.9, 1.4, 1.8, 2.3))])
    for until_s in (13, 20, 30, 55):
        assert alive.is_body(window_of(walks[:, :, : until_s * rate_hz], rate_hz)).all()
    assert alive.is_body(window_of(UP + noise(rate_hz, g=0.4), rate_hz)).mean() <= 0.05
    of_one_axis = noise(rate_hz, g=0.4) * np.array([0.1, 1.0, 0.1])[:, None]
    assert alive.is_body(window_of(UP + of_one_axis, rate_hz)).mean() <= 0.05


@pytest.mark.parametrize("rate_hz", [10, 25, 50, 100, 200])
def test_a_walk_wins_no_speed_and_a_random_walk_does(rate_hz: int) -> None:
    paces = (0.7, 0.9, 1.4, 1.8, 2.3)
    walks = np.array([walk(pace, rate_hz, seed=k) for k, pace in enumerate(paces)])
    for until_s in (13, 20, 30, 53, 55):
        assert not alive.is_adrift(window_of(walks[:, :, : until_s * rate_hz], rate_hz)).any()
    drifting = np.cumsum(noise(rate_hz, g=0.3 / np.sqrt(rate_hz)), axis=2)
    assert alive.is_adrift(window_of(UP + drifting, rate_hz)).mean() >= 0.95


def means_of(samples: Floats, rate_hz: int) -> Floats:
    """As `is_lifeless` asks for them, of (rows, 3, seconds * rate_hz)."""
    seconds = samples.reshape(*samples.shape[:2], -1, rate_hz)
    return at_rate(seconds, alive.STILL_HZ).reshape(*samples.shape[:2], -1)


def test_a_trunk_that_lives_breathes() -> None:
    rng, fine = np.random.default_rng(2), np.full(ROWS, 0.001)
    t = np.arange(alive.STILL_S * 50) / 50
    table = np.array([0.1, 0.1, 0.99])[:, None] + 0.001 * rng.standard_normal((ROWS, 3, len(t)))
    table = np.round(table, 3)
    assert alive.is_lifeless(means_of(table, 50), fine).mean() >= 0.99
    breath = table.copy()
    breath[:, 1] += 0.003 * np.sin(2 * np.pi * t / 6)  # of 0.2 degrees
    assert not alive.is_lifeless(means_of(breath, 50), fine).any()
    assert not alive.is_lifeless(means_of(table, 50), np.full(ROWS, 0.016)).any()
    table[:, :, -10:] = np.nan
    assert not alive.is_lifeless(means_of(table, 50), fine).any()


def test_a_sensors_own_noise_is_no_reason() -> None:
    assert alive.is_body(window_of(UP + noise(50, g=0.02), 50)).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_one_value_is_stuck_at_any_value(kind: type) -> None:
    values = np.array([0.577, 1.0, 0.9])[:, None, None]
    rows = (np.ones((3, 3, 7 * 60)) * values).astype(kind)
    assert not alive.is_body(window_of(rows, 60)).any()
    assert alive.is_held(rows[:, :, :60]).all()
    assert np.isinf(alive.finest(rows[:, :, :60])).all()
    rows[:, 1, 7] += 0.004
    assert not alive.is_held(rows[:, :, :60]).any()
    np.testing.assert_allclose(alive.finest(rows[:, :, :60]), 0.004, rtol=1e-3)


def test_where_nothing_is_known_it_may_be_somebody() -> None:
    nothing = np.full((2, 3, 7 * 50), np.nan)
    nothing[1, :, :3] = 1.0
    assert alive.is_body(window_of(nothing, 50)).all()
    assert not alive.is_held(nothing[:, :, :50]).any()


def test_another_scale_has_no_gravity() -> None:
    walked = walk(1.8, 50)[None, :, 1000:1500]
    found = [bool(alive.is_body(window_of(by * walked, 50))[0]) for by in (0.5, 0.9, 1.1, 3.0)]
    assert found == [False, True, True, False]
