"""Made falls and made days: an impact, a turn, stillness, or not."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from services.dsp.core.motion import fall_learning, fall_weights, falls
from services.dsp.core.motion.fall_features import NAMES, WINDOW, features
from services.dsp.core.motion.fall_network import FallNetwork
from shared.contracts.events import EventKind
from tests.unit.services.dsp.bodies import FALL_S, day

Floats = Any
STEP = partial(falls.step, sure=falls.SURE_AT_WAIST)


def run(
    samples: Floats, rate_hz: int, *, begin: int = 0, network: FallNetwork = fall_weights.WAIST
) -> list[tuple[int, float, float]]:
    """Row, time of the fall, when it was told."""
    state = falls.init(len(samples), rate_hz)
    told = []
    for second in range(begin, samples.shape[2] // rate_hz):
        block = samples[:, :, second * rate_hz : (second + 1) * rate_hz]
        times = np.full(len(samples), second * 1_000_000)
        state, out = STEP(state, block, times, network=network)
        assert all(each.kind is EventKind.FALL for each in out.findings)
        told += [(each.row, each.t / 1e6, second + 1.0) for each in out.findings]
    return told


@pytest.mark.parametrize("rate_hz", [10, 20, 50, 100, 200])
def test_a_fall_is_told_once_in_its_time_at_any_rate(rate_hz: int) -> None:
    (found,) = run(day(rate_hz)[None], rate_hz)
    assert found[1] == pytest.approx(FALL_S + 0.1, abs=0.4)
    assert 5 <= found[2] - FALL_S <= 8


@pytest.mark.parametrize(
    "samples",
    [
        day(50, falls_at=None),
        np.full((3, 1500), np.nan),
        np.ones((3, 1500)) * 16,
        np.zeros((3, 1500)),
        day(50) * 1000,
    ],
    ids=["walk", "nothing", "stuck", "flat", "unit"],
)
def test_a_walk_or_a_dead_sensor_is_no_fall(samples: Floats) -> None:
    assert run(samples[None], 50) == []


def held(rate_hz: int, *, values: tuple[float, float, float], until_s: int = 30) -> Floats:
    """Somebody who walks, and from FALL_S on a sensor that holds one value, then walks on."""
    made = day(rate_hz, falls_at=None)
    made[:, int((FALL_S + 0.4) * rate_hz) : until_s * rate_hz] = np.array(values)[:, None]
    return made


@pytest.mark.parametrize("network", [fall_weights.WAIST, fall_weights.POCKET])
@pytest.mark.parametrize("rate_hz", [10, 50])
def test_a_sensor_that_jumps_and_holds_is_no_fall(rate_hz: int, network: FallNetwork) -> None:
    rows = [
        held(rate_hz, values=values, until_s=until_s)
        for values in ((0.8, 0.2, 1.1), (1.0, -0.1, 1.0), (0.6, -0.3, 1.2), (0.3, 1.4, 0.2))
        for until_s in (16, 30)
    ]
    assert run(np.array(rows), rate_hz, network=network) == []


def test_a_sensor_without_gravity_after_the_impact_is_no_fall() -> None:
    made = held(50, values=(1.3, 0.2, 1.1))
    made += 0.01 * np.random.default_rng(2).standard_normal(made.shape)
    assert run(made[None], 50) == []


def test_a_fall_with_a_coarse_sensor_that_lies_still_is_told() -> None:
    """Its steps are larger than its noise: that it holds one value says nothing."""
    coarse = np.round((day(50) - 0.03) / 0.125) * 0.125
    assert np.ptp(coarse[:, -500:], axis=1).max() == 0
    assert len(run(coarse[None], 50)) == 1


def test_turned_axes_and_neighbours_do_not_matter() -> None:
    one = day(50, seed=3)
    crowd = np.array([one, one[[2, 0, 1]], -one, day(50, falls_at=None)])
    assert [row for row, _, _ in run(crowd, 50)] == [0, 1, 2]
    for row in range(3):
        alone = run(crowd[row : row + 1], 50)
        assert alone == [(0, t, at) for r, t, at in run(crowd, 50) if r == row]


def test_forgets_what_is_older_than_its_memory() -> None:
    samples = np.array([day(50, falls_at=20.0, seed=k) for k in range(3)])
    assert run(samples, 50, begin=20 - falls.MEMORY_S) == run(samples, 50)


def test_missing_parts_count_as_still() -> None:
    numbers = features(np.full((1, 3, WINDOW), np.nan))
    assert numbers.shape == (1, len(NAMES))
    assert np.isfinite(numbers).all()


def test_learns_from_trials_what_is_a_fall() -> None:
    rate_hz = 10
    samples = [day(rate_hz, seed=k).T for k in range(6)]
    samples += [day(rate_hz, falls_at=None, seed=k).T * 1.3 for k in range(6)]
    trials = fall_learning.trials_of(samples, [True] * 6 + [False] * 6, rate_hz, sizes=(0.6,))
    network = fall_learning.learn(trials)
    state = falls.init(2, rate_hz)
    found = set()
    both = np.stack([day(rate_hz, seed=9), 1.3 * day(rate_hz, falls_at=None, seed=9)])
    for second in range(30):
        block = both[:, :, second * rate_hz : (second + 1) * rate_hz]
        times = np.full(2, second * 1_000_000)
        state, out = falls.step(state, block, times, network=network, sure=falls.SURE_AT_WAIST)
        found |= {each.row for each in out.findings}
    assert found == {0}


def test_a_softer_fall_turns_as_far_with_less_of_a_hit() -> None:
    rate_hz = 10
    (fall,) = fall_learning.trials_of([day(rate_hz).T], [True], rate_hz, sizes=(0.6, 1.0))
    numbers, soft, same = (
        dict(zip(NAMES, row, strict=True)) for row in (fall.numbers[0], *fall.copies)
    )
    assert same == pytest.approx(numbers, abs=1e-9)
    assert soft["peak"] < numbers["peak"] - 0.2
    assert soft["spread_during"] < numbers["spread_during"] - 0.2
    assert soft["turn"] == pytest.approx(numbers["turn"], abs=0.1)
    still = np.zeros((1, 3, WINDOW))
    still[:, 1] = 1.0
    np.testing.assert_allclose(fall_learning.resized(still, 0.6), still, atol=1e-12)


@pytest.mark.parametrize("hit", [0.3, 0.5, 0.7, 1.0])
def test_a_harder_hit_is_a_fall_in_the_pocket_too(hit: float) -> None:
    days = np.array([day(25, hit=hit, seed=k) for k in range(3)])
    state, found = falls.init(3, 25), list[int]()
    for second in range(days.shape[2] // 25):
        block = days[:, :, second * 25 : (second + 1) * 25]
        state, out = falls.step(
            state,
            block,
            np.full(3, second * 1_000_000),
            network=fall_weights.POCKET,
            sure=falls.SURE_IN_POCKET,
        )
        found += [each.row for each in out.findings]
    assert sorted(found) == [0, 1, 2]
