"""The circle behind I and Q, and the way on it."""

import numpy as np
import pytest

from services.dsp.core.radar.demodulation import GRID_HZ, Chest, demodulated
from services.dsp.core.radar.thinning import thinned
from tests.unit.services.dsp.radar_scene import EMPTY, Scene, i_and_q
from tests.unit.services.dsp.signals import Floats

SECONDS = 60


def window(scene: Scene, rate_hz: int = 250) -> Floats:
    samples = i_and_q(scene, SECONDS, rate_hz)
    parts = samples.reshape(2, SECONDS, rate_hz).transpose(1, 0, 2)
    return np.concatenate(list(thinned(parts)), axis=1)[None]


def chest_of(window: Floats, noise: float = 0.001) -> Chest:
    rough = np.zeros((len(window), SECONDS), dtype=np.bool_)
    return demodulated(window, np.full(len(window), noise), rough)


@pytest.mark.parametrize("breath_mm", [2.0, 5.0, 12.6])
def test_gives_millimetres(breath_mm: float) -> None:
    chest = chest_of(window(Scene(breath_mm=breath_mm, heart_mm=0.2)))
    moved = np.ptp(chest.mm[0])
    assert abs(moved - breath_mm) < 0.1 * breath_mm + 0.3
    assert abs(chest.radius[0] - 0.4) < 0.06
    assert chest.begin[0] == 0
    assert chest.misfit[0] < 0.02


def test_a_sign_that_is_wrong_changes_only_the_direction() -> None:
    seen = window(Scene(seed=3))
    flipped = seen * np.array([1.0, -1.0])[None, :, None]
    one, other = chest_of(seen).mm[0], chest_of(flipped).mm[0]
    np.testing.assert_allclose(one - one.mean(), other.mean() - other, atol=1e-6)


def test_noise_has_no_circle() -> None:
    assert chest_of(window(EMPTY), noise=0.001).misfit[0] > 0.2


def test_a_body_that_moves_is_not_a_chest() -> None:
    chest = chest_of(window(Scene(moved_s=(20.0, 24.0))))
    assert not chest.clean[0, 21 * GRID_HZ : 23 * GRID_HZ].any()
    assert 24 * GRID_HZ <= chest.begin[0] <= 26 * GRID_HZ


def test_a_short_hole_is_bridged_and_a_long_one_ends_what_is_clean() -> None:
    seen = window(Scene(seed=1))
    short, long = seen.copy(), seen.copy()
    short[:, :, 1000:1002] = np.nan
    long[:, :, 1000:1010] = np.nan
    whole = chest_of(seen).mm[0]
    np.testing.assert_allclose(chest_of(short).mm[0], whole, atol=0.2)
    assert chest_of(short).begin[0] == 0
    assert chest_of(long).begin[0] == 1010 + GRID_HZ


def test_nothing_seen_is_no_circle_and_no_error() -> None:
    chest = chest_of(np.full((2, 2, SECONDS * GRID_HZ), np.nan), noise=0.0)
    assert (chest.begin == SECONDS * GRID_HZ).all()
    assert np.isfinite(chest.mm).all()


@pytest.mark.parametrize("rate_hz", [50, 128, 250, 333, 1000])
def test_any_rate_comes_to_the_same(rate_hz: int) -> None:
    t = np.arange(rate_hz) / rate_hz + 0.5 / rate_hz  # a sample stands for its stretch of time
    slow = np.sin(2 * np.pi * 0.7 * t)
    means = thinned(np.stack((slow, -slow))[None])
    at = (np.arange(GRID_HZ) + 0.5) / GRID_HZ
    wanted = np.sin(2 * np.pi * 0.7 * at)
    np.testing.assert_allclose(means[0], np.stack((wanted, -wanted)), atol=0.006)
