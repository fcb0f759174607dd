"""Reliability of the breathing rates: ``python -m tests.accuracy.pictures_respiration``."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from services.dsp.core.outputs import Output
from services.dsp.core.respiration import from_ecg, from_ppg, impedance
from tests.accuracy.pictures import FOLDER, reliability
from tests.accuracy.recordings import BIDMC, packed_recordings
from tests.accuracy.streams import as_rows, run
from tests.accuracy.test_respiration import ENDS_S, breath_reference

NEAR_PER_MIN = 2.0
Step = Callable[[Any, Any, Any], tuple[Any, Output]]
SOURCES: tuple[tuple[str, str, Callable[[int, int], Any], Step], ...] = (
    ("impedance", "RESP", impedance.init, impedance.step),
    ("ecg", "ECG", from_ecg.init, from_ecg.step),
    ("ppg", "PPG", from_ppg.init, from_ppg.step),
)


def main() -> int:
    """Write one picture a source."""
    recordings = packed_recordings(BIDMC)
    wanted = np.array([breath_reference(recording) for recording in recordings])
    known = np.isfinite(wanted)
    for name, channel, init, step in SOURCES:
        rows = as_rows([recording.channels[channel] for recording in recordings])
        told = run(init, step, rows, recordings[0].rate_hz, delay_s=5)
        (value,), (quality,) = told.value.values(), told.quality.values()
        at = ENDS_S.astype(int)
        right = np.abs(value[:, at] - wanted)[known] <= NEAR_PER_MIN
        picture = reliability(quality[:, at][known], right, title=f"breath from {channel}")
        (FOLDER / f"respiration-{name}.svg").write_text(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
