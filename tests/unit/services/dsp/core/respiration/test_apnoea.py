from typing import Any

import numpy as np
import pytest

from services.dsp.core.outputs import Finding, Output, Reading
from services.dsp.core.respiration import apnoea, impedance
from shared.contracts.events import EventKind
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ = 25
DURATION_S = 200
STOP_S, STOPPED_S = 120, 20


def chest(per_min: float, *, stopped_s: float = STOPPED_S, seed: int = 0) -> Floats:
    """Impedance that stands still from STOP_S on for so long; the heart goes on."""
    rng = np.random.default_rng(seed)
    t = np.arange(DURATION_S * RATE_HZ) / RATE_HZ
    breath = 0.8 * np.sin(2 * np.pi * per_min / 60 * t + seed)
    breath *= 1 + 0.2 * np.sin(2 * np.pi * 0.03 * t + seed)
    breath[(t >= STOP_S) & (t < STOP_S + stopped_s)] = 0
    heart = 0.08 * np.sin(2 * np.pi * 1.2 * t)
    return 500 + breath + heart + 0.2 * np.sin(0.06 * t) + 0.02 * rng.standard_normal(len(t))


def outputs(
    samples: Floats, *, begin_s: int = 0, trust: float = 0.9, **options: Any
) -> list[tuple[int, Output]]:
    state = apnoea.init(len(samples), RATE_HZ)
    rate = np.full(len(samples), 15.0)
    reading = Reading(
        Measure.RESPIRATION_RATE, Method.IMPEDANCE_SPECTRUM, rate, 0 * rate + trust, 0 * rate + 1
    )
    told = []
    for second in range(begin_s, samples.shape[1] // RATE_HZ):
        block = samples[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(len(samples), (START_S + second) * SECOND_US)
        state, output = apnoea.step(state, block, times, Output((reading,)), **options)
        told.append((second, output))
    return told


def found(samples: Floats, *, begin_s: int = 0, **options: Any) -> list[tuple[int, Finding]]:
    told = outputs(samples, begin_s=begin_s, **options)
    return [(second, finding) for second, output in told for finding in output.findings]


def pauses(samples: Floats, **options: Any) -> Floats:
    """Seconds since the last breath by (second, device), NaN where none is told."""
    told = outputs(samples, **options)
    return np.array([
        np.where(reading.coverage > 0, reading.value, np.nan)
        for _, output in told
        for reading in output.readings
    ])  # fmt: skip


@pytest.mark.parametrize("per_min", [6, 12, 20, 35, 45])
def test_breath_that_stops_is_told_and_its_end_too(per_min: float) -> None:
    rows = np.array([chest(per_min, seed=seed) for seed in range(4)])
    told = found(rows)
    assert len(told) == 2 * len(rows)
    for second, finding in told:
        assert finding.kind is EventKind.APNOEA
        assert finding.t == (START_S + second + 1) * SECOND_US
        if finding.has_ended:
            assert STOP_S + STOPPED_S < second <= STOP_S + STOPPED_S + 8
        else:
            since = finding.data["since"]
            assert isinstance(since, int)
            assert abs(since / SECOND_US - START_S - STOP_S) <= 3
            assert second <= STOP_S + 15


def test_a_short_pause_is_none_and_the_limit_can_be_set() -> None:
    short = chest(15, stopped_s=7)[None]
    assert not found(short)
    assert found(short, least_s=5)
    assert not found(chest(15, stopped_s=14)[None], least_s=20)


def test_noise_drift_and_a_cable_that_is_off_are_no_apnoea() -> None:
    rng = np.random.default_rng(2)
    noise = 500 + rng.standard_normal((6, DURATION_S * RATE_HZ))
    drift = 500 + np.cumsum(rng.standard_normal((6, DURATION_S * RATE_HZ)), axis=1)
    off = np.array([chest(12)])
    off[:, STOP_S * RATE_HZ : (STOP_S + STOPPED_S) * RATE_HZ] = np.nan
    assert not found(np.concatenate((noise, drift, off)))
    assert not found(np.full((1, DURATION_S * RATE_HZ), np.nan))


def test_a_run_that_begins_its_memory_earlier_tells_the_same() -> None:
    rows = np.tile(np.array([chest(12, seed=seed) for seed in range(2)]), 3)
    begin_s = 60
    whole, later = found(rows), found(rows, begin_s=begin_s)
    from_s = begin_s + apnoea.MEMORY_S
    assert [each for each in whole if each[0] >= from_s] == [
        each for each in later if each[0] >= from_s
    ]
    assert any(second >= from_s for second, _ in whole)


@pytest.mark.parametrize("per_min", [6, 12, 20, 45])
def test_the_time_since_the_last_breath_counts_up_and_falls_back(per_min: float) -> None:
    told = pauses(np.array([chest(per_min, seed=seed) for seed in range(4)]))
    assert (np.nanmax(told[100:STOP_S], axis=0) < 5).all(), "a slow breath is no pause"
    stop = STOP_S + STOPPED_S
    longest = np.nanmax(told[STOP_S : stop + 4], axis=0)
    assert (np.abs(longest - STOPPED_S) <= 3).all()
    assert (np.diff(told[STOP_S + 12 : stop], axis=0) == 1).all(), "told each second of a pause"
    assert (np.nanmax(told[stop + 8 :], axis=0) < 5).all()


def test_a_pause_longer_than_what_is_usual_is_remembered_gets_no_number() -> None:
    """150 s after the last breath nothing is left to compare with: the rate says so before."""
    rng = np.random.default_rng(3)
    t = np.arange(320 * RATE_HZ) / RATE_HZ
    breath = np.where(t < 150, np.sin(2 * np.pi * 0.25 * t), 0.0)
    told = pauses((500 + breath + 0.01 * rng.standard_normal(len(t)))[None])[:, 0]
    assert np.nanmax(told) == apnoea.FORGOTTEN_S
    assert np.isnan(told[150 + 126 : 150 + 140]).all(), "forgotten, and not breathing"


def test_where_no_breath_was_seen_no_pause_is_trusted() -> None:
    trusted, doubted = (
        max(
            reading.quality[0]
            for second, output in outputs(chest(15)[None], trust=trust)
            if second > STOP_S
            for reading in output.readings
        )
        for trust in (0.9, 0.1)
    )
    assert trusted > 0.85
    assert doubted < 0.3


def test_a_rate_that_stood_for_some_seconds_only_is_no_breath() -> None:
    """A random walk has one now and then; the pauses in it are none."""
    rng = np.random.default_rng(6)
    rows = 500 + np.cumsum(rng.standard_normal((30, DURATION_S * RATE_HZ)), axis=1) / RATE_HZ
    rate, state = impedance.init(len(rows), RATE_HZ), apnoea.init(len(rows), RATE_HZ)
    had_a_rate, was_told = [], []
    for second in range(DURATION_S):
        block = rows[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(len(rows), (START_S + second) * SECOND_US)
        rate, breath = impedance.step(rate, block, times)
        state, output = apnoea.step(state, block, times, breath)
        had_a_rate.append(breath.readings[0].quality >= 0.3)
        was_told.append(output.readings[0].quality >= 0.3)
    assert np.any(had_a_rate, axis=0).mean() > 0.2
    assert np.any(was_told, axis=0).mean() < 0.1


def test_missing_samples_are_no_pause_and_no_breath() -> None:
    off = chest(15)[None].copy()
    off[:, STOP_S * RATE_HZ : (STOP_S + 6) * RATE_HZ] = np.nan
    told = pauses(off)[:, 0]
    assert np.isnan(told[STOP_S + 3 : STOP_S + 6]).all()


def test_breath_that_becomes_noise_is_no_pause() -> None:
    """Noise has little below 0.8 Hz: a chest that stands still has less of everything."""
    rng = np.random.default_rng(4)
    rows = np.array([chest(per_min, stopped_s=0, seed=k) for k, per_min in enumerate((9, 15, 28))])
    late = np.arange(rows.shape[1]) >= STOP_S * RATE_HZ
    rows = np.where(late, 500 + 0.8 * rng.standard_normal(rows.shape), rows)
    assert not found(rows)
    told = pauses(rows)
    assert np.isnan(told[STOP_S + 8 :]).all()
    assert np.isfinite(told[:STOP_S]).any()
