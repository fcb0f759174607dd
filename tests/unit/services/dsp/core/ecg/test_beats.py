"""Beats: what they depend on, and what is no beat."""

from itertools import pairwise
from typing import Any

import numpy as np

from services.dsp.core.ecg import beats
from services.dsp.core.ecg.nets import as_text, from_text, net
from services.dsp.core.estimators import ESTIMATORS
from services.dsp.core.outputs import Beats
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

MEMORY_S = next(each.memory_s for each in ESTIMATORS if each.key == "ecg")


def run(samples: Floats, rate_hz: int, *, start: int = 0) -> list[Beats]:
    state, told = beats.init(len(samples), rate_hz), []
    for second in range(start, samples.shape[1] // rate_hz):
        block = samples[:, second * rate_hz : (second + 1) * rate_hz]
        times = np.full(len(samples), (START_S + second) * SECOND_US)
        state, found = beats.step(state, block.copy(), times)
        told.append(found)
    return told


def times_s(told: list[Beats], row: int = 0) -> Floats:
    t = np.concatenate([one.t[one.row == row] for one in told])
    return np.asarray((t - START_S * SECOND_US) / SECOND_US)


def ecg(rate: float, duration_s: int, rate_hz: int, *, noise_mv: float = 0.02) -> Floats:
    seconds = signals.beat_times(rate, duration_s)
    return signals.ecg(seconds, duration_s, rate_hz, noise_mv=noise_mv)


def test_forgets_all_that_is_older_than_the_memory() -> None:
    rng = np.random.default_rng(4)
    duration_s, later, rate_hz = MEMORY_S + 42, 30, 100
    rows = np.array([ecg(rate, duration_s, rate_hz, noise_mv=0.15) for rate in (52, 97, 133)])
    rows[1] += np.cumsum(rng.standard_t(2, rows.shape[1])) * 0.01
    rows[2, 60 * rate_hz : 66 * rate_hz] = np.nan
    whole, again = run(rows, rate_hz), run(rows, rate_hz, start=later)
    for second in range(later + MEMORY_S, duration_s):
        for column, other in zip(whole[second][1:], again[second - later][1:], strict=True):
            assert np.asarray(column).tobytes() == np.asarray(other).tobytes()


def test_finds_the_same_beats_at_any_rate_and_polarity() -> None:
    truth = signals.beat_times(72, 24)
    truth = truth[(truth > 5) & (truth < 22)]
    for rate_hz in (100, 125, 250, 360, 500, 1000):
        one = ecg(72, 24, rate_hz)
        told = run(np.stack((one, -one)), rate_hz)
        for row in range(2):
            found = times_s(told, row)
            found = found[(found > 4.8) & (found < 22.2)]
            assert len(found) == len(truth), rate_hz
            assert np.abs(found - truth).max() < 0.012, rate_hz


def test_mains_ten_times_as_high_hide_no_beat() -> None:
    truth = signals.beat_times(72, 60)
    truth = truth[(truth > 30) & (truth < 57)]
    t = np.arange(60 * 500) / 500
    rows = np.stack([ecg(72, 60, 500) + 10 * np.sin(2 * np.pi * hz * t) for hz in (50, 60)])
    told = run(rows, 500)
    for row in range(2):
        found = times_s(told, row)
        nearest = np.abs(found[None, :] - truth[:, None]).min(axis=1)
        assert nearest.max() < 0.03
        inside = (found > truth[0] - 0.1) & (found < truth[-1] + 0.1)
        assert inside.sum() == len(truth)


def test_wide_tall_beats_that_come_early_are_beats_too() -> None:
    rate_hz, duration_s = 250, 90
    normal = np.arange(1.0, duration_s - 1, 0.9)
    early = normal[8::9] + 0.5
    samples = signals.ecg(np.delete(normal, np.arange(9, len(normal), 9)), duration_s, rate_hz)
    t = np.arange(len(samples)) / rate_hz
    for at in early:  # a complex of 0.16 s, its T wave the other way, and the pause
        for height, width_s, later_s in ((1.8, 0.025, 0.0), (-0.6, 0.02, 0.06), (-0.5, 0.06, 0.3)):
            samples += height * np.exp(-0.5 * ((t - at - later_s) / width_s) ** 2)
    found = times_s(run(samples[None], rate_hz))
    for at in early[(early > 30) & (early < duration_s - 3)]:
        assert np.abs(found - at).min() < 0.05


def test_odds_do_not_depend_on_the_number_of_rows() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(0, 3, (97, len(beats.first_net().layers[0][0])))
    together = beats.first_net().log_odds(features)
    for k in range(len(features)):
        assert beats.first_net().log_odds(features[k : k + 1])[0] == together[k]


def test_a_net_survives_being_written() -> None:
    rng = np.random.default_rng(1)
    sizes = (7, 5, 3, 1)
    layers: list[tuple[Any, Any]] = [
        (rng.normal(0, 1, (a, b)), rng.normal(0, 1, b)) for a, b in pairwise(sizes)
    ]
    one = net(layers)
    other = from_text(as_text(one), sizes)
    features = rng.normal(0, 1, (11, 7))
    np.testing.assert_array_equal(one.log_odds(features), other.log_odds(features))
