import numpy as np
import pytest

from devices.sdk import Stream
from devices.simulators.bedside_monitor import BedsideMonitor
from devices.simulators.physiology.happenings import HappeningKind
from devices.simulators.roster import demo_ward
from shared.contracts.identity import parse_device_id

START_US = 1_800_000_000_000_000


def test_each_bed_has_a_device_of_its_own_and_the_seed_decides() -> None:
    ward = demo_ward(seed=1)
    assert len({bed.device for bed in ward}) == len({bed.seed for bed in ward}) == 8
    assert all(parse_device_id(bed.device) for bed in ward)
    assert demo_ward(seed=1) == ward
    assert demo_ward(seed=2)[0].profile != ward[0].profile
    assert len(demo_ward(seed=1, n_beds=20)) == 20


@pytest.mark.parametrize("seed", [1, 7, 4242])
def test_the_first_three_minutes_are_worth_watching(seed: int) -> None:
    monitors = [BedsideMonitor(bed) for bed in demo_ward(seed=seed)]
    low, quick, loose, away = [], [], [], []
    for monitor in monitors:
        patient, schedule = monitor.patient, monitor.bed.schedule
        windows = [patient.truth(t, t + 10) for t in range(0, 180, 10)]
        low.append(sum(window.spo2_percent < 89 for window in windows))
        quick.append(sum(window.heart_rate_per_min > 125 for window in windows))
        loose.append(len(schedule.intervals(HappeningKind.LEAD_OFF, 0, 180)))
        away.append([monitor.is_disconnected(t) for t in range(180)])
    assert [count for count in low if count] == [pytest.approx(5, abs=2)]
    assert [count for count in quick if count] == [pytest.approx(6, abs=2)]
    assert sorted(loose)[-2:] == [0, 1]
    gone = [each for each in away if any(each)]
    assert len(gone) == 1
    assert not gone[0][0]
    assert not gone[0][-1]
    # Who has none of it lies in bed with normal values.
    calm = monitors[0].patient.truth(0, 180)
    assert 50 < calm.heart_rate_per_min < 100
    assert calm.spo2_percent > 93


def test_a_second_is_one_message_with_all_its_frames() -> None:
    monitor = BedsideMonitor(demo_ward(seed=1)[0])
    (first,) = monitor.second(0, START_US)
    assert [frame.stream for frame in first.frames] == [
        Stream.ECG, Stream.PPG, Stream.IMPEDANCE, Stream.TEMPERATURE,
    ]  # fmt: skip
    ecg = first.frames[0]
    wire = ecg.to_wire(START_US + 1_000_000)
    assert (wire.channels, wire.samples, wire.dt_us) == (2, 250, -1_000_000)
    assert np.frombuffer(wire.data, "<i2").min() > -32_768  # nothing looks missing
    (second,) = monitor.second(1, START_US + 1_000_000)
    assert Stream.TEMPERATURE not in [frame.stream for frame in second.frames]


def test_a_loose_electrode_is_flagged_in_a_message_of_its_own() -> None:
    bed = next(b for b in demo_ward(seed=1) if b.schedule.is_on(HappeningKind.LEAD_OFF, 100))
    monitor = BedsideMonitor(bed)
    plain, off = monitor.second(100, START_US)
    assert (plain.lead_off, off.lead_off) == (False, True)
    assert [frame.stream for frame in off.frames] == [Stream.ECG]
    assert Stream.PPG in [frame.stream for frame in plain.frames]
