"""Floors on signals whose truth is known. These run everywhere."""

from typing import Any

import numpy as np

from services.dsp.core.ecg import heart_rate
from services.dsp.core.ppg import pulse_oximetry
from services.dsp.core.respiration import impedance
from services.dsp.core.temperature import sensor
from shared.contracts.measures import MEASURES, Measure
from tests.accuracy.scores import BeatScore, beat_score, rate_score, rates
from tests.accuracy.streams import Told, run
from tests.unit.services.dsp import signals

DURATION_S = 240
RATES = np.array([35.0, 48.0, 60.0, 72.0, 85.0, 100.0, 125.0, 160.0, 190.0])
ENDS_S = np.arange(30.0, DURATION_S, 10.0)
BEATS = [signals.beat_times(rate, DURATION_S, seed=k) for k, rate in enumerate(RATES)]


def shown(told: Told, measure: Measure) -> Any:
    """Values at the ends of windows, NaN where the quality is too low to show one."""
    least = MEASURES[measure].least_quality
    value = np.where(told.quality[measure] >= least, told.value[measure], np.nan)
    return value[:, ENDS_S.astype(int)]


def ecg(noise_mv: float) -> tuple[BeatScore, Told]:
    rows = [
        signals.ecg(beats, DURATION_S, 250, noise_mv=noise_mv, seed=k)
        for k, beats in enumerate(BEATS)
    ]
    told = run(heart_rate.init, heart_rate.step, np.array(rows), 250)
    total = BeatScore(0, 0, 0)
    for beats, found in zip(BEATS, told.beats_s, strict=True):
        total = total.plus(beat_score(beats, found, start_s=10, end_s=DURATION_S - 2))
    return total, told


def test_beats_and_heart_rate(floors: dict[str, Any]) -> None:
    score, told = ecg(noise_mv=0.02)
    assert score.f1_percent >= floors["synthetic"]["ecg_beats_f1_percent_least"], score
    reference = np.array([rates(beats, 10, ENDS_S) for beats in BEATS])
    error = rate_score(shown(told, Measure.HEART_RATE), reference)
    assert error.mean_error <= floors["synthetic"]["heart_rate_mean_error_most"], error
    assert error.answered_percent == 100


def test_beats_in_muscle_noise(floors: dict[str, Any]) -> None:
    score, _ = ecg(noise_mv=0.12)
    assert score.f1_percent >= floors["synthetic"]["ecg_beats_noisy_f1_percent_least"], score


def test_pulse_rate_and_saturation(floors: dict[str, Any]) -> None:
    saturations = np.linspace(75, 99, len(RATES))
    light = [
        signals.ppg(beats, DURATION_S, 100, spo2=spo2, seed=k)
        for k, (beats, spo2) in enumerate(zip(BEATS, saturations, strict=True))
    ]
    told = run(
        pulse_oximetry.init, pulse_oximetry.step, np.array(light), 100,
        delay_s=pulse_oximetry.DELAY_S,
    )  # fmt: skip
    reference = np.array([rates(beats + 0.2, 10, ENDS_S) for beats in BEATS])
    error = rate_score(shown(told, Measure.PULSE_RATE), reference)
    assert error.mean_error <= floors["synthetic"]["pulse_rate_mean_error_most"], error
    wanted = np.repeat(saturations[:, None], len(ENDS_S), axis=1)
    error = rate_score(shown(told, Measure.SPO2), wanted)
    assert error.mean_error <= floors["synthetic"]["spo2_mean_error_most"], error
    assert error.answered_percent == 100


def test_respiration_rate(floors: dict[str, Any]) -> None:
    per_min = np.array([6.0, 9.0, 12.0, 15.0, 20.0, 26.0, 35.0, 45.0])
    rows = [signals.breathing(rate, DURATION_S, 25, seed=k) for k, rate in enumerate(per_min)]
    told = run(impedance.init, impedance.step, np.array(rows), 25, delay_s=impedance.DELAY_S)
    wanted = np.repeat(per_min[:, None], len(ENDS_S), axis=1)
    error = rate_score(shown(told, Measure.RESPIRATION_RATE)[:, 4:], wanted[:, 4:])
    assert error.mean_error <= floors["synthetic"]["respiration_rate_mean_error_most"], error
    assert error.answered_percent == 100


def test_temperature(floors: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    degrees = np.array([34.0, 36.6, 37.4, 39.9])
    rows = degrees[:, None] + 0.05 * rng.standard_normal((4, DURATION_S))
    told = run(sensor.init, sensor.step, rows, 1, delay_s=0)
    wanted = np.repeat(degrees[:, None], len(ENDS_S), axis=1)
    error = rate_score(shown(told, Measure.TEMPERATURE), wanted)
    assert error.mean_error <= floors["synthetic"]["temperature_mean_error_most"], error
