"""Windows longer than any estimator's memory: computed from what is stored, stateless.

A window of five minutes on the clock is computed when the beats of a device have passed its end,
from the beats that storage has; late data computes it again in a higher revision. So nothing needs
to be kept, and a restart loses nothing.
"""

from collections import OrderedDict

import numpy as np

from services.dsp.core.ecg.variability import variability
from services.dsp.core.emission import vital_rows
from services.dsp.core.gaps import SECOND_US
from services.dsp.core.lane import LateSamples
from services.dsp.core.outputs import Reading
from shared.contracts.beats import BeatKind
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.records import Table
from shared.contracts.vitals import VITAL

WINDOW_US = 300 * SECOND_US
BEATS_FIVE_MINUTES = 1001
"""In place of a stream, of the time that waits to be computed from beats. Streams end at 999."""
FOLLOWED_MOST = 65_536  # devices whose newest window is known; the longest silent go first
# Share of the window in normal intervals to quality: a rule, not a calibration. Leaving a random
# tenth out changes SDNN by 2 %, half by 10 % (docs/science/variability.md).
QUALITY = ((0.5, 0.7, 0.9), (0.5, 0.7, 1.0))


class Windows:
    """Which windows of which devices have been passed by their beats."""

    def __init__(self) -> None:
        self._newest: OrderedDict[int, int] = OrderedDict()

    def passed(self, beats: Table) -> list[LateSamples]:
        """Windows that end before these beats, each once."""
        beats = beats[beats["kind"] == BeatKind.R_PEAK]
        found: list[LateSamples] = []
        devices, place = np.unique(beats["device"], return_inverse=True)
        newest = np.full(len(devices), -1, dtype=np.int64)
        np.maximum.at(newest, place, beats["t"] // WINDOW_US)
        for device, window in zip(devices.tolist(), newest.tolist(), strict=True):
            before = self._newest.pop(device, window)
            self._newest[device] = max(before, window)
            if window > before:
                start_us = before * WINDOW_US
                found.append(
                    LateSamples(device, BEATS_FIVE_MINUTES, start_us, start_us + WINDOW_US)
                )
        while len(self._newest) > FOLLOWED_MOST:
            self._newest.popitem(last=False)
        return found


def windows_of(start_us: int, end_us: int) -> list[tuple[int, int]]:
    """The windows that a time touches."""
    first, last = start_us // WINDOW_US, -(-end_us // WINDOW_US)
    return [(at * WINDOW_US, (at + 1) * WINDOW_US) for at in range(first, last)]


def summarised(beats: Table, device: int, end_us: int) -> Table:
    """Values of one window from its beats, as rows of `VITAL`; none where there was no beat.

    Parameters
    ----------
    beats : that count in the window, of one device and kind, by time
    """
    if not len(beats):
        return np.empty(0, dtype=VITAL)
    found = variability(
        beats["t"].astype(np.int64),
        beats["rr_ms"].astype(np.float64),
        beats["quality"].astype(np.float64),
        beats["class"],
        window_us=WINDOW_US,
    )
    sure = float(np.interp(found.coverage, *QUALITY, left=0.0))
    tables = [
        vital_rows(
            Reading(
                measure,
                Method.NORMAL_INTERVALS,
                np.array([value]),
                np.array([sure if np.isfinite(value) else 0.0]),
                np.array([found.coverage]),
            ),
            device=np.array([device], dtype=np.int32),
            t=np.array([end_us]),
            received=np.array([int(beats["t"].max())]),
            frame_flags=np.zeros(1, dtype=np.uint32),
            age_s=np.array([WINDOW_US // SECOND_US]),
        )
        for measure, value in (
            (Measure.HRV_SDNN, found.sdnn_ms),
            (Measure.HRV_RMSSD, found.rmssd_ms),
            (Measure.HRV_PNN50, found.pnn50),
            (Measure.HRV_LF_HF, found.lf_hf),
        )
    ]
    table: Table = np.concatenate(tables)
    return table
