"""Floors of the radar on scenes whose truth is known. These run everywhere."""

from typing import Any

import numpy as np

from services.dsp.core.radar import vital_signs
from shared.contracts.measures import MEASURES, Measure
from tests.accuracy.streams import Told, run
from tests.unit.services.dsp.radar_scene import Scene, i_and_q

RATE_HZ, DURATION_S = 50, 90
HEART_TOLERANCE, BREATH_TOLERANCE = 5.0, 2.0  # per minute
MOMENTS = np.arange(30, DURATION_S + 1, 5)


def people() -> list[Scene]:
    """Breath of 6 to 50 and heart of 35 to 190 /min, small and large, near and far."""
    rng = np.random.default_rng(24)
    return [
        Scene(
            breath_per_min=breath, heart_per_min=heart, seed=seed,
            breath_mm=float(rng.uniform(2, 12 if breath < 30 else 4)),
            heart_mm=float(rng.uniform(0.25, 0.5)),
            noise_v=float(10 ** rng.uniform(-3, -1.9)),
        )
        for seed, (breath, heart) in enumerate(
            (b, h)
            for b, h in zip(
                (6, 9, 11, 12, 14, 15, 16, 18, 20, 22, 24, 27, 32, 38, 44, 50),
                (60, 48, 35, 66, 72, 80, 55, 90, 62, 104, 76, 120, 140, 88, 165, 190),
                strict=True,
            )
        )
    ]  # fmt: skip


def empty_rooms() -> list[Scene]:
    """Noise, hum, and curtains."""
    return [
        Scene(
            breath_per_min=0, heart_per_min=0, noise_v=noise, hum_v=hum, curtain_mm=curtain,
            seed=100 + seed,
        )
        for seed, (noise, hum, curtain) in enumerate(
            [(0.001, 0, 0), (0.01, 0, 0), (0.003, 0.02, 0)]
            + [(0.002, 0.0, mm) for mm in (0.2, 0.3, 0.4, 0.6, 0.8)]
        )
    ]  # fmt: skip


def told_of(scenes: list[Scene]) -> Told:
    samples = np.array([i_and_q(scene, DURATION_S, RATE_HZ) for scene in scenes])
    return run(vital_signs.init, vital_signs.step, samples, RATE_HZ, delay_s=0)


def shown(told: Told, measure: Measure) -> Any:
    enough = told.quality[measure] >= MEASURES[measure].least_quality
    return np.where(enough, told.value[measure], np.nan)[:, MOMENTS]


def test_heart_and_breath_of_people(floors: dict[str, Any]) -> None:
    scenes, floor = people(), floors["synthetic_radar"]
    told = told_of(scenes)
    heart = np.array([[scene.heart_per_min] for scene in scenes])
    breath = np.array([[scene.breath_per_min] for scene in scenes])
    hearts, breaths = shown(told, Measure.HEART_RATE), shown(told, Measure.RESPIRATION_RATE)
    answered = np.isfinite(hearts)
    right = np.abs(hearts - heart)[answered] <= HEART_TOLERANCE
    assert 100 * answered.mean() >= floor["heart_answered_percent_least"]
    assert 100 * right.mean() >= floor["heart_right_percent_least"]
    right = np.abs(breaths - breath) <= BREATH_TOLERANCE
    assert 100 * right.mean() >= floor["breath_right_percent_least"]


def test_no_rate_of_an_empty_room() -> None:
    told = told_of(empty_rooms())
    for measure in (Measure.HEART_RATE, Measure.RESPIRATION_RATE):
        assert np.isnan(shown(told, measure)).all()
