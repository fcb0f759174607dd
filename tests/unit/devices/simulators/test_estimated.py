"""What the ward sends is understood: estimates from its messages are near the truth behind them."""

import numpy as np
import pytest

from devices.simulators.bedside_monitor import BedsideMonitor
from devices.simulators.roster import demo_ward
from services.dsp.core.lane import LaneSignals
from shared.contracts.frames import Frame, decode_frames, encode_frames
from shared.contracts.measures import Measure
from shared.contracts.quality import FrameFlag
from shared.contracts.records import BadBatch

START_US = 1_800_000_000_000_000
SECOND_US = 1_000_000
SECONDS = 60


def estimated(monitor: BedsideMonitor) -> dict[Measure, float]:
    """The newest value of each measure after a minute of messages."""
    signals = LaneSignals()
    newest: dict[Measure, float] = {}
    for second in range(SECONDS + 4):
        start_us = START_US + second * SECOND_US
        frames = []
        for n, message in enumerate(monitor.second(second, start_us)):
            for part, frame in enumerate(message.frames):
                wire = frame.to_wire(start_us + SECOND_US)
                flags = FrameFlag.LEAD_OFF if message.lead_off else FrameFlag(0)
                frames.append(
                    Frame(
                        1, 1, 2 * second + n, part, wire.stream, start_us, wire.interval_ns,
                        start_us + SECOND_US, int(flags), wire.channels, wire.format, wire.place,
                        wire.scale, wire.offset, wire.data,
                    )
                )  # fmt: skip
        batch = decode_frames(encode_frames(frames))
        assert not isinstance(batch, BadBatch)
        signals.take(batch)
        for table in signals.compute().vitals:
            for row in table[np.isfinite(table["value"])]:
                newest[Measure(int(row["measure"]))] = float(row["value"])
    return newest


@pytest.mark.parametrize("bed", [0, 2, 4])
def test_a_minute_of_messages_gives_what_is_true(bed: int) -> None:
    monitor = BedsideMonitor(demo_ward(seed=1)[bed])
    found = estimated(monitor)
    truth = BedsideMonitor(monitor.bed).patient.truth(SECONDS - 10, SECONDS)
    assert found[Measure.HEART_RATE] == pytest.approx(truth.heart_rate_per_min, abs=3)
    assert found[Measure.PULSE_RATE] == pytest.approx(truth.heart_rate_per_min, abs=3)
    assert found[Measure.SPO2] == pytest.approx(truth.spo2_percent, abs=1.5)
    breaths = BedsideMonitor(monitor.bed).patient.truth(SECONDS - 30, SECONDS)
    assert found[Measure.RESPIRATION_RATE] == pytest.approx(breaths.respiration_per_min, abs=2.5)
    assert found[Measure.TEMPERATURE] == pytest.approx(truth.temperature_celsius, abs=0.1)
