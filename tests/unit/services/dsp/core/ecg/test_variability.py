"""HRV of five minutes against what was put in."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.ecg.variability import Variability, variability
from shared.contracts.beats import BeatClass

START_US = 1_767_225_600_000_000
WINDOW_US = 300_000_000


def swinging(ms: float, hertz: float, seed: int = 1) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Beat times of five minutes whose intervals swing by +-ms at a frequency, about 800 ms."""
    rng = np.random.default_rng(seed)
    times = [0.0]
    while times[-1] < 300:
        swing = ms * np.sin(2 * np.pi * hertz * times[-1]) + rng.normal(0, 2)
        times.append(times[-1] + (800 + swing) / 1000)
    return START_US + np.rint(np.array(times[:-1]) * 1e6).astype(np.int64)


def of(t: np.ndarray[Any, np.dtype[np.int64]], **changes: Any) -> Variability:
    rr_ms = np.concatenate(([np.nan], np.diff(t) / 1000))
    classes = changes.get("classes", np.zeros(len(t), dtype=np.int8))
    quality = changes.get("quality", np.ones(len(t)))
    return variability(t, rr_ms, quality, classes, window_us=WINDOW_US)


def test_sdnn_rmssd_and_pnn50_are_those_of_the_intervals() -> None:
    t = swinging(60, 0.25)
    rr = np.diff(t) / 1000
    found = of(t)
    assert found.sdnn_ms == pytest.approx(np.std(rr, ddof=1))
    assert found.rmssd_ms == pytest.approx(np.sqrt(np.mean(np.diff(rr) ** 2)))
    assert found.pnn50 == pytest.approx(100 * np.mean(np.abs(np.diff(rr)) > 50))
    assert found.coverage > 0.98
    assert found.removed < 0.01


def test_breath_is_high_and_the_slow_wave_low() -> None:
    assert of(swinging(40, 0.25)).lf_hf < 0.2
    assert of(swinging(40, 0.10)).lf_hf > 5


def test_ectopic_beats_and_what_is_beside_them_count_for_nothing() -> None:
    t = swinging(40, 0.25)
    early = t.copy()
    early[50::40] -= 250_000
    classes = np.full(len(t), BeatClass.N, dtype=np.int8)
    classes[50::40] = BeatClass.V
    plain, cleaned, blind = of(t), of(early, classes=classes), of(early)
    assert cleaned.sdnn_ms == pytest.approx(plain.sdnn_ms, rel=0.05)
    assert cleaned.removed == pytest.approx(2 / 40, abs=0.01)
    assert blind.sdnn_ms == pytest.approx(plain.sdnn_ms, rel=0.25)  # leaps are left out


def test_too_little_says_nothing() -> None:
    t = swinging(40, 0.25)
    half = of(t[: len(t) // 3])
    assert np.isnan([half.sdnn_ms, half.rmssd_ms, half.pnn50, half.lf_hf]).all()
    assert half.coverage == pytest.approx(1 / 3, abs=0.02)
    doubtful = of(t, quality=np.full(len(t), 0.4))
    assert np.isnan(doubtful.sdnn_ms)
    holed = of(np.concatenate((t[:150], t[240:])))
    assert np.isfinite(holed.sdnn_ms)
    assert np.isnan(holed.lf_hf)
    empty = np.empty(0)
    nothing = variability(
        empty.astype(np.int64), empty, empty, empty.astype(np.int8), window_us=WINDOW_US
    )
    assert np.isnan(nothing.sdnn_ms)
    assert nothing.coverage == 0
