"""Windows of stored beats: each noted once, computed from what is there."""

import numpy as np
import pytest

from services.dsp.core.summaries import (
    BEATS_FIVE_MINUTES,
    WINDOW_US,
    Windows,
    summarised,
    windows_of,
)
from shared.contracts.beats import BEAT, BeatKind
from shared.contracts.measures import Measure
from shared.contracts.quality import Validity
from shared.contracts.records import Table

START_US = 1_767_225_600_000_000 // WINDOW_US * WINDOW_US


def beats(device: int, *seconds: float, kind: BeatKind = BeatKind.R_PEAK) -> Table:
    table = np.zeros(len(seconds), dtype=BEAT)
    table["device"], table["kind"], table["quality"] = device, kind, 1
    table["t"] = START_US + np.rint(np.array(seconds) * 1e6).astype(np.int64)
    table["rr_ms"] = np.concatenate(([np.nan], np.diff(table["t"]) / 1000))
    return table


def test_a_window_is_noted_once_when_beats_have_passed_it() -> None:
    windows = Windows()
    assert windows.passed(beats(1, 290, 299)) == []
    first = windows.passed(beats(1, 299.5, 300.4))
    assert first == [(1, BEATS_FIVE_MINUTES, START_US, START_US + WINDOW_US)]
    assert windows.passed(beats(1, 301)) == []
    assert windows.passed(beats(2, 301)) == []
    assert windows.passed(beats(1, 200)) == []
    assert windows.passed(beats(1, 302)) == []
    assert windows.passed(beats(1, 601, kind=BeatKind.PULSE_FOOT)) == []
    after_a_pause = windows.passed(beats(1, 1501))
    assert after_a_pause == [
        (1, BEATS_FIVE_MINUTES, START_US + WINDOW_US, START_US + 2 * WINDOW_US)
    ]


def test_windows_that_a_time_touches() -> None:
    assert windows_of(START_US + 1, START_US + WINDOW_US) == [(START_US, START_US + WINDOW_US)]
    assert len(windows_of(START_US - 1, START_US + WINDOW_US + 1)) == 3


def test_values_speak_of_the_end_and_are_withheld_where_too_little_is_there() -> None:
    t = np.cumsum(0.8 + 0.04 * np.sin(np.arange(374)))
    table = summarised(beats(7, *t), 7, START_US + WINDOW_US)
    by_measure = {int(row["measure"]): row for row in table}
    assert set(by_measure) == {
        Measure.HRV_SDNN, Measure.HRV_RMSSD, Measure.HRV_PNN50, Measure.HRV_LF_HF
    }  # fmt: skip
    sdnn = by_measure[Measure.HRV_SDNN]
    assert sdnn["value"] == pytest.approx(40 / np.sqrt(2), rel=0.05)
    assert sdnn["validity"] == Validity.VALID
    assert (sdnn["t"], sdnn["device"], sdnn["revision"]) == (START_US + WINDOW_US, 7, 0)
    little = summarised(beats(7, *t[:60]), 7, START_US + WINDOW_US)
    assert np.isnan(little["value"]).all()
    assert (little["validity"] == Validity.ABSENT).all()
    assert len(summarised(beats(7), 7, START_US + WINDOW_US)) == 0
