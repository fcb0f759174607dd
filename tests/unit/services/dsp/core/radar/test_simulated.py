"""The simulated radar of `make run SYSTEMS=radar` through a lane: what its patient has is found."""

import numpy as np
import pytest

from devices.simulators.physiology.happenings import Schedule
from devices.simulators.physiology.patient import Patient, profile_of
from devices.simulators.radar import FULL_SCALE_V, GAIN, RadarMonitor
from services.dsp.core.lane import LaneSignals
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.measures import Measure
from shared.contracts.records import Table
from shared.contracts.streams import Stream
from shared.contracts.vitals import VITAL
from tests.unit.services.dsp.signals import SECOND_US, START_S

SECONDS = 45
SCALE = FULL_SCALE_V / 2**23 / GAIN


def frame(second: int, counts: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> Frame:
    t0 = (START_S + second) * SECOND_US
    return Frame(
        device=1, boot=1, n=second, part=0, stream=Stream.RADAR_IQ, t0=t0,
        interval_ns=round(1e9 / len(counts)), received=t0 + SECOND_US + 80_000, flags=0,
        channels=2, format=3, place=0, scale=SCALE, offset=0.0,
        samples=np.ascontiguousarray(counts.astype("<i4")).tobytes(),
    )  # fmt: skip


def vitals_of(patient: Patient) -> Table:
    radar, lane = RadarMonitor(patient), LaneSignals()
    tables = [np.empty(0, VITAL)]
    for second in range(SECONDS):
        batch = decode_frames(encode_frames([frame(second, radar.counts(second))]))
        assert isinstance(batch, FrameBatch)
        lane.take(batch)
        tables += lane.compute().vitals
    told: Table = np.concatenate(tables)
    return told


@pytest.mark.parametrize("seed", [3, 7])
def test_heart_breath_and_presence_of_the_patient_are_given(seed: int) -> None:
    def somebody() -> Patient:
        return Patient(seed=seed, profile=profile_of(seed), schedule=Schedule())

    told, truth = vitals_of(somebody()), somebody()
    last = told[told["t"] == told["t"].max()]
    value = {Measure(row["measure"]): float(row["value"]) for row in last}
    end = float((last["t"][0] - START_S * SECOND_US) / SECOND_US)
    beats = truth.heart.beats(end - 30, end).times_s
    assert abs(value[Measure.HEART_RATE] - 60 / np.diff(beats).mean()) < 5
    breath = truth.breathing.rate_at(np.arange(end - 30, end)).mean()
    assert abs(value[Measure.RESPIRATION_RATE] - breath) < 2
    assert value[Measure.PRESENCE] == value[Measure.PULSE_SEEN] == 1
