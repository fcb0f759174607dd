"""Heart, breath, presence and triage of scenes whose truth is known."""

from typing import NamedTuple

import numpy as np

from services.dsp.core.outputs import Output
from services.dsp.core.radar import published, vital_signs
from services.dsp.core.windows import MEMORY_S, Samples
from shared.contracts.measures import Measure
from tests.unit.services.dsp.radar_scene import EMPTY, Scene, i_and_q
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ = 100
SECONDS = 80
QUIET = Scene()
SCENES = {
    "quiet": QUIET,
    "fast": Scene(breath_per_min=42, breath_mm=3, heart_per_min=96, seed=1),
    "held": Scene(breath_per_min=16, still_s=(45, 80), seed=2),
    "moved": Scene(moved_s=(30, 34), seed=3),
    "empty": EMPTY,
    "hum": Scene(breath_per_min=0, heart_per_min=0, hum_v=0.03, seed=4),
    "curtain": Scene(breath_per_min=0, heart_per_min=0, curtain_mm=0.4, seed=5),
}
ROW = {name: row for row, name in enumerate(SCENES)}


class Told(NamedTuple):
    value: dict[Measure, Samples]  # (rows, seconds)
    quality: dict[Measure, Samples]

    def of(self, name: str, measure: Measure, second: int = SECONDS) -> float:
        return float(self.value[measure][ROW[name], second - 1])


def run(samples: Floats) -> Told:
    state = vital_signs.init(len(samples), RATE_HZ)
    value: dict[Measure, list[Samples]] = {}
    quality: dict[Measure, list[Samples]] = {}
    for second in range(samples.shape[2] // RATE_HZ):
        block = samples[:, :, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(len(samples), (START_S + second) * SECOND_US)
        state, output = vital_signs.step(state, block, times)
        for reading in output.readings:
            value.setdefault(reading.measure, []).append(reading.value)
            quality.setdefault(reading.measure, []).append(reading.quality)
    return Told(*({m: np.stack(v, axis=1) for m, v in each.items()} for each in (value, quality)))


TOLD = run(np.array([i_and_q(scene, SECONDS, RATE_HZ) for scene in SCENES.values()]))


def test_somebody_is_there_with_breath_and_heart() -> None:
    assert TOLD.of("quiet", Measure.PRESENCE) == 1
    assert abs(TOLD.of("quiet", Measure.RESPIRATION_RATE) - 15) < 1
    assert abs(TOLD.of("quiet", Measure.HEART_RATE) - 70) < 3
    assert TOLD.quality[Measure.HEART_RATE][ROW["quiet"], -1] > 0.7


def test_a_fast_breath_hides_no_number_that_is_wrong() -> None:
    assert abs(TOLD.of("fast", Measure.RESPIRATION_RATE) - 42) < 2
    told = TOLD.value[Measure.HEART_RATE][ROW["fast"], 40:]
    assert (np.isnan(told) | (np.abs(told - 96) < 5)).all()


def test_no_breath_is_a_rate_of_zero() -> None:
    assert abs(TOLD.of("held", Measure.RESPIRATION_RATE, 44) - 16) < 1.5
    for second in (64, 70, 80):
        assert TOLD.of("held", Measure.RESPIRATION_RATE, second) == 0
        assert TOLD.of("held", Measure.BREATHING_SEEN, second) == 0
        assert TOLD.of("held", Measure.PULSE_SEEN, second) == 1
    assert abs(TOLD.of("held", Measure.HEART_RATE) - 70) < 3


def test_nothing_is_said_of_a_body_that_moves_and_soon_again_after() -> None:
    moving = slice(33, 40)
    assert np.isnan(TOLD.value[Measure.RESPIRATION_RATE][ROW["moved"], moving]).all()
    assert np.isnan(TOLD.value[Measure.BREATHING_SEEN][ROW["moved"], moving]).all()
    assert abs(TOLD.of("moved", Measure.RESPIRATION_RATE, 52) - 15) < 2


def test_an_empty_room_has_no_rates() -> None:
    for name in ("empty", "hum", "curtain"):
        for measure in (Measure.HEART_RATE, Measure.RESPIRATION_RATE):
            assert np.isnan(TOLD.value[measure][ROW[name]]).all(), name
        assert not (TOLD.value[Measure.PRESENCE][ROW[name]] == 1).any()
    assert TOLD.of("empty", Measure.PRESENCE) == 0


def test_triage_is_answered_within_15_s() -> None:
    for name, is_fast in (("quiet", 0), ("fast", 1)):
        assert TOLD.of(name, Measure.BREATHING_SEEN, 15) == 1
        assert TOLD.of(name, Measure.FAST_BREATHING, 15) == is_fast
        assert TOLD.quality[Measure.BREATHING_SEEN][ROW[name], 14] > 0.7
    assert TOLD.of("quiet", Measure.PULSE_SEEN, 15) == 1
    for measure in (Measure.BREATHING_SEEN, Measure.FAST_BREATHING, Measure.PULSE_SEEN):
        assert np.isnan(TOLD.value[measure][ROW["empty"]]).all()


def test_a_step_between_hops_holds_what_was_told() -> None:
    told = TOLD.value[Measure.RESPIRATION_RATE][ROW["quiet"], 40:]
    even = (START_S + 40) % vital_signs.HOP_S == 1  # a hop ends with that second
    pairs = told[0 if even else 1 :]
    pairs = pairs[: len(pairs) // 2 * 2].reshape(-1, 2)
    np.testing.assert_array_equal(pairs[:, 0], pairs[:, 1])


def test_bad_input_is_never_a_number_of_good_quality() -> None:
    good = i_and_q(QUIET, 40, RATE_HZ)
    t = np.arange(good.shape[1]) / RATE_HZ
    bad = np.array(
        [
            np.clip(good, -0.05, 0.05) * 0,  # flat
            np.sign(good),  # clipped to two levels
            good + 4 * np.sin(2 * np.pi * 50 * t),  # mains of ten times the signal
            np.stack((good[0], good[0])),  # one channel twice
            np.where(np.arange(good.shape[1]) % 3 == 0, np.nan, good),
        ]
    )
    told = run(bad)
    assert np.isnan(told.value[Measure.HEART_RATE][[0, 1, 3, 4]]).all()
    heart = told.value[Measure.HEART_RATE][2]
    assert (np.isnan(heart) | (np.abs(heart - 70) < 5)).all()


def test_its_memory_is_short() -> None:
    assert vital_signs.MEMORY_S <= MEMORY_S
    assert published.MEMORY_S <= vital_signs.MEMORY_S


def test_the_published_chain_answers_always() -> None:
    samples = np.array([i_and_q(scene, 40, RATE_HZ) for scene in (QUIET, EMPTY)])
    state = published.init(2, RATE_HZ)
    output = Output(())
    for second in range(40):
        block = samples[:, :, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(2, (START_S + second) * SECOND_US)
        state, output = published.step(state, block, times)
    heart, breath = output.readings
    assert abs(breath.value[0] - 15) < 2
    assert np.isfinite(heart.value).all()
    assert (heart.quality < 0.7).all()
    assert (breath.quality < 0.7).all()


def test_who_can_not_be_seen_is_not_absent() -> None:
    """Samples lost, cut off or under hum, and a jump: presence is not told, or told as it is."""
    good = i_and_q(QUIET, SECONDS, RATE_HZ)
    rng = np.random.default_rng(1)
    t = np.arange(good.shape[1]) / RATE_HZ
    middle = np.median(good, axis=1, keepdims=True)
    reach = 0.3 * np.ptp(good, axis=1, keepdims=True) / 2
    lost = np.where(rng.random(good.shape[1]) < 0.1, np.nan, good)
    cut_off = np.clip(good, middle - reach, middle + reach)
    hum = good + 3 * np.sin(2 * np.pi * 50.02 * t + 0.5)
    turned = np.where(t < 30, good, -good)
    told = run(np.stack((lost, cut_off, hum, turned)))
    assert not (told.value[Measure.PRESENCE] == 0).any()
