"""Floors on reference recordings, where they lie beside the repository."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from services.dsp.core.ecg import heart_rate
from services.dsp.core.ppg import pulse_oximetry
from services.dsp.core.respiration import impedance
from services.dsp.scorers.light import THE_LINE
from shared.contracts.measures import MEASURES, Measure
from tests.accuracy.recordings import (
    BIDMC,
    MITDB,
    OXIWEAR,
    EcgRecord,
    Recording,
    ecg_record,
    needed,
    packed_recordings,
    record_names,
)
from tests.accuracy.scores import BeatScore, beat_score, rate_score, rates
from tests.accuracy.streams import Told, as_rows, run

Floats = Any
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def shown(told: Told, measure: Measure, row: int, ends_s: Floats) -> Floats:
    """Values at moments, NaN where the quality is too low to show one."""
    least = MEASURES[measure].least_quality
    at = ends_s.astype(int)
    value = told.value[measure][row, at]
    return np.where(told.quality[measure][row, at] >= least, value, np.nan)


@pytest.fixture(scope="module")
def arrhythmia() -> tuple[list[EcgRecord], Told]:
    needed(MITDB)
    records = [ecg_record(name) for name in record_names()]
    rows = as_rows([record.lead for record in records])
    return records, run(heart_rate.init, heart_rate.step, rows, records[0].rate_hz)


def test_beats(arrhythmia: tuple[list[EcgRecord], Told], floors: dict[str, Any]) -> None:
    total, low = BeatScore(0, 0, 0), {}
    for record, found in zip(arrhythmia[0], arrhythmia[1].beats_s, strict=True):
        end_s = len(record.lead) / record.rate_hz
        score = beat_score(record.beats_s, found, end_s=end_s, left_out=record.flutter_s)
        total = total.plus(score)
        if score.f1_percent < floors["mitdb"]["beats_f1_percent_each_least"]:
            low[record.name] = score
    assert not low
    assert total.f1_percent >= floors["mitdb"]["beats_f1_percent_least"], total


def test_heart_rate(arrhythmia: tuple[list[EcgRecord], Told], floors: dict[str, Any]) -> None:
    told, references = [], []
    for row, record in enumerate(arrhythmia[0]):
        ends_s = np.arange(30.0, len(record.lead) // record.rate_hz, 10.0)
        reference = rates(record.beats_s, 10, ends_s)
        for begin, end in record.flutter_s:
            reference[(ends_s > begin) & (ends_s - 10 < end)] = np.nan
        told.append(shown(arrhythmia[1], Measure.HEART_RATE, row, ends_s))
        references.append(reference)
        most = floors["mitdb"]["heart_rate_median_error_most"].get(record.name)
        if most is not None:
            assert rate_score(told[-1], reference).median_error <= most, record.name
    score = rate_score(np.concatenate(told), np.concatenate(references))
    assert score.mean_error <= floors["mitdb"]["heart_rate_mean_error_most"], score
    assert score.answered_percent >= floors["mitdb"]["heart_rate_answered_percent_least"], score


def _trusted(first: Floats, second: Floats, most: float) -> Floats:
    rate = (first + second) / 2
    rate[~(np.abs(first - second) <= most)] = np.nan
    return rate


def pulse_reference(recording: Recording, ends_s: Floats) -> Floats:
    """Rate of ECG beats, where two detectors and the bedside monitor agree."""
    known = recording.references
    rate = _trusted(rates(known["beats_a"], 10, ends_s), rates(known["beats_b"], 10, ends_s), 2)
    for monitor in ("monitor_hr", "monitor_pulse"):
        near = np.interp(ends_s, known["numerics_t"], known[monitor])
        rate[~(np.abs(rate - near) <= 8)] = np.nan
    return rate


def breath_reference(recording: Recording, ends_s: Floats) -> Floats:
    """Rate of breaths marked by two people, where they agree."""
    known = recording.references
    return _trusted(rates(known["breaths_1"], 60, ends_s), rates(known["breaths_2"], 60, ends_s), 2)


def test_pulse_rate_in_bed(floors: dict[str, Any]) -> None:
    recordings = packed_recordings(needed(BIDMC))
    rows = as_rows([recording.channels["PPG"] for recording in recordings])
    init = partial(pulse_oximetry.init, channels=1)
    result = run(
        init, pulse_oximetry.step, rows[:, None], recordings[0].rate_hz,
        delay_s=pulse_oximetry.DELAY_S,
    )  # fmt: skip
    ends_s = np.arange(20.0, 480.0, 10.0)
    told = [shown(result, Measure.PULSE_RATE, row, ends_s) for row in range(len(rows))]
    wanted = [pulse_reference(recording, ends_s) for recording in recordings]
    score = rate_score(np.concatenate(told), np.concatenate(wanted))
    assert score.mean_error <= floors["bidmc"]["pulse_rate_mean_error_most"], score
    assert score.answered_percent >= floors["bidmc"]["pulse_rate_answered_percent_least"], score


def test_respiration_rate_in_bed(floors: dict[str, Any]) -> None:
    recordings = packed_recordings(needed(BIDMC))
    rows = as_rows([recording.channels["RESP"] for recording in recordings])
    rate_hz = recordings[0].rate_hz
    result = run(impedance.init, impedance.step, rows, rate_hz, delay_s=impedance.DELAY_S)
    ends_s = np.arange(60.0, 480.0, 15.0)
    told = [shown(result, Measure.RESPIRATION_RATE, row, ends_s) for row in range(len(rows))]
    wanted = [breath_reference(recording, ends_s) for recording in recordings]
    score = rate_score(np.concatenate(told), np.concatenate(wanted))
    assert score.mean_error <= floors["bidmc"]["respiration_rate_mean_error_most"], score
    assert score.answered_percent >= floors["bidmc"]["respiration_rate_answered_percent_least"]


def test_saturation_in_thin_air(floors: dict[str, Any]) -> None:
    told, wanted = [], []
    for recording in packed_recordings(needed(OXIWEAR)):
        light = recording.channels
        both = np.stack((light["RED"] - light["AMBIENT"], light["IR"] - light["AMBIENT"]))
        seconds = -(-both.shape[1] // recording.rate_hz) * recording.rate_hz
        padded = np.full((2, seconds), np.nan)
        padded[:, : both.shape[1]] = both
        flags = np.array([THE_LINE.frame_flags], dtype=np.uint32)
        step = partial(pulse_oximetry.step, flags=flags)  # as in services.dsp.scoring
        result = run(pulse_oximetry.init, step, padded[None], recording.rate_hz)
        values = result.value[Measure.SPO2][0]
        told.append(values[np.isfinite(values)][-1])
        wanted.append(float(recording.references["ref_spo2"]))
    correlation = np.corrcoef(told, wanted)[0, 1]
    assert correlation >= floors["oxiwear"]["spo2_correlation_least"], correlation
    errors = []
    for k in range(len(told)):
        others = np.arange(len(told)) != k
        slope, level = np.polyfit(np.array(told)[others], np.array(wanted)[others], 1)
        errors.append(slope * told[k] + level - wanted[k])
    rms = float(np.sqrt(np.mean(np.square(errors))))
    assert rms <= floors["oxiwear"]["spo2_refitted_rms_most"], rms
