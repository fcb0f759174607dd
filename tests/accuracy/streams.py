"""Runs shipped estimators over recordings as the service does: second by second, in rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.outputs import Output
from shared.contracts.measures import Measure

Floats = NDArray[np.float64]
START_US = 1_767_225_600_000_000
SECOND_US = 1_000_000


class Told(NamedTuple):
    """What the estimators said of each row.

    Attributes
    ----------
    beats_s : of each row, seconds from its first sample
    value, quality : by measure, (rows, seconds): index k speaks of the time that ends at k
    """

    beats_s: list[Floats]
    value: dict[Measure, Floats]
    quality: dict[Measure, Floats]


def run(
    init: Callable[[int, int], Any],
    step: Callable[[Any, Any, Any], tuple[Any, Output]],
    samples: Floats,
    rate_hz: int,
    *,
    delay_s: int = 1,
) -> Told:
    """Feed (rows, n) or (rows, channels, n); rows may end in NaN."""
    rows, n_seconds = len(samples), samples.shape[-1] // rate_hz
    state = init(rows, rate_hz)
    beats: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    value: dict[Measure, Floats] = {}
    quality: dict[Measure, Floats] = {}
    for second in range(n_seconds + 2):  # two more bring out what waits
        block = np.full((*samples.shape[:-1], rate_hz), np.nan)
        if second < n_seconds:
            block[:] = samples[..., second * rate_hz : (second + 1) * rate_hz]
        times = np.full(rows, START_US + second * SECOND_US)
        state, output = step(state, block, times)
        if output.beats is not None:
            beats.append((output.beats.row, output.beats.t - START_US))
        for reading in output.readings:
            empty = np.full((rows, n_seconds + 3), np.nan)
            at = second + 1 - delay_s
            value.setdefault(reading.measure, empty)[:, at] = reading.value
            quality.setdefault(reading.measure, empty.copy())[:, at] = reading.quality
    by_row: list[Floats] = [np.empty(0)] * rows
    if beats:
        owner = np.concatenate([row for row, _ in beats])
        when = np.concatenate([t for _, t in beats]) / SECOND_US
        by_row = [np.sort(when[owner == row]) for row in range(rows)]
    return Told(by_row, value, quality)


def as_rows(signals: list[Floats]) -> Floats:
    """Signals of unlike length as rows that end in NaN."""
    rows = np.full((len(signals), max(len(each) for each in signals)), np.nan)
    for row, each in zip(rows, signals, strict=True):
        row[: len(each)] = each
    return rows
