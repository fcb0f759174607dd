"""Floors of the pulse of somebody who moves, where the recordings lie beside the repository."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.dsp.core.ppg import pulse_in_motion
from services.dsp.core.ppg.pulse_in_motion import MOTION_HZ
from tests.accuracy.recordings import DATA, needed, packed_recordings
from tests.accuracy.streams import as_rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NEAR_PER_MIN = 5.0
LIGHTS, AXES = ("PPG1", "PPG2"), ("ACCX", "ACCY", "ACCZ")
Floats = NDArray[np.float64]


def told(rows: dict[str, Floats], rate_hz: int) -> tuple[Floats, Floats]:
    """Values and qualities (rows, seconds): index k speaks of the time that ends at k."""
    light = np.stack([rows[name] for name in LIGHTS], axis=1)
    jolt = np.stack([rows[name] for name in AXES], axis=1)
    devices, seconds = len(light), light.shape[2] // rate_hz
    state = pulse_in_motion.init(devices, rate_hz)
    values = np.full((devices, seconds + 1), np.nan)
    qualities = np.zeros((devices, seconds + 1))
    for second in range(seconds):
        part = slice(second * rate_hz, (second + 1) * rate_hz)
        moved = jolt[:, :, part].reshape(devices, len(AXES), MOTION_HZ, -1).mean(axis=3)
        times = np.zeros(devices, dtype=np.int64)
        state, output = pulse_in_motion.step(state, (light[:, :, part], moved), times)
        at = second + 1 - pulse_in_motion.DELAY_S
        if at >= 0:
            values[:, at], qualities[:, at] = output.readings[0].value, output.readings[0].quality
    return values, qualities


def test_pulse_in_motion(floors: dict[str, Any]) -> None:
    recordings = packed_recordings(needed(DATA / "troika"))
    rate_hz = recordings[0].rate_hz
    # Two seconds more bring out what waits.
    end = np.full(2 * rate_hz, np.nan)
    names = (*LIGHTS, *AXES)
    rows = {
        name: as_rows([np.append(each.channels[name], end) for each in recordings])
        for name in names
    }
    values, qualities = told(rows, rate_hz)
    errors, sure = [], []
    for row, recording in enumerate(recordings):
        at = np.rint(recording.references["ref_end_s"]).astype(int)
        errors.append(np.abs(values[row, at] - recording.references["ref_rate"]))
        sure.append(qualities[row, at])
    error, quality = np.concatenate(errors), np.concatenate(sure)
    near = error <= NEAR_PER_MIN
    floor = floors["troika"]
    assert error.mean() <= floor["pulse_in_motion_mean_error_most"]
    assert 100 * near.mean() >= floor["pulse_in_motion_near_percent_least"]
    above = (quality[near][:, None] > quality[~near]).mean()
    alike = (quality[near][:, None] == quality[~near]).mean()
    assert above + 0.5 * alike >= floor["pulse_in_motion_quality_auc_least"]
