"""Floors of the breath from ECG, light and chest motion on recordings, where they lie here."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.respiration import from_chest_motion, from_ecg, from_ppg
from tests.accuracy.recordings import BIDMC, DATA, Recording, needed, packed_recordings
from tests.accuracy.scores import rate_score, rates
from tests.accuracy.streams import Told, as_rows, run

Floats = Any
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ENDS_S = np.arange(60.0, 480.0, 15.0)
PACED = DATA / "paced-breathing"


def breath_reference(recording: Recording) -> Floats:
    """Rate of breaths marked by two people, where they agree."""
    first, second = (
        rates(recording.references[name], 60, ENDS_S) for name in ("breaths_1", "breaths_2")
    )
    rate = (first + second) / 2
    rate[~(np.abs(first - second) <= 2)] = np.nan
    return rate


def _error(told: Told, recordings: list[Recording]) -> float:
    (value,) = told.value.values()
    wanted = np.array([breath_reference(recording) for recording in recordings])
    score = rate_score(value[:, ENDS_S.astype(int)].ravel(), wanted.ravel())
    assert score.answered_percent == 100
    return score.mean_error


def test_breath_in_the_light(floors: dict[str, Any]) -> None:
    recordings = packed_recordings(needed(BIDMC))
    rows = as_rows([recording.channels["PPG"] for recording in recordings])
    told = run(from_ppg.init, from_ppg.step, rows, 125, delay_s=from_ppg.DELAY_S)
    assert _error(told, recordings) <= floors["bidmc"]["ppg_respiration_mean_error_most"]


def test_breath_in_the_ecg(floors: dict[str, Any]) -> None:
    recordings = packed_recordings(needed(BIDMC))
    rows = as_rows([recording.channels["ECG"] for recording in recordings])
    told = run(from_ecg.init, from_ecg.step, rows, 125, delay_s=from_ecg.DELAY_S)
    assert _error(told, recordings) <= floors["bidmc"]["ecg_respiration_mean_error_most"]
    (quality,) = told.quality.values()
    _holds_for_somebody_else(told, quality[:, ENDS_S.astype(int)], recordings)


def _holds_for_somebody_else(told: Told, quality: Floats, recordings: list[Recording]) -> None:
    """What is told most surely is no surer than a person who was not seen can be known to be."""
    (value,) = told.value.values()
    wanted = np.array([breath_reference(recording) for recording in recordings])
    right = np.abs(value[:, ENDS_S.astype(int)] - wanted) <= 2
    is_sure = np.isfinite(wanted) & (quality >= 0.85)
    shares = [row[sure].mean() for row, sure in zip(right, is_sure, strict=True) if sure.any()]
    assert quality.max() <= (sum(shares) + 1) / (len(shares) + 2)


def test_breath_of_a_chest_that_lies(floors: dict[str, Any]) -> None:
    """One person to a pacer; the end of each recording."""
    errors = []
    for path in sorted(needed(PACED).glob("*.npz")):
        with np.load(path) as archive:
            samples = archive["acc"].T * float(archive["g_per_count"])
            wanted = float(archive["per_min"])
        end_s = samples.shape[1] // 50
        told = run(from_chest_motion.init, from_chest_motion.step, samples[None], 50)
        (value,) = told.value.values()
        if end_s >= 60:
            errors.append(abs(value[0, end_s - 1] - wanted))
    assert np.mean(errors) <= floors["paced_breathing"]["mean_error_most"]
