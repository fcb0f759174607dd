"""Variability on intervals whose modulation is known."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.ecg.variability import LEAST_QUALITY, normal_intervals, variability
from shared.contracts.beats import BeatClass

SECOND_US = 1_000_000


def beats(low_ms: float, high_ms: float, *, noise_ms: float = 0.0) -> dict[str, Any]:
    """Five minutes at about 75 per minute, modulated at 0.1 and 0.25 Hz with these amplitudes."""
    rng = np.random.default_rng(7)
    t_s, rr_ms = [0.0], [np.nan]
    while t_s[-1] < 300:
        now = t_s[-1]
        rr = 800 + low_ms * np.sin(2 * np.pi * 0.1 * now) + high_ms * np.sin(np.pi * 0.5 * now)
        rr += noise_ms * rng.standard_normal()
        rr_ms.append(rr)
        t_s.append(now + rr / 1000)
    n = len(t_s)
    return {
        "t": np.rint(np.array(t_s) * SECOND_US).astype(np.int64),
        "rr_ms": np.array(rr_ms, dtype=np.float32),
        "quality": np.full(n, 0.99, dtype=np.float32),
        "classes": np.full(n, BeatClass.N, dtype=np.int8),
    }


def test_modulation_is_found_in_its_band() -> None:
    told = variability(**beats(30, 20))
    assert told.lf_ms2 == pytest.approx(30**2 / 2, rel=0.06)
    assert told.hf_ms2 == pytest.approx(20**2 / 2, rel=0.06)
    assert told.lf_hf == pytest.approx(30**2 / 20**2, rel=0.1)
    assert told.sdnn_ms == pytest.approx(np.sqrt((30**2 + 20**2) / 2), rel=0.03)
    assert told.coverage > 0.98
    assert told.excluded == 0


def test_white_intervals_give_the_known_differences() -> None:
    made = beats(0, 0, noise_ms=25)
    told = variability(**made)
    assert told.sdnn_ms == pytest.approx(25, rel=0.08)
    assert told.rmssd_ms == pytest.approx(25 * np.sqrt(2), rel=0.12)
    assert told.rmssd_ms == pytest.approx(
        np.sqrt(np.nanmean(np.diff(made["rr_ms"]) ** 2)), rel=1e-3
    )
    assert told.pnn50_percent == pytest.approx(15.7, abs=4)  # P(|N(0, 35.4)| > 50)


def test_ectopic_beats_and_gaps_are_taken_out() -> None:
    made = beats(30, 20)
    clean = variability(**made)
    for k in range(20, 360, 30):
        made["classes"][k] = BeatClass.V
        made["rr_ms"][k] -= 300
        made["rr_ms"][k + 1] += 300
    made["rr_ms"][100] = np.nan
    made["quality"][150] = LEAST_QUALITY - 0.1
    told = variability(**made)
    assert told.sdnn_ms == pytest.approx(clean.sdnn_ms, rel=0.05)
    assert told.rmssd_ms == pytest.approx(clean.rmssd_ms, rel=0.05)
    assert told.lf_ms2 == pytest.approx(clean.lf_ms2, rel=0.15)
    assert 0.90 < told.coverage < 0.95
    assert told.excluded == pytest.approx(27 / 375, abs=0.01)


def test_an_ectopic_beat_that_nobody_recognised_is_left_out() -> None:
    made = beats(10, 10)
    made["rr_ms"][50] -= 250
    made["rr_ms"][51] += 250
    nn = normal_intervals(made["rr_ms"], made["quality"], made["classes"])
    assert not nn[50]
    assert not nn[51]


def test_nothing_is_told_of_too_little() -> None:
    made = {name: values[:90] for name, values in beats(30, 20).items()}
    told = variability(**made)
    assert np.isnan(told[:6]).all()
    assert told.coverage == pytest.approx(0.24, abs=0.02)
    empty = {name: values[:0] for name, values in beats(30, 20).items()}
    assert np.isnan(variability(**empty).sdnn_ms)
    assert variability(**empty).coverage == 0
