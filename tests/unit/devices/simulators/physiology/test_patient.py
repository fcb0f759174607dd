import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.simulators.physiology.happenings import Happening, HappeningKind, Schedule
from devices.simulators.physiology.heart import BeatKind
from devices.simulators.physiology.patient import Patient, Profile, profile_of, to_counts
from devices.simulators.physiology.ppg import CALIBRATION, ratio_of_ratios


def patient(seed: int = 7, *happenings: Happening, **profile: float) -> Patient:
    return Patient(
        seed=seed, profile=profile_of(seed)._replace(**profile), schedule=Schedule(happenings)
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(6)))
def test_a_second_is_the_same_in_any_order(seed: int, order: list[int]) -> None:
    forward, shuffled = patient(seed), patient(seed)
    expected = {k: forward.lead("II").second(k, 250) for k in range(6)}
    for k in order:
        np.testing.assert_array_equal(shuffled.lead("II").second(k, 250), expected[k])
        np.testing.assert_array_equal(
            np.stack(shuffled.oximeter.second(k, 100)), np.stack(forward.oximeter.second(k, 100))
        )
        np.testing.assert_array_equal(
            shuffled.impedance.second(k, 25), forward.impedance.second(k, 25)
        )


def test_another_seed_is_another_patient() -> None:
    assert not np.allclose(
        patient(1).lead("II").second(0, 250), patient(2).lead("II").second(0, 250)
    )
    assert profile_of(1) != profile_of(2)


def test_forgetting_the_past_changes_nothing_that_comes() -> None:
    remembering, forgetful = patient(5), patient(5)
    for k in range(120):
        expected = remembering.lead("II").second(k, 100)
        np.testing.assert_array_equal(forgetful.lead("II").second(k, 100), expected)
        forgetful.forget(float(k))
    assert len(forgetful.heart.beats(0.0, 60.0).times_s) == 0


def test_the_r_peaks_are_where_the_truth_says() -> None:
    one = patient(3, ectopic_share=0.0)
    rate = 1000
    clean = np.concatenate([one.lead("II").clean(k + np.arange(rate) / rate) for k in range(30)])
    beats = one.truth(1.0, 29.0).beats.times_s
    assert len(beats) > 25
    for peak in beats:
        near = slice(int((peak - 0.1) * rate), int((peak + 0.1) * rate))
        found = (near.start + int(np.argmax(clean[near]))) / rate
        assert abs(found - peak) <= 0.002


def test_the_heart_beats_at_the_rate_of_its_profile() -> None:
    truth = patient(11, heart_rate_per_min=80.0, ectopic_share=0.0).truth(0.0, 600.0)
    assert truth.heart_rate_per_min == pytest.approx(80.0, abs=2.5)
    assert np.std(np.diff(truth.beats.times_s)) > 0.01  # rates wander


def test_ectopic_beats_come_early_and_pause() -> None:
    beats = patient(4, ectopic_share=0.1).truth(0.0, 300.0).beats
    ventricular = np.flatnonzero(beats.kinds[:-1] == BeatKind.VENTRICULAR)
    assert len(ventricular) > 5
    intervals = np.diff(beats.times_s)
    typical = float(np.median(intervals))
    for index in ventricular[ventricular > 0]:
        assert intervals[index - 1] < 0.8 * typical
        assert intervals[index] > 1.2 * typical


def test_the_light_carries_the_saturation_that_is_true() -> None:
    one = patient(
        9, Happening(kind=HappeningKind.DESATURATION, start_s=30, duration_s=90, magnitude=14)
    )
    for start in (5, 70):  # at rest, at the bottom
        light = [one.oximeter.second(k, 100) for k in range(start, start + 10)]
        red, infrared = (np.concatenate([second[c] for second in light]) for c in (0, 1))
        # The pulse alone: differences over 0.1 s are steep in a pulse and flat in breath.
        a, b = (signal[10:] - signal[:-10] for signal in (red, infrared))
        ratio = float((a @ b) / (b @ b)) * infrared.mean() / red.mean()
        found = CALIBRATION[0] * ratio**2 + CALIBRATION[1] * ratio + CALIBRATION[2]
        assert found == pytest.approx(one.truth(start, start + 10).spo2_percent, abs=1.0)
    assert one.truth(70, 80).spo2_percent < 86


@given(st.floats(60.0, 99.5))
def test_the_ratio_inverts_the_calibration(spo2: float) -> None:
    ratio = float(ratio_of_ratios(np.array([spo2]))[0])
    a, b, c = CALIBRATION
    assert a * ratio**2 + b * ratio + c == pytest.approx(spo2, abs=1e-6)


def test_perfusion_is_the_pulsatile_share() -> None:
    one = patient(6, perfusion_percent=2.0)
    infrared = np.concatenate([one.oximeter.second(k, 100)[1] for k in range(4, 8)])
    span = float(np.percentile(infrared, 97) - np.percentile(infrared, 3)) / infrared.mean() * 100
    assert span == pytest.approx(one.truth(4, 8).perfusion_percent, rel=0.25)


def test_light_falls_when_a_pulse_arrives() -> None:
    one = patient(6)
    infrared = np.concatenate([one.oximeter.second(k, 100)[1] for k in range(6)])
    steps = np.diff(infrared, n=1)
    assert -steps.min() > 1.5 * steps.max()  # the systolic slope is the steep one, downwards


def test_the_chest_moves_at_the_true_rate() -> None:
    one = patient(2, respiration_per_min=15.0)
    signal = np.concatenate([one.impedance.second(k, 25) for k in range(120)])
    spectrum = np.abs(np.fft.rfft(signal - signal.mean()))
    frequencies = np.fft.rfftfreq(len(signal), 1 / 25)
    band = (frequencies > 0.1) & (frequencies < 1.0)
    found = 60 * frequencies[band][np.argmax(spectrum[band])]
    assert found == pytest.approx(one.truth(0, 120).respiration_per_min, abs=1.0)


def test_a_loose_electrode_rails_and_recovers() -> None:
    one = patient(8, Happening(kind=HappeningKind.LEAD_OFF, start_s=10.5, duration_s=3))
    counts = [to_counts(one.lead("II").second(k, 250), scale=0.0025) for k in range(20)]
    assert (counts[12] == 4000).all()
    assert (counts[10][:125] < 1500).all()
    assert (counts[10][126:] == 4000).all()
    assert np.abs(counts[17]).max() < 1500


def test_no_finger_no_pulse() -> None:
    one = patient(8, Happening(kind=HappeningKind.PROBE_OFF, start_s=5, duration_s=5))
    assert max(one.oximeter.second(6, 100)[1]) < 300


def test_noise_stands_on_the_ecg_while_it_is_scheduled() -> None:
    one = patient(8, Happening(kind=HappeningKind.NOISE, start_s=5, duration_s=5, magnitude=0.2))
    quiet = one.lead("II").second(2, 250) - one.lead("II").clean(2 + np.arange(250) / 250)
    loud = one.lead("II").second(7, 250) - one.lead("II").clean(7 + np.arange(250) / 250)
    assert loud.std() > 8 * quiet.std()


def test_apnoea_flattens_the_chest() -> None:
    one = patient(2, Happening(kind=HappeningKind.APNOEA, start_s=20, duration_s=20))
    held = np.concatenate([one.impedance.second(k, 25) for k in range(24, 36)])
    free = np.concatenate([one.impedance.second(k, 25) for k in range(12)])
    assert held.std() < 0.25 * free.std()


def test_a_schedule_repeats() -> None:
    schedule = Schedule(
        (Happening(kind=HappeningKind.LEAD_OFF, start_s=90, duration_s=20),), period_s=100
    )
    assert schedule.is_on(HappeningKind.LEAD_OFF, 95)
    assert schedule.is_on(HappeningKind.LEAD_OFF, 395)
    assert not schedule.is_on(HappeningKind.LEAD_OFF, 350)
    found = schedule.intervals(HappeningKind.LEAD_OFF, 180, 300)
    assert [h.start_s for h in found] == [190, 290]
    assert schedule.intervals(HappeningKind.LEAD_OFF, 0, 10) == []


def test_counts_stop_at_the_rails_and_never_look_missing() -> None:
    counts = to_counts(np.array([-1e9, 0.0, 1e9]), scale=1.0)
    assert counts.tolist() == [-32767, 0, 32767]


def test_default_profile_is_healthy() -> None:
    assert Profile().spo2_percent > 95
