"""The simulated motion node of `make run SYSTEMS=wellness` through a lane: posture and steps."""

import numpy as np
import pytest

from devices.sdk import Frame as SentFrame
from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.physiology.happenings import Schedule
from devices.simulators.physiology.patient import Patient, profile_of
from devices.simulators.wellness import POSTURE_EACH_S, WellnessMotionNode
from services.dsp.core.lane import LaneSignals
from services.dsp.core.motion.posture import Posture
from shared.contracts.events import Event
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.measures import Measure
from shared.contracts.records import Table
from shared.contracts.vitals import VITAL
from tests.unit.services.dsp.signals import SECOND_US, START_S

SECONDS = 4 * POSTURE_EACH_S + 20
SHOWN = (Posture.STANDING, Posture.SITTING, Posture.LYING_BACK, Posture.LYING_LEFT)
TURNING_S = 3


def on_the_way(sent: SentFrame, second: int) -> Frame:
    t0 = (START_S + second) * SECOND_US
    wire = sent.to_wire(t0)
    return Frame(
        device=1, boot=1, n=second, part=0, stream=wire.stream, t0=t0,
        interval_ns=wire.interval_ns, received=t0 + SECOND_US + 80_000, flags=0,
        channels=wire.channels, format=wire.format, place=wire.place, scale=wire.scale,
        offset=wire.offset, samples=bytes(wire.data),
    )  # fmt: skip


def computed(seed: int) -> tuple[Table, list[Event]]:
    node = WellnessMotionNode(Patient(seed=seed, profile=profile_of(seed), schedule=Schedule()))
    lane, tables, events = LaneSignals(), [np.empty(0, VITAL)], list[Event]()
    for second in range(SECONDS):
        (message,) = node.second(second, (START_S + second) * SECOND_US)
        assert isinstance(message, Outgoing)
        frames = [on_the_way(frame, second) for frame in message.frames]
        batch = decode_frames(encode_frames(frames))
        assert isinstance(batch, FrameBatch)
        lane.take(batch)
        done = lane.compute()
        tables += done.vitals
        events += done.events
    told: Table = np.concatenate(tables)
    return told, events


def of(told: Table, measure: Measure) -> dict[int, float]:
    """Values that may be shown, by the second that they speak of."""
    rows = told[(told["measure"] == measure) & np.isfinite(told["value"])]
    seconds = (rows["t"] // SECOND_US - START_S).tolist()
    assert len(set(seconds)) == len(seconds)  # once a device and moment: two sensors, one count
    return dict(zip(seconds, rows["value"].tolist(), strict=True))


@pytest.mark.parametrize("seed", [3, 7])
def test_postures_and_steps_of_the_node_are_given(seed: int) -> None:
    told, events = computed(seed)
    postures = of(told, Measure.POSTURE)
    assert len(postures) >= SECONDS - 5
    for end, posture in postures.items():
        stay, into = divmod(end - 1, POSTURE_EACH_S)
        if into >= TURNING_S:
            assert posture == SHOWN[stay % len(SHOWN)], end
    steps = of(told, Measure.STEPS)
    assert set(steps) >= set(range(5, SECONDS - 10, 5))
    walked = sum(count for end, count in steps.items() if end <= POSTURE_EACH_S + 5)
    assert walked == pytest.approx(1.8 * POSTURE_EACH_S, abs=2)
    assert not any(steps[end] for end in range(30, 4 * POSTURE_EACH_S, 5))
    cadence = of(told, Measure.CADENCE)
    assert cadence[15] == pytest.approx(108, abs=3)
    assert cadence[40] == 0
    assert events == []
