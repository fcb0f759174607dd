"""Findings of rhythm on signals whose truth is known, and none where nothing can be known."""

import numpy as np
import pytest

from services.dsp.core.ecg import heart_rate, rhythm
from services.dsp.core.ecg.findings import Rhythm
from services.dsp.core.outputs import Finding, Output
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.core.ecg.test_classes import Second, seconds_of, wide
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ, DURATION_S = 250, 90


def detected(leads: Floats) -> list[Second]:
    """The seconds of leads (rows, samples) with the beats that the detector finds."""
    heart = heart_rate.init(len(leads), RATE_HZ)
    seconds = []
    for second in range(leads.shape[1] // RATE_HZ):
        block = leads[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(len(leads), (START_S + second) * SECOND_US)
        heart, output = heart_rate.step(heart, block, times)
        seconds.append(Second(block, times, output))
    return seconds


def run(seconds: list[Second], begin: int = 0) -> list[Output]:
    state = rhythm.init(len(seconds[0].samples), RATE_HZ)
    outputs = []
    for each in seconds[begin:]:
        state, output = rhythm.step(state, each.samples, each.times, each.heart)
        outputs.append(output)
    return outputs


def found(lead: Floats, beats: Floats) -> list[Finding]:
    """Findings over beats that are known."""
    seconds = list(seconds_of(lead, np.sort(beats)))
    return [each for output in run(seconds) for each in output.findings]


def names(lead: Floats, beats: Floats) -> set[str]:
    return {each.name for each in found(lead, beats) if not each.has_ended}


def found_in(leads: list[Floats]) -> list[list[Finding]]:
    """Findings of several leads, over beats that the detector finds."""
    told = [each for output in run(detected(np.array(leads))) for each in output.findings]
    return [[each for each in told if each.row == row] for row in range(len(leads))]


def regular(per_min: float) -> Floats:
    return np.arange(0.5, DURATION_S, 60 / per_min)


def test_rates_and_stops() -> None:
    rates = (44, 72, 96, 118)
    steady = [signals.ecg(regular(rate), DURATION_S, RATE_HZ) for rate in rates]
    quickens = np.concatenate((np.arange(0.5, 40, 60 / 42), np.arange(40.5, DURATION_S, 60 / 75)))
    beats = regular(70)
    pause, stop = beats[(beats < 40) | (beats > 43)], beats[(beats < 40) | (beats > 52)]
    leads = [*steady, *(signals.ecg(each, DURATION_S, RATE_HZ) for each in (quickens, pause, stop))]
    slow, calm, brisk, fast, of_quickens, of_pause, of_stop = found_in(leads)
    assert [each.name for each in slow] == [Rhythm.BRADYCARDIA]
    assert [each.name for each in fast] == [Rhythm.TACHYCARDIA]
    assert calm == brisk == []
    assert [(each.name, each.has_ended) for each in of_quickens] == [
        (Rhythm.BRADYCARDIA, False), (Rhythm.BRADYCARDIA, True),
    ]  # fmt: skip
    assert [each.name for each in of_pause] == [Rhythm.PAUSE]
    assert of_pause[0].data["duration_s"] == pytest.approx(3.43, abs=0.05)
    begins, ends = of_stop[:2]
    assert (begins.name, begins.has_ended) == (Rhythm.ASYSTOLE, False)
    assert 44 <= begins.t / SECOND_US - START_S <= 47
    assert (ends.name, ends.has_ended) == (Rhythm.ASYSTOLE, True)


@pytest.mark.parametrize("begin_s", [40.0, 40.3, 40.6, 40.9])
def test_a_stop_just_long_enough_is_told_wherever_the_second_begins(begin_s: float) -> None:
    before = np.arange(begin_s - 39.2, begin_s + 0.1, 0.7)
    after = np.arange(before[-1] + 4.1, DURATION_S, 0.7)
    beats = np.concatenate((before, after))
    told = found(signals.ecg(beats, DURATION_S, RATE_HZ), beats)
    stops = [each for each in told if each.name == Rhythm.ASYSTOLE]
    assert [each.has_ended for each in stops] == [False, True]
    since = stops[0].data["since"]
    assert isinstance(since, int)
    assert since / SECOND_US - START_S == pytest.approx(before[-1], abs=0.01)


def test_a_beat_within_four_seconds_is_no_stop() -> None:
    before = np.arange(0.8, 40.1, 0.7)
    beats = np.concatenate((before, np.arange(before[-1] + 3.9, DURATION_S, 0.7)))
    told = found(signals.ecg(beats, DURATION_S, RATE_HZ), beats)
    assert {each.name for each in told} == {Rhythm.PAUSE}


def test_a_lead_that_falls_off_is_no_asystole() -> None:
    n = 15 * RATE_HZ
    instead = (
        np.full(n, np.nan),
        np.zeros(n),
        np.full(n, 5.0),
        10 * np.sin(2 * np.pi * 50 * np.arange(n) / RATE_HZ),
        np.random.default_rng(0).standard_normal(n),
    )
    leads = []
    for samples in instead:
        lead = signals.ecg(regular(70), DURATION_S, RATE_HZ)
        lead[40 * RATE_HZ : 55 * RATE_HZ] = samples
        leads.append(lead)
    for of_lead in found_in(leads):
        assert not {each.name for each in of_lead} & {Rhythm.ASYSTOLE, Rhythm.PAUSE}


def test_bigeminy_couplets_and_runs() -> None:
    normal, ectopic = np.arange(0.5, DURATION_S, 1.6), np.arange(1.05, DURATION_S, 1.6)
    lead = signals.ecg(normal, DURATION_S, RATE_HZ) + wide(ectopic[20:], DURATION_S)
    assert Rhythm.BIGEMINY in names(lead, np.concatenate((normal, ectopic[20:])))
    beats = regular(70)
    run_of_v = 40 + 0.42 * np.arange(8)
    couplet = np.array([60.0, 60.5])
    beats = beats[(beats < 39.6) | (beats > 43.7)]
    beats = beats[(beats < 59.6) | (beats > 61.2)]
    lead = signals.ecg(beats, DURATION_S, RATE_HZ)
    ectopic = np.concatenate((run_of_v, couplet))
    lead += wide(ectopic, DURATION_S)
    told = found(lead, np.concatenate((beats, ectopic)))
    assert {Rhythm.RUN, Rhythm.COUPLET, Rhythm.VENTRICULAR_TACHYCARDIA} <= {e.name for e in told}
    (of_run,) = [each for each in told if each.name == Rhythm.RUN]
    assert of_run.data["beats"] == 8
    assert of_run.data["rate"] == pytest.approx(143, abs=3)


def test_irregular_without_p_waves() -> None:
    rng = np.random.default_rng(1)
    beats = 0.5 + np.cumsum(rng.uniform(0.4, 1.1, 150))
    beats = beats[beats < DURATION_S]
    t = np.arange(DURATION_S * RATE_HZ) / RATE_HZ
    lead = signals.ecg(beats, DURATION_S, RATE_HZ)
    assert Rhythm.IRREGULAR not in names(lead, beats)  # there are P waves
    for beat in beats:
        lead -= 0.12 * np.exp(-0.5 * ((t - beat + 0.17) / 0.025) ** 2)
    assert Rhythm.IRREGULAR in names(lead, beats)


def test_it_remembers_no_longer_than_it_says() -> None:
    rng = np.random.default_rng(3)
    normal = 0.5 + np.cumsum(rng.choice([0.6, 0.8, 1.5], 300))
    ectopic = normal[6::7] + 0.4
    beats = np.sort(np.concatenate((normal, ectopic)))
    begin, end = 21, 21 + rhythm.MEMORY_S + 40
    lead = signals.ecg(normal[normal < end], end, RATE_HZ) + wide(ectopic[ectopic < end], end)
    seconds = list(seconds_of(lead, beats[beats < end]))
    whole, again = run(seconds)[begin:], run(seconds, begin)
    assert any(output.findings for output in whole[rhythm.MEMORY_S :])
    for one, other in zip(whole[rhythm.MEMORY_S :], again[rhythm.MEMORY_S :], strict=True):
        assert one.findings == other.findings
        assert one.beats is not None
        assert other.beats is not None
        assert one.beats.classes is not None
        assert other.beats.classes is not None
        np.testing.assert_array_equal(one.beats.t, other.beats.t)
        np.testing.assert_array_equal(one.beats.classes, other.beats.classes)
